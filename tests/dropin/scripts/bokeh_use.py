"""What programs do with bokeh's server: pages, sessions over WebSockets, callbacks, several applications."""

import asyncio
import threading

import pytest
from bokeh.application import Application
from bokeh.application.handlers.function import FunctionHandler
from bokeh.client import pull_session
from bokeh.embed import server_document
from bokeh.models import ColumnDataSource, Div, Slider
from bokeh.plotting import figure
from bokeh.server.auth_provider import AuthModule
from bokeh.server.server import Server
from bokeh.util.token import generate_session_id
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.ioloop import IOLoop
from tornado.web import RequestHandler
from tornado.websocket import websocket_connect


def sliders(doc):
    slider, shown = Slider(start=0, end=10, value=1, name="slider"), Div(text="1", name="shown")
    slider.on_change("value", lambda name, old, new: setattr(shown, "text", str(new)))
    plot = figure()
    plot.line([1, 2], [3, 4])
    for root in (slider, shown, plot):
        doc.add_root(root)


def served(applications, **options):
    server = Server(applications, port=0, address="127.0.0.1", io_loop=IOLoop.current(), **options)
    server.start()
    return server


@pytest.fixture
def serve():
    servers = []

    def serve(applications, **options):
        servers.append(served(applications, **options))
        return servers[-1]

    yield serve
    for server in servers:
        server.stop()


@pytest.fixture
def threaded():
    """The URL of a server whose loop runs in a thread of its own, for the blocking client."""
    ready, box = threading.Event(), {}

    async def main():
        server = served({"/": sliders, "/big": big})
        box.update(url=f"http://127.0.0.1:{server.port}", stop=asyncio.Event(), loop=asyncio.get_running_loop())
        ready.set()
        await box["stop"].wait()
        server.unlisten()
        server.stop()

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    assert ready.wait(30)
    yield box["url"]
    box["loop"].call_soon_threadsafe(box["stop"].set)
    thread.join()


def big(doc):
    doc.add_root(ColumnDataSource({"x": list(range(200_000))}, name="big"))


async def get(server, path, **options):
    return await AsyncHTTPClient().fetch(HTTPRequest(f"http://127.0.0.1:{server.port}{path}", **options))


@pytest.mark.parametrize("path", ["/", "/app", "/app/autoload.js?bokeh-autoload-element=x", "/app/metadata"])
async def test_pages(serve, path):
    server = serve({"/app": sliders, "/other": sliders})
    assert (await get(server, path)).code == 200


@pytest.mark.parametrize("path", ["js/bokeh.min.js", "js/bokeh-widgets.min.js", "js/bokeh.js"])
async def test_static_files(serve, path):
    answer = await get(serve({"/app": sliders}), f"/static/{path}")
    assert answer.code == 200 and len(answer.body) > 10_000 and "Etag" in answer.headers


async def test_the_page_of_a_prefix(serve):
    server = serve({"/app": sliders}, prefix="/base", use_index=False)
    assert (await get(server, "/base/app")).code == 200
    with pytest.raises(HTTPClientError) as missing:
        await get(server, "/app")
    assert missing.value.code == 404


async def test_the_websocket_speaks(serve):
    server = serve({"/app": sliders})
    token = (await get(server, "/app")).body.decode().partition('"token":"')[2].partition('"')[0]
    url = f"ws://127.0.0.1:{server.port}/app/ws"
    socket = await websocket_connect(url, subprotocols=["bokeh", token])
    assert socket.selected_subprotocol == "bokeh"
    header = await socket.read_message()
    assert "ACK" in header
    socket.close()


async def test_a_websocket_of_another_origin_is_refused(serve):
    server = serve({"/app": sliders})
    request = HTTPRequest(f"ws://127.0.0.1:{server.port}/app/ws", headers={"Origin": "http://elsewhere"})
    with pytest.raises(HTTPClientError) as refused:
        await websocket_connect(request, subprotocols=["bokeh", "x"])
    assert refused.value.code == 403


def test_a_session_is_pulled_and_changed(threaded):
    session = pull_session(url=threaded, session_id=generate_session_id())
    assert session.connected
    slider = session.document.get_model_by_name("slider")
    slider.value = 7
    session.force_roundtrip()
    again = pull_session(url=threaded, session_id=session.id)
    assert again.document.get_model_by_name("slider").value == 7
    assert again.document.get_model_by_name("shown").text == "7"
    again.close()
    session.close()


def test_a_long_document(threaded):
    session = pull_session(url=f"{threaded}/big", session_id=generate_session_id())
    assert len(session.document.get_model_by_name("big").data["x"]) == 200_000
    session.close()


def test_server_document(threaded):
    assert "autoload.js" in server_document(threaded)


async def test_callbacks_of_a_document(serve):
    beats, later = asyncio.Event(), asyncio.Event()

    def document(doc):
        doc.add_periodic_callback(lambda: beats.set(), 10)
        doc.add_timeout_callback(lambda: later.set(), 10)
        doc.add_next_tick_callback(lambda: doc.add_root(Div(text="x")))

    server = serve({"/app": Application(FunctionHandler(document))})
    await get(server, "/app")
    await asyncio.wait_for(beats.wait(), 10)
    await asyncio.wait_for(later.wait(), 10)
    assert len(server.get_sessions("/app")) == 1


async def test_a_coroutine_callback(serve):
    done = asyncio.Event()

    def document(doc):
        async def tick():
            await asyncio.sleep(0)
            done.set()

        doc.add_next_tick_callback(tick)

    await get(serve({"/app": document}), "/app")
    await asyncio.wait_for(done.wait(), 10)


async def test_extra_patterns_and_who_signs_in(serve, tmp_path):
    class Mine(RequestHandler):
        def get(self):
            self.write("mine")

    path = tmp_path / "auth.py"
    path.write_text("def get_user(handler):\n    return handler.get_argument('user', None)\nlogin_url = '/login'\n")
    server = serve({"/app": sliders}, extra_patterns=[("/mine", Mine)], auth_provider=AuthModule(str(path)))
    assert (await get(server, "/mine")).body == b"mine"
    assert (await get(server, "/app?user=me")).code == 200
    with pytest.raises(HTTPClientError) as refused:
        await get(server, "/app", follow_redirects=False)
    assert refused.value.code == 302
