# The next piece is on its way while this one is sent: a handler, with flush both ways.
from tornado import gen, web
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.testing import bind_unused_port


class Pieces(web.RequestHandler):
    @gen.coroutine
    def fetch_next(self):
        yield gen.moment
        self.left -= 1
        raise gen.Return(b"piece %d\n" % self.left if self.left >= 0 else None)

    @gen.coroutine
    def get(self):
        self.left = 4
        coming = self.fetch_next()
        while True:
            piece = yield coming
            if piece is None:
                break
            self.write(piece)
            coming = self.fetch_next()
            if self.left % 2:
                yield self.flush()
            else:
                yield gen.Task(self.flush)


@gen.coroutine
def main():
    sock, port = bind_unused_port()
    server = HTTPServer(web.Application([("/", Pieces)]))
    server.add_sockets([sock])
    response = yield AsyncHTTPClient().fetch("http://127.0.0.1:%d/" % port)
    print(response.code, response.body.decode())
    server.stop()


IOLoop.current().run_sync(main)
