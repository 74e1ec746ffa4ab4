"""A streaming upload: the body is counted and hashed while it comes, whatever its size, and never held as a whole.

    python examples/upload.py [--port=8888]      then curl -T some.iso http://127.0.0.1:8888/
"""

import hashlib

from pyframework import web
from pyframework.ioloop import IOLoop
from pyframework.options import define, options, parse_command_line

define("port", default=8888, help="the port to listen on")

LARGEST = 10 * 1024**3  # bytes


@web.stream_request_body
class Upload(web.RequestHandler):
    def prepare(self) -> None:
        self.request.connection.set_max_body_size(LARGEST)
        self.size = 0
        self.digest = hashlib.sha256()

    def data_received(self, chunk: bytes) -> None:
        self.size += len(chunk)
        self.digest.update(chunk)

    def put(self, name: str) -> None:
        self.write({"name": name, "bytes": self.size, "sha256": self.digest.hexdigest()})


def make_app() -> web.Application:
    return web.Application([(r"/(.*)", Upload)])


if __name__ == "__main__":
    parse_command_line()
    make_app().listen(options.port, "127.0.0.1")
    IOLoop.current().start()
