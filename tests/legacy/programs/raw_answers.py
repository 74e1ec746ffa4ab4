# A server without an application: the request itself is written to.
from tornado import gen
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.testing import bind_unused_port


def handle(request):
    body = ("you asked for %s, %s" % (request.path, request.supports_http_1_1())).encode()
    request.write(b"HTTP/1.1 201 Fine\r\nX-Raw: yes\r\nContent-Length: %d\r\n\r\n" % len(body))
    request.write(body, lambda: print("written"))
    request.finish()


@gen.coroutine
def main():
    sock, port = bind_unused_port()
    server = HTTPServer(handle)
    server.add_sockets([sock])
    response = yield AsyncHTTPClient().fetch("http://127.0.0.1:%d/path" % port)
    print(response.code, response.reason, response.headers["X-Raw"], response.body.decode())
    server.stop()


IOLoop.current().run_sync(main)
