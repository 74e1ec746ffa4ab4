# Lists and dicts in `yield`, with Futures, with Tasks and with yield points among them.
from tornado import gen
from tornado.ioloop import IOLoop


def later(value, callback):
    IOLoop.current().add_callback(callback, value)


@gen.coroutine
def square(n):
    yield gen.moment
    raise gen.Return(n * n)


@gen.coroutine
def main():
    one, two = yield [square(1), square(2)]
    print(one, two)
    print((yield [square(n) for n in range(5)]))
    squares = yield {n: square(n) for n in range(3)}
    print(sorted(squares.items()))
    later("k", (yield gen.Callback("key")))
    print((yield [gen.Wait("key"), square(7)]))
    later("k", (yield gen.Callback("key")))
    print(sorted((yield {"w": gen.Wait("key"), "s": square(8)}).items()))
    print((yield gen.multi([square(9), square(10)])))
    print((yield []), (yield {}))


IOLoop.current().run_sync(main)
