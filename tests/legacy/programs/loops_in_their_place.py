# io_loop given by its place in the call, to resolvers and servers.
from concurrent.futures import ThreadPoolExecutor

from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.netutil import BlockingResolver, ExecutorResolver, OverrideResolver, Resolver, ThreadedResolver
from tornado.tcpserver import TCPServer
from tornado.web import Application

io_loop = IOLoop.current()
executor = ThreadPoolExecutor(1)


class Own(Resolver):
    def initialize(self, io_loop=None, answer=None):
        self.io_loop = io_loop or IOLoop.current()
        self.answer = answer

    def resolve(self, host, port, family=0, callback=None):
        callback(self.answer)


def address(resolver):
    future = resolver.resolve("127.0.0.1", 80)
    return [address for family, address in io_loop.run_sync(lambda: future)]


for resolver in (
    Resolver(io_loop),
    Resolver(None),
    Resolver(io_loop=io_loop),
    BlockingResolver(io_loop),
    BlockingResolver(None),
    ThreadedResolver(io_loop, 3),
    ThreadedResolver(None, 3),
    ThreadedResolver(io_loop=io_loop, num_threads=3),
    ExecutorResolver(io_loop, executor),
    ExecutorResolver(io_loop, executor, False),
    ExecutorResolver(None, executor, False),
    OverrideResolver(BlockingResolver(io_loop), {"other": "127.0.0.1"}),
):
    print(address(resolver))
print(ExecutorResolver(io_loop, executor, False).executor is executor)
Own(io_loop, "answer").resolve("host", 80, callback=print)
print(Own(io_loop=io_loop, answer=3).io_loop is io_loop)
application = Application()
print(HTTPServer(application, False, None, True).xheaders, HTTPServer(application, False, io_loop, True).xheaders)
server = HTTPServer(application, False, None, True, None, "https")
print(server.xheaders, server.ssl_options, server.protocol)
print(TCPServer(io_loop, None, 100).max_buffer_size, TCPServer(None, None, 100, 10).read_chunk_size)
executor.shutdown()
