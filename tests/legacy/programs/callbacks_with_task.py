# Functions that give their result to a callback, waited for by Task; and those that fail.
from tornado import gen
from tornado.ioloop import IOLoop


def add_later(a, b, callback):
    IOLoop.current().add_callback(callback, a + b)


def divide_later(a, b, callback):
    IOLoop.current().add_callback(lambda: callback(a / b))


def several(callback):
    callback(1, 2, three=3)


@gen.coroutine
def main():
    print((yield gen.Task(add_later, 1, 2)))
    print((yield gen.Task(add_later, "a", b="b")))
    arguments = yield gen.Task(several)
    print(arguments.args, arguments.kwargs)
    print((yield gen.Task(lambda callback: callback())))
    try:
        yield gen.Task(divide_later, 1, 0)
    except ZeroDivisionError as error:
        print("async", error)
    try:
        yield gen.Task(lambda callback: 1 // 0)
    except ZeroDivisionError as error:
        print("sync", error)
    yield gen.Task(IOLoop.current().add_timeout, IOLoop.current().time() + 0.01)
    print((yield [gen.Task(add_later, n, n) for n in range(3)]))


IOLoop.current().run_sync(main)
