"""What libraries of handlers read and set on a RequestHandler: jupyter-server, bokeh, sockjs-tornado, tornado-cors."""

import inspect
from typing import Any

from pyframework import httputil
from pyframework.web import OutputTransform, RequestHandler


def test_a_handler_is_a_python_class(hello):
    assert isinstance(hello, type) and inspect.isclass(RequestHandler)
    assert type(RequestHandler) is type
    assert inspect.isfunction(RequestHandler.get) and inspect.isfunction(RequestHandler.__init__)


async def test_headers_are_there_to_be_changed(open_site):
    class Changing(RequestHandler):
        def get(self) -> None:
            assert isinstance(self._headers, httputil.HTTPHeaders)
            self._headers["X-One"] = "1"
            self._headers.add("X-Two", "a")
            self._headers.add("X-Two", "b")
            del self._headers["Server"]

    response = await (await open_site(Changing))()
    assert response.headers["X-One"] == "1"
    assert response.headers.get_list("X-Two") == ["a", "b"]
    assert "Server" not in response.headers


async def test_headers_are_there_to_be_replaced(open_site):
    class Replacing(RequestHandler):
        def get(self) -> None:
            self._headers = httputil.HTTPHeaders({"X-Only": "1"})
            self.write("x")

    response = await (await open_site(Replacing))()
    assert response.headers["X-Only"] == "1"
    assert "Content-Type" not in response.headers
    assert response.body == b"x"


async def test_write_buffer_is_a_list(open_site):
    class Changing(RequestHandler):
        def get(self) -> None:
            self.write("a")
            self.write("b")
            assert self._write_buffer == [b"a", b"b"]
            self._write_buffer = [b"".join(self._write_buffer).upper()]
            self._write_buffer.append(b"c")

    assert (await (await open_site(Changing))()).body == b"ABc"


async def test_transforms_are_set_by_a_handler(open_site):
    class Upper(OutputTransform):
        def transform_first_chunk(self, status_code: int, headers: Any, chunk: bytes, finishing: bool) -> Any:
            return status_code, headers, chunk.upper()

    class Transforming(RequestHandler):
        def get(self) -> None:
            self._transforms = [*self._transforms, Upper(self.request)]
            self.write("x")

    assert (await (await open_site(Transforming))()).body == b"X"


async def test_status_and_reason_are_attributes(open_site):
    class Setting(RequestHandler):
        def get(self) -> None:
            assert (self._status_code, self._reason) == (200, "OK")
            self._status_code, self._reason = 299, "Mine"

    response = await (await open_site(Setting))()
    assert (response.code, response.reason) == (299, "Mine")


async def test_how_far_the_response_is(open_site):
    class Watching(RequestHandler):
        states: list[tuple[bool, bool]] = []

        def note(self) -> None:
            self.states.append((self._headers_written, self._finished))

        async def get(self) -> None:
            self.note()
            await self.flush()
            self.note()
            self.finish()
            self.note()

    await open_site(Watching)
    assert Watching.states == [(False, False), (True, False), (True, True)]


async def test_without_auto_finish_the_handler_says_when(open_site):
    class Later(RequestHandler):
        def get(self) -> None:
            self._auto_finish = False
            self.application.settings["later"] = self.later
            self.application.settings["loop"].add_callback(self.later)

        def later(self) -> None:
            self.finish("late")

        def initialize(self) -> None:
            from pyframework.ioloop import IOLoop

            self.application.settings["loop"] = IOLoop.current()

    assert (await (await open_site(Later))()).body == b"late"


async def test_an_auto_finish_of_the_class(open_site):
    class Later(RequestHandler):
        _auto_finish = False

        async def get(self) -> None:
            self.write("now")
            await self.finish()

    assert (await (await open_site(Later))()).body == b"now"


async def test_cookies_that_are_not_sent_yet(open_site):
    class Setting(RequestHandler):
        def get(self) -> None:
            assert not hasattr(self, "_new_cookie")
            self.set_cookie("a", "1")
            assert self._new_cookie["a"].value == "1"
            del self._new_cookie["a"]
            self.set_cookie("b", "2")

    response = await (await open_site(Setting))()
    assert response.headers.get_list("Set-Cookie") == ["b=2; Path=/"]


async def test_the_xsrf_token_is_remembered(open_site):
    class Asking(RequestHandler):
        def get(self) -> None:
            assert not hasattr(self, "_xsrf_token")
            token = self.xsrf_token
            assert self._xsrf_token is token

    assert (await (await open_site(Asking))()).code == 200


async def test_methods_that_are_not_there(open_site, hello):
    # What jupyter-server and CORS libraries list as allowed.
    offered = [
        method
        for method in RequestHandler.SUPPORTED_METHODS
        if getattr(hello, method.lower()) is not RequestHandler._unimplemented_method
    ]
    assert offered == ["GET", "POST"]
    assert (await (await open_site(hello))(method="DELETE")).code == 405


async def test_arguments_of_the_path(open_site):
    class Reading(RequestHandler):
        def prepare(self) -> None:
            self.path_args = [argument.upper() for argument in self.path_args]
            assert self.path_kwargs == {}

        def get(self, name: str = "") -> None:
            self.write(name)

    assert (await (await open_site(Reading))("/hello/you")).body == b"YOU"
