"""An IOLoop on Twisted's reactor: the program ends with the reactor, and with the loop."""

from tornado import gen
from tornado.ioloop import IOLoop
from tornado.platform.twisted import TwistedIOLoop

loop = TwistedIOLoop()
print("current:", IOLoop.current() is loop)

from twisted.internet import reactor, threads  # noqa: E402


@gen.coroutine
def main():
    yield gen.sleep(0.001)
    print("slept")
    print((yield threads.deferToThread(sum, [1, 2, 3])))
    loop.add_timeout(loop.time() + 0.001, print, "by a timeout")
    yield gen.sleep(0.01)
    reactor.callLater(0, reactor.stop)


loop.add_callback(main)
reactor.callWhenRunning(print, "Twisted has started")
loop.start()
print("the reactor has stopped")
