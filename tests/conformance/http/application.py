"""What the cases are put to: a program on Tornado's API. PORT: serve it there."""

import asyncio
import logging
import sys

from pyframework import web


class Echo(web.RequestHandler):
    def answer(self) -> None:
        self.write(f"{self.request.method} {self.request.path}")
        if self.request.query or self.request.uri.endswith("?"):
            self.write(f"?{self.request.query}")
        self.write(f" {self.request.host} ")
        self.write(self.request.body)

    get = head = post = put = delete = patch = options = answer


class OnlyGet(web.RequestHandler):
    def get(self) -> None:
        self.write("got")


class Form(web.RequestHandler):
    def post(self) -> None:
        self.write(str(len(self.request.body_arguments)))


class Later(web.RequestHandler):
    async def get(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        self.write("later")


@web.stream_request_body
class Early(web.RequestHandler):
    def prepare(self) -> None:
        self.set_status(403)
        self.finish("no")


@web.stream_request_body
class Stream(web.RequestHandler):
    size = 0

    def data_received(self, chunk: bytes) -> None:
        self.size += len(chunk)

    def post(self) -> None:
        self.write(str(self.size))


class Close(web.RequestHandler):
    def get(self) -> None:
        self.set_header("Connection", "close")
        self.write("bye")

    head = get


class Chunks(web.RequestHandler):
    async def get(self) -> None:
        self.write("one")
        await self.flush()
        self.write("two")

    head = get


class Status204(web.RequestHandler):
    def get(self) -> None:
        self.set_status(204)


class Tagged(web.RequestHandler):
    def get(self) -> None:
        self.set_header("Etag", '"tag"')
        self.check_etag_header() and self.set_status(304)
        if self.get_status() == 200:
            self.write("tagged")


class Error(web.RequestHandler):
    def get(self) -> None:
        raise web.HTTPError(500)

    head = get


def make_application() -> web.Application:
    handlers = {
        "/get": OnlyGet, "/form": Form, "/later": Later, "/early": Early, "/stream": Stream, "/close": Close,
        "/chunks": Chunks, "/204": Status204, "/tagged": Tagged, "/error": Error, ".*": Echo,
    }  # fmt: skip
    return web.Application(list(handlers.items()))


async def main(port: int) -> None:
    logging.disable(logging.CRITICAL)
    make_application().listen(port, "127.0.0.1")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
