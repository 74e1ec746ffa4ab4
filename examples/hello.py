"""Hello: one handler, one rule.

    python examples/hello.py [--port=8888]       then http://127.0.0.1:8888/you
"""

from pyframework import web
from pyframework.ioloop import IOLoop
from pyframework.options import define, options, parse_command_line

define("port", default=8888, help="the port to listen on")


class Hello(web.RequestHandler):
    def get(self, name: str) -> None:
        self.write(f"Hello, {name or 'world'}\n")


def make_app() -> web.Application:
    return web.Application([(r"/(\w*)", Hello)])


if __name__ == "__main__":
    parse_command_line()
    make_app().listen(options.port, "127.0.0.1")
    IOLoop.current().start()
