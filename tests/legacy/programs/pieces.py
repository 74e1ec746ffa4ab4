# Reads by pieces: nothing gets in between, and what a piece's callback raises closes the stream or goes to its handler.
import logging
import socket

from tornado import gen, web
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.iostream import IOStream, StreamClosedError
from tornado.stack_context import ExceptionStackContext
from tornado.testing import bind_unused_port

logging.disable(logging.CRITICAL)
io_loop = IOLoop.current()


def make_pair():
    near, far = socket.socketpair()
    return IOStream(near), far


def fail(piece=None):
    raise ValueError("cannot use it")


def until_close(stream, told, take):
    return stream.read_until_close(lambda rest: told.append(("end", rest)), streaming_callback=take)


def counted(stream, told, take):
    return stream.read_bytes(9, lambda rest: told.append(("end", rest)), streaming_callback=take)


def until_close_future(stream, told, take):
    return stream.read_until_close(streaming_callback=take)


def counted_future(stream, told, take):
    return stream.read_bytes(9, streaming_callback=take)


READS = [until_close, counted, until_close_future, counted_future]


@gen.coroutine
def failing(read, sent):
    stream, far = make_pair()
    told = []
    stream.set_close_callback(lambda: told.append(("closed", repr(stream.error))))
    future = read(stream, told, fail)
    far.send(sent)
    yield gen.sleep(0.02)
    print(read.__name__, len(sent), stream.closed(), told, future is not None and future.done())


@gen.coroutine
def handled(read):
    stream, far = make_pair()
    told = []
    with ExceptionStackContext(lambda typ, value, tb: told.append(str(value)) or True):
        read(stream, told, fail)
    far.send(b"abc")
    yield gen.sleep(0.02)
    print(read.__name__, "handled", told, stream.closed())
    stream.close()


@gen.coroutine
def handled_end():
    stream, far = make_pair()
    told = []
    with ExceptionStackContext(lambda typ, value, tb: told.append(str(value)) or True):
        stream.read_bytes(3, fail)
    far.send(b"abc")
    yield gen.sleep(0.02)
    print("end handled", told, stream.closed())


@gen.coroutine
def refusing(read):
    stream, far = make_pair()
    told = []
    read(stream, told, told.append)
    print(read.__name__, stream.reading(), refused(stream))
    far.send(b"abc")
    yield gen.sleep(0.02)
    print(told, stream.reading(), refused(stream))
    far.send(b"defghi")
    yield gen.sleep(0.02)
    far.close()
    yield gen.sleep(0.02)
    print(told, stream.reading(), stream.closed())


def refused(stream):
    try:
        stream.read_bytes(1, print)
    except AssertionError:
        return "refused"
    return "begun"


@gen.coroutine
def reading_on():
    stream, far = make_pair()
    told = []

    def take(piece):
        told.append(piece)
        if not stream.reading():
            stream.read_until(b"\n", told.append)

    stream.read_bytes(4, lambda rest: told.append(("end", rest)), streaming_callback=take)
    far.send(b"ab")
    yield gen.sleep(0.02)
    far.send(b"cdline\n")
    yield gen.sleep(0.02)
    print(told)
    stream.read_bytes(0, told.append, streaming_callback=told.append)
    yield gen.sleep(0.02)
    print(told[-1:], len(told))
    stream.close()
    try:
        counted(stream, told, told.append)
    except StreamClosedError:
        print("closed")


@gen.coroutine
def ending():
    stream, far = make_pair()
    told = []
    stream.set_close_callback(lambda: told.append("closed"))
    counted_future(stream, told, told.append)
    far.send(b"abc")
    far.close()
    yield gen.sleep(0.02)
    print(told)


class ByHandler(web.RequestHandler):
    @web.asynchronous
    def get(self, number):
        self.pair = make_pair()
        READS[int(number)](self.pair[0], [], self.take)
        self.pair[1].send(b"abc")

    def take(self, piece):
        raise web.HTTPError(418)


@gen.coroutine
def main():
    for read in READS:
        yield failing(read, b"abc")
        yield failing(read, b"abcdefghi")
        yield handled(read)
    yield handled_end()
    yield refusing(until_close)
    yield refusing(counted)
    yield reading_on()
    yield ending()
    sock, port = bind_unused_port()
    server = HTTPServer(web.Application([("/(.)", ByHandler)]))
    server.add_sockets([sock])
    for number in range(len(READS)):
        response = yield AsyncHTTPClient().fetch("http://127.0.0.1:%d/%d" % (port, number), raise_error=False)
        print(response.code)
    server.stop()


io_loop.run_sync(main)
