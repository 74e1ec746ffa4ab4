"""Twisted's reactor on the IOLoop: protocols and delayed calls of Twisted beside handlers of Tornado."""

import tornado.platform.twisted

reactor = tornado.platform.twisted.install()

from tornado import gen, httpclient, httpserver, netutil, testing, web  # noqa: E402
from tornado.ioloop import IOLoop  # noqa: E402
from tornado.platform.twisted import TornadoReactor, TwistedResolver  # noqa: E402
from twisted.internet import defer, endpoints, protocol, task  # noqa: E402
from twisted.internet import reactor as of_process  # noqa: E402

print("one reactor:", isinstance(reactor, TornadoReactor) and of_process.running == reactor.running)


class Echo(protocol.Protocol):
    def dataReceived(self, data):
        self.transport.write(data.upper())
        self.transport.loseConnection()


class Asking(protocol.Protocol):
    def __init__(self):
        self.answer = defer.Deferred()
        self.received = b""

    def connectionMade(self):
        self.transport.write(b"from a protocol")

    def dataReceived(self, data):
        self.received += data

    def connectionLost(self, reason=None):
        self.answer.callback(self.received)


class Relay(web.RequestHandler):
    """Waits for Deferreds."""

    @gen.coroutine
    def get(self):
        address = endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", int(self.get_argument("port")))
        asking = yield endpoints.connectProtocol(address, Asking())
        answer = yield asking.answer
        yield task.deferLater(reactor, 0.001, lambda: None)
        self.write(answer)


@gen.coroutine
def main():
    listening = yield endpoints.TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(
        protocol.Factory.forProtocol(Echo)
    )
    sock, port = testing.bind_unused_port()
    server = httpserver.HTTPServer(web.Application([("/", Relay)]))
    server.add_sockets([sock])
    url = "http://127.0.0.1:%d/?port=%d" % (port, listening.getHost().port)
    answer = yield httpclient.AsyncHTTPClient().fetch(url)
    print(answer.code, answer.body)
    try:
        yield defer.fail(KeyError("from a Deferred"))
    except KeyError as error:
        print("KeyError", error)
    resolver = TwistedResolver()
    print((yield resolver.resolve("127.0.0.1", 80)))
    found = yield resolver.resolve("localhost", 80, netutil.socket.AF_INET)
    print(found[0])
    server.stop()
    yield listening.stopListening()


reactor.callWhenRunning(print, "Twisted has started")
IOLoop.current().run_sync(main)
print("the IOLoop has stopped")
