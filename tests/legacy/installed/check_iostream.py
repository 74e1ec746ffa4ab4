"""Callbacks and io_loop of streams, servers and clients."""

import logging
import socket
from typing import Any

from pyframework import gen
from pyframework.ioloop import IOLoop
from pyframework.iostream import IOStream, SSLIOStream
from pyframework.netutil import Resolver
from pyframework.tcpclient import TCPClient
from pyframework.tcpserver import TCPServer
from pyframework.testing import AsyncHTTPSTestCase, AsyncTestCase, ExpectLog, bind_unused_port
from pyframework.web import Application


class StreamTest(AsyncTestCase):
    def setUp(self) -> None:
        super().setUp()
        one, two = socket.socketpair()
        self.one, self.two = IOStream(one, io_loop=self.io_loop), IOStream(two, self.io_loop, 1000)
        self.addCleanup(self.one.close)
        self.addCleanup(self.two.close)

    def test_arguments_keep_their_places(self) -> None:
        assert self.two.max_buffer_size == 1000
        stream = IOStream(socket.socket(), 2000)
        self.addCleanup(stream.close)
        assert stream.max_buffer_size == 2000

    def test_reads(self) -> None:
        self.one.write(b"line\nregex.bytespartial", self.stop)
        assert self.wait() is None
        assert self.two.read_until(b"\n", self.stop) is None
        assert self.wait() == b"line\n"
        self.two.read_until_regex(rb"\.", callback=self.stop)
        assert self.wait() == b"regex."
        self.two.read_bytes(5, self.stop)
        assert self.wait() == b"bytes"
        self.two.read_bytes(100, self.stop, partial=True)
        assert self.wait() == b"partial"

    def test_limits_in_old_and_new_places(self) -> None:
        self.one.write(b"a\nb\n")
        self.two.read_until(b"\n", self.stop, 10)
        assert self.wait() == b"a\n"
        assert self.io_loop.run_sync(lambda: self.two.read_until(b"\n", 10)) == b"b\n"

    def test_streaming(self) -> None:
        pieces: list[bytes] = []
        self.two.read_bytes(6, self.stop, pieces.append)
        self.one.write(b"abcdefgh")
        assert self.wait() == b"" and b"".join(pieces) == b"abcdef"
        pieces.clear()
        self.two.read_until_close(callback=self.stop, streaming_callback=pieces.append)
        self.one.write(b"ijk", self.one.close)
        assert self.wait() == b"" and b"".join(pieces) == b"ghijk"

    def test_streaming_with_a_future(self) -> None:
        pieces: list[bytes] = []
        self.one.write(b"abc")
        assert self.io_loop.run_sync(lambda: self.two.read_bytes(3, streaming_callback=pieces.append)) == b""
        assert b"".join(pieces) == b"abc"

    def test_closed_stream_calls_only_the_close_callback(self) -> None:
        called: list[Any] = []
        self.two.read_until(b"\n", called.append)
        self.two.set_close_callback(self.stop)
        self.one.close()
        self.wait()
        assert called == []

    def test_callback_that_fails_closes_the_stream(self) -> None:
        def fail(data: bytes) -> None:
            raise KeyError(data)

        self.two.set_close_callback(self.stop)
        self.two.read_bytes(1, fail)
        with ExpectLog("tornado.application", "Exception in callback", level=logging.ERROR):
            self.one.write(b"x")
            self.wait()
        assert isinstance(self.two.error, KeyError)


class TCPTest(AsyncTestCase):
    def test_connect_with_callbacks(self) -> None:
        class Echo(TCPServer):
            def handle_stream(self, stream: Any, address: Any) -> None:
                stream.read_until(b"\n", lambda line: stream.write(line, stream.close))

        sock, port = bind_unused_port()
        server = Echo(self.io_loop, max_buffer_size=1000)
        assert server.max_buffer_size == 1000
        server.add_sockets([sock])
        self.addCleanup(server.stop)
        TCPClient(io_loop=self.io_loop).connect("127.0.0.1", port, callback=self.stop)
        stream = self.wait()
        stream.write(b"hello\n")
        stream.read_until_close(self.stop)
        assert self.wait() == b"hello\n"
        stream = IOStream(socket.socket())
        stream.connect(("127.0.0.1", port), callback=self.stop)
        assert self.wait() is None
        stream.close()

    def test_server_on_another_loop(self) -> None:
        other = IOLoop(make_current=False)

        class Greeter(TCPServer):
            def handle_stream(self, stream: Any, address: Any) -> None:
                stream.close()
                other.stop()

        sock, port = bind_unused_port()
        server = Greeter(io_loop=other)
        server.add_sockets([sock])
        with socket.create_connection(("127.0.0.1", port)):
            other.start()
        server.stop()
        other.close()

    def test_resolver(self) -> None:
        Resolver(io_loop=self.io_loop).resolve("127.0.0.1", 80, socket.AF_INET, self.stop)
        assert self.wait() == [(socket.AF_INET, ("127.0.0.1", 80))]


class TLSTest(AsyncHTTPSTestCase):
    def get_app(self) -> Any:
        return Application()

    def test_connect(self) -> None:
        import ssl

        stream = SSLIOStream(socket.socket(), ssl_options={"cert_reqs": ssl.CERT_NONE})
        stream.connect(("127.0.0.1", self.get_http_port()), self.stop)
        assert self.wait() is None and stream.socket.cipher()
        stream.close()

    def test_handshake_callback(self) -> None:
        sock, port = bind_unused_port()

        class Server(TCPServer):
            def handle_stream(server, stream: Any, address: Any) -> None:
                stream.wait_for_handshake(self.stop)

        server = Server(ssl_options=self.get_ssl_options())
        server.add_sockets([sock])
        self.addCleanup(server.stop)
        client = TCPClient()
        options = {"cert_reqs": 0}
        future = gen.convert_yielded(client.connect("127.0.0.1", port, ssl_options=options))
        assert self.wait() is None
        self.io_loop.run_sync(lambda: future).close()
