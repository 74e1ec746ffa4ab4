# The chat: a request for news hangs until a message comes, by callbacks and web.asynchronous.
from tornado import gen, web
from tornado.escape import json_decode, json_encode
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.testing import bind_unused_port


class Room(object):
    def __init__(self):
        self.waiters = set()
        self.messages = []

    def wait(self, callback, cursor):
        if len(self.messages) > cursor:
            callback(self.messages[cursor:])
        else:
            self.waiters.add(callback)

    def leave(self, callback):
        print("one left")
        self.waiters.discard(callback)

    def say(self, message):
        waiters, self.waiters = self.waiters, set()
        self.messages.append(message)
        for callback in waiters:
            callback([message])


room = Room()


class New(web.RequestHandler):
    def post(self):
        room.say(self.get_argument("body"))
        self.write("ok")


class Updates(web.RequestHandler):
    @web.asynchronous
    def post(self):
        room.wait(self.on_messages, int(self.get_argument("cursor", "0")))
        self.application.settings["hanging"]()

    def on_messages(self, messages):
        if self.request.connection.stream.closed():
            return
        self.finish(dict(messages=messages))

    def on_connection_close(self):
        room.leave(self.on_messages)
        self.application.settings["gone"]()


@gen.coroutine
def main():
    sock, port = bind_unused_port()
    application = web.Application([("/new", New), ("/updates", Updates)], hanging=lambda: None)
    server = HTTPServer(application)
    server.add_sockets([sock])
    url = "http://127.0.0.1:%d" % port
    client = AsyncHTTPClient()
    application.settings["hanging"] = yield gen.Callback("hanging")
    client.fetch(url + "/updates", (yield gen.Callback("news")), method="POST", body="cursor=0")
    yield gen.Wait("hanging")
    application.settings["hanging"] = lambda: None
    response = yield gen.Task(client.fetch, url + "/new", method="POST", body="body=hello")
    print(response.body.decode())
    response = yield gen.Wait("news")
    print(json_encode(json_decode(response.body)))
    response = yield gen.Task(client.fetch, url + "/new", method="POST", body="body=again")
    response = yield gen.Task(client.fetch, url + "/updates", method="POST", body="cursor=1")
    print(json_encode(json_decode(response.body)))
    application.settings["gone"] = yield gen.Callback("gone")
    response = yield gen.Task(
        client.fetch, url + "/updates", method="POST", body="cursor=2", request_timeout=0.2
    )
    print(response.code)
    yield gen.Wait("gone")
    print(len(room.waiters))
    server.stop()


IOLoop.current().run_sync(main)
