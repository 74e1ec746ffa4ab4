# Callbacks that are registered once and called later run in the contexts that they were registered in.
import contextlib
import logging
import socket

from tornado import gen, web
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop, PeriodicCallback
from tornado.iostream import IOStream
from tornado.stack_context import NullContext, StackContext
from tornado.testing import bind_unused_port

logging.disable(logging.CRITICAL)
io_loop = IOLoop.current()
told = []


@contextlib.contextmanager
def inside():
    told.append("<")
    try:
        yield
    finally:
        told.append(">")


@contextlib.contextmanager
def registering():
    with NullContext():
        with StackContext(inside):
            del told[:]
            yield
            del told[:]


def fail(*args):
    raise web.HTTPError(418)


@gen.coroutine
def handlers():
    near, far = socket.socketpair()
    with registering():
        io_loop.add_handler(near.fileno(), lambda fd, events: told.append(near.recv(9)), io_loop.READ)
    far.send(b"x")
    yield gen.sleep(0.02)
    far.send(b"y")
    yield gen.sleep(0.02)
    io_loop.remove_handler(near.fileno())
    print(told)


@gen.coroutine
def closing():
    near, far = socket.socketpair()
    stream = IOStream(near)
    with registering():
        stream.set_close_callback(lambda: told.append("closed"))
    far.close()
    stream.read_until_close(print)
    yield gen.sleep(0.02)
    print(told)
    stream = IOStream(socket.socketpair()[0])
    stream.set_close_callback(lambda: told.append("closed"))
    with registering():
        stream.close()
    yield gen.sleep(0.02)
    print(told)


@gen.coroutine
def periodically():
    def call():
        told.append("called")
        periodic.stop()

    with registering():
        periodic = PeriodicCallback(call, 5)
        periodic.start()
    yield gen.sleep(0.03)
    print(told)
    with registering():
        periodic = PeriodicCallback(call, 5)
    periodic.start()
    yield gen.sleep(0.03)
    print(told)
    with registering():
        periodic.start()
    yield gen.sleep(0.03)
    del told[:]
    periodic.start()
    yield gen.sleep(0.03)
    print(told)


@gen.coroutine
def fetching(url):
    pieces, lines = [], []

    def on_piece(piece):
        pieces.append((piece, list(told)))

    def on_line(line):
        lines.append(told[-1:])

    with registering():
        request = HTTPRequest(url, streaming_callback=on_piece, header_callback=on_line)
    response = yield AsyncHTTPClient().fetch(request)
    print(response.code, pieces[0][0], pieces[0][1][-1:], lines[0], len(told) > 4)


class Hello(web.RequestHandler):
    def get(self):
        self.write("hello")


class Failing(web.RequestHandler):
    """Each method leaves its answer to a callback that fails."""

    @web.asynchronous
    def get(self, name):
        self.near, self.far = socket.socketpair()
        getattr(self, name)()

    def handler(self):
        io_loop.add_handler(self.near.fileno(), self.on_readable, io_loop.READ)
        self.far.send(b"x")

    def on_readable(self, fd, events):
        io_loop.remove_handler(fd)
        fail()

    def closing(self):
        self.stream = IOStream(self.near)
        self.stream.set_close_callback(fail)
        self.far.close()

    def piece(self):
        AsyncHTTPClient().fetch(HTTPRequest(self.hello(), streaming_callback=fail), lambda response: None)

    def head(self):
        AsyncHTTPClient().fetch(HTTPRequest(self.hello(), header_callback=fail), lambda response: None)

    def periodic(self):
        self.calls = PeriodicCallback(self.on_call, 5)
        self.calls.start()

    def on_call(self):
        if self.calls.is_running():
            self.calls.stop()
            io_loop.add_callback(self.finish, "not for the handler")
            fail()

    def hello(self):
        return "http://%s/hello" % self.request.host


class Leaving(web.RequestHandler):
    @web.asynchronous
    def get(self):
        with registering():
            self.request.connection.set_close_callback(lambda: told.append("left"))


@gen.coroutine
def leaving(port):
    client = socket.create_connection(("127.0.0.1", port))
    client.send(b"GET /leaving HTTP/1.1\r\nHost: here\r\n\r\n")
    yield gen.sleep(0.05)
    client.close()
    yield gen.sleep(0.05)
    print(told)


@gen.coroutine
def main():
    yield handlers()
    yield closing()
    yield periodically()
    sock, port = bind_unused_port()
    base = "http://127.0.0.1:%d/" % port
    routes = [("/hello", Hello), ("/leaving", Leaving), ("/failing/(.*)", Failing)]
    server = HTTPServer(web.Application(routes, log_function=lambda handler: None))
    server.add_sockets([sock])
    yield fetching(base + "hello")
    for name in ("handler", "closing", "piece", "head", "periodic"):
        response = yield AsyncHTTPClient().fetch(base + "failing/" + name, raise_error=False)
        print(name, response.code, response.body if response.code == 200 else "")
    yield leaving(port)
    server.stop()


io_loop.run_sync(main)
