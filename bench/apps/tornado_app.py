"""An ordinary Tornado program; pyframework runs this same file, unchanged.

Usage: tornado_app.py PORT {ioloop,asyncio,uvloop} [CERTIFICATE KEY | agent]. BENCH_FILES is the folder of its static
files; with `agent` the patches of agent.py are applied first.
"""

import asyncio
import os
import ssl
import sys

import page
import tornado.ioloop
import tornado.template
import tornado.web

LARGE = "x" * 65536
CHUNK = "0123456789abcdef" * 4


class HelloHandler(tornado.web.RequestHandler):
    def get(self) -> None:
        self.write("Hello, world")


class AsyncHandler(tornado.web.RequestHandler):
    async def get(self) -> None:
        self.write("Hello, world")


class SleepHandler(tornado.web.RequestHandler):
    async def get(self) -> None:
        await asyncio.sleep(0)
        self.write("Hello, world")


class JSONHandler(tornado.web.RequestHandler):
    def get(self, number: str) -> None:
        self.write({"id": int(number), "name": self.get_query_argument("name")})


class CookieHandler(tornado.web.RequestHandler):
    def get(self) -> None:
        self.set_cookie("seen", self.get_cookie("session", "nobody"))
        self.write("Hello, world")


class FormHandler(tornado.web.RequestHandler):
    def post(self) -> None:
        self.write(self.get_body_argument("name") + " " + self.get_body_argument("age"))


class LongFormHandler(tornado.web.RequestHandler):
    def post(self) -> None:
        self.write("".join(self.get_body_argument(f"field{n}") for n in range(10)))


class MultipartHandler(tornado.web.RequestHandler):
    def post(self) -> None:
        self.write(str(len(self.request.files["file"][0].body)))


class UploadHandler(tornado.web.RequestHandler):
    def post(self) -> None:
        self.write(str(len(self.request.body)))


class LargeHandler(tornado.web.RequestHandler):
    def get(self) -> None:
        self.write(LARGE)


class PageHandler(tornado.web.RequestHandler):
    template = tornado.template.Template(page.TEMPLATE, name="page.txt")

    def get(self) -> None:
        self.write(self.template.generate(title="Rows", rows=page.ROWS))


class ChunksHandler(tornado.web.RequestHandler):
    async def get(self) -> None:
        for _ in range(10):
            self.write(CHUNK)
            await self.flush()


class ResourceHandler(tornado.web.RequestHandler):
    def get(self, number: str) -> None:
        self.write(number)


class ImplementationHandler(tornado.web.RequestHandler):
    """Tells the benchmark which library and which event loop really answer."""

    def get(self) -> None:
        loop = type(asyncio.get_running_loop())
        self.write(f"{tornado.web.__file__} {loop.__module__}.{loop.__qualname__}")


def make_app() -> tornado.web.Application:
    resources = [(rf"/resource{n}/([0-9]+)", ResourceHandler) for n in range(200)]
    return tornado.web.Application(
        [
            (r"/", HelloHandler),
            (r"/async", AsyncHandler),
            (r"/sleep", SleepHandler),
            (r"/json/([0-9]+)", JSONHandler),
            (r"/cookies", CookieHandler),
            (r"/form", FormHandler),
            (r"/form10", LongFormHandler),
            (r"/multipart", MultipartHandler),
            (r"/upload", UploadHandler),
            (r"/files/(.*)", tornado.web.StaticFileHandler, {"path": os.environ.get("BENCH_FILES", ".")}),
            (r"/large", LargeHandler),
            (r"/chunks", ChunksHandler),
            (r"/page", PageHandler),
            (r"/implementation", ImplementationHandler),
            *resources,
        ]
    )


def listen(port: int, files: list[str]) -> None:
    context = None
    if files:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*files)
    make_app().listen(port, "127.0.0.1", ssl_options=context)


async def main(port: int, files: list[str]) -> None:
    listen(port, files)
    await asyncio.Event().wait()


if __name__ == "__main__":
    port, loop, files = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    if files == ["agent"]:
        import agent

        agent.install()
        files = []
    if loop == "ioloop":
        listen(port, files)
        tornado.ioloop.IOLoop.current().start()
    elif loop == "asyncio":
        asyncio.run(main(port, files))
    elif loop == "uvloop":
        import uvloop

        uvloop.run(main(port, files))
    else:
        sys.exit(f"unknown loop {loop!r}: choose ioloop, asyncio or uvloop")
