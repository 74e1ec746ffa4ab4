# A protocol by callbacks: lines, counted bytes, pieces, everything up to the end.
import re
import socket

from tornado.ioloop import IOLoop
from tornado.iostream import IOStream
from tornado.tcpserver import TCPServer
from tornado.testing import bind_unused_port

io_loop = IOLoop.current()


class Server(TCPServer):
    def handle_stream(self, stream, address):
        self.stream = stream
        stream.set_close_callback(self.on_close)
        stream.read_until(b"\n", self.on_line)

    def on_line(self, line):
        print("server got", line)
        self.stream.write(b"HTTP/1.0 200 OK\r\nLength: 5\r\n\r\nhelloAll that follows", self.on_written)

    def on_written(self):
        print("server wrote")
        self.stream.close()

    def on_close(self):
        print("server closed")


class Client(object):
    def __init__(self, port):
        self.stream = IOStream(socket.socket(), io_loop=io_loop)
        self.stream.set_close_callback(self.on_close)
        self.stream.connect(("127.0.0.1", port), self.on_connect)

    def on_connect(self):
        print("connected")
        self.stream.write(b"GET / HTTP/1.0\n")
        self.stream.read_until(b"\r\n", callback=self.on_status)

    def on_status(self, line):
        print(line)
        self.stream.read_until_regex(b"\r\n\r\n", self.on_headers)

    def on_headers(self, data):
        print(data)
        self.size = int(re.search(b"Length: (\\d+)", data).group(1))
        self.received = b""
        self.stream.read_bytes(self.size, self.on_body, streaming_callback=self.on_piece)

    def on_piece(self, piece):
        self.received += piece

    def on_body(self, rest):
        print(self.received, rest)
        self.stream.read_until_close(self.on_all)

    def on_all(self, data):
        print(data)

    def on_close(self):
        print("client closed")
        io_loop.stop()


sock, port = bind_unused_port()
server = Server(io_loop=io_loop)
server.add_sockets([sock])
Client(port)
io_loop.start()
server.stop()
