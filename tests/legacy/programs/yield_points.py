# Callback, Wait and WaitAll; what goes wrong with keys; exceptions of callbacks at the `yield`.
from tornado import gen
from tornado.ioloop import IOLoop


def later(value, callback):
    IOLoop.current().add_callback(callback, value)


def broken(callback):
    IOLoop.current().add_callback(lambda: callback(1 / 0))


@gen.engine
def run(callback):
    later("first", (yield gen.Callback("a")))
    later("second", (yield gen.Callback("b")))
    print((yield gen.Wait("b")), (yield gen.Wait("a")))
    later(1, (yield gen.Callback(1)))
    later(2, (yield gen.Callback(2)))
    print((yield gen.WaitAll([2, 1])))
    try:
        yield gen.Wait("nothing")
    except gen.UnknownKeyError as error:
        print("unknown", type(error).__name__)
    yield gen.Callback("twice")
    try:
        yield gen.Callback("twice")
    except gen.KeyReuseError as error:
        print("reused", type(error).__name__)
    broken((yield gen.Callback("broken")))
    try:
        yield gen.Wait("broken")
    except ZeroDivisionError as error:
        print("raised", error)
    callback()


class Countdown(gen.YieldPoint):
    def __init__(self, count):
        self.count = count

    def start(self, runner):
        self.runner = runner
        runner.register_callback(self)
        IOLoop.current().add_callback(self.tick)

    def tick(self):
        self.count -= 1
        if self.count:
            IOLoop.current().add_callback(self.tick)
        else:
            self.runner.result_callback(self)("done")

    def is_ready(self):
        return self.runner.is_ready(self)

    def get_result(self):
        return self.runner.pop_result(self)


@gen.coroutine
def main():
    yield gen.Task(run)
    print((yield Countdown(3)))


IOLoop.current().run_sync(main)
