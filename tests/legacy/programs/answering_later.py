# web.asynchronous: finish later, engine, coroutine, exceptions of callbacks, prepare, redirect.
import logging

from tornado import gen, web
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.testing import bind_unused_port

logging.disable(logging.CRITICAL)


class Later(web.RequestHandler):
    @web.asynchronous
    def get(self):
        IOLoop.current().add_callback(self.step, 1)

    def step(self, n):
        self.write("step %d " % n)
        if n < 3:
            IOLoop.current().add_callback(self.step, n + 1)
        else:
            self.finish("end")


class Engine(web.RequestHandler):
    @web.asynchronous
    @gen.engine
    def get(self):
        yield gen.Task(IOLoop.current().add_callback)
        self.write("engine")
        self.finish()


class Coroutine(web.RequestHandler):
    @web.asynchronous
    @gen.coroutine
    def get(self):
        yield gen.moment
        self.write("coroutine")


class Broken(web.RequestHandler):
    @web.asynchronous
    def get(self, how):
        if how == "now":
            raise web.HTTPError(410)
        if how == "soon":
            IOLoop.current().add_callback(self.fail, web.HTTPError(411))
        if how == "deep":
            IOLoop.current().add_callback(IOLoop.current().add_callback, self.fail, ValueError())
        if how == "engine":
            self.engine()

    @gen.engine
    def engine(self):
        yield gen.Task(IOLoop.current().add_callback)
        raise web.HTTPError(412)

    def fail(self, error):
        raise error

    def write_error(self, status_code, **kwargs):
        self.finish("error %d" % status_code)


class Prepared(web.RequestHandler):
    @web.asynchronous
    def prepare(self):
        IOLoop.current().add_callback(self.redirect, "/later")

    def get(self):
        self.write("never")


@gen.coroutine
def main():
    sock, port = bind_unused_port()
    rules = [("/later", Later), ("/engine", Engine), ("/coroutine", Coroutine), ("/broken/(.*)", Broken)]
    server = HTTPServer(web.Application(rules))
    server.add_sockets([sock])
    for path in "later engine coroutine broken/now broken/soon broken/deep broken/engine".split():
        response = yield gen.Task(AsyncHTTPClient().fetch, "http://127.0.0.1:%d/%s" % (port, path))
        print(path, response.code, response.body.decode())
    server.stop()


IOLoop.current().run_sync(main)
