# Loops under the names of their systems, with a clock of the choice; what threads wake a loop by.
import select

from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop, PollIOLoop
from tornado.platform.auto import Waker, set_close_exec
from tornado.platform.select import SelectIOLoop
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

import time


class Hello(RequestHandler):
    def get(self):
        self.write("hello")


IOLoop.configure("tornado.platform.select.SelectIOLoop", time_func=time.monotonic)
io_loop = IOLoop()
print(isinstance(io_loop, SelectIOLoop), isinstance(io_loop, PollIOLoop))
print(abs(io_loop.time() - time.monotonic()) < 1)
sock, port = bind_unused_port()
server = HTTPServer(Application([("/", Hello)], log_function=lambda handler: None), io_loop=io_loop)
server.add_sockets([sock])


def on_response(response):
    print(response.body)
    io_loop.stop()


AsyncHTTPClient(io_loop=io_loop).fetch("http://127.0.0.1:%d/" % port, on_response)
io_loop.start()
waker = Waker()
set_close_exec(waker.fileno())
waker.wake()
print(select.select([waker], [], [], 1)[0] == [waker])
waker.consume()
print(select.select([waker], [], [], 0)[0])
waker.close()
