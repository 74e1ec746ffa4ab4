# fetch with callbacks: a response, an error's response, a connection that is refused; streaming; HTTPRequest objects.
from tornado import web
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.testing import bind_unused_port, get_unused_port

io_loop = IOLoop.instance()


class Echo(web.RequestHandler):
    def get(self, code):
        self.set_status(int(code))
        self.write(self.get_argument("text"))


pieces = []
sock, port = bind_unused_port()
server = HTTPServer(web.Application([("/(\\d+)", Echo)], log_function=lambda handler: None), io_loop=io_loop)
server.add_sockets([sock])
url = "http://127.0.0.1:%d/%%d?text=%%s" % port
client = AsyncHTTPClient(io_loop=io_loop)


def on_first(response):
    print(response.code, response.body, response.error)
    client.fetch(url % (404, "two"), callback=on_second)


def on_second(response):
    print(response.code, response.body, response.error)
    client.fetch(HTTPRequest("http://127.0.0.1:%d/" % get_unused_port()), on_third)


def on_third(response):
    print(response.code, response.error is not None)
    try:
        response.rethrow()
    except Exception:
        print("rethrown")
    client.fetch(url % (200, "three"), on_fourth, streaming_callback=pieces.append)


def on_fourth(response):
    print(response.code, response.body, b"".join(pieces))
    io_loop.stop()


client.fetch(url % (200, "one"), on_first)
io_loop.start()
server.stop()
