# Blocking functions on threads: Futures of an executor in `yield`, run_on_executor with and without a callback.
import threading
from concurrent.futures import ThreadPoolExecutor

from tornado import gen
from tornado.concurrent import run_on_executor
from tornado.ioloop import IOLoop

pool = ThreadPoolExecutor(2)
main_thread = threading.current_thread()


def measure(text):
    return len(text), threading.current_thread() is main_thread


class Counter(object):
    def __init__(self, io_loop):
        self.io_loop = io_loop
        self.executor = pool

    @run_on_executor
    def count(self, text):
        return len(text.split())

    @run_on_executor(executor="executor", io_loop="io_loop")
    def fail(self):
        raise KeyError("no such thing")


@gen.coroutine
def main():
    print((yield pool.submit(measure, "four")))
    print((yield {"a": pool.submit(measure, "a"), "b": pool.submit(measure, "bb")}))
    counter = Counter(IOLoop.current())
    print((yield counter.count("one two three")))
    print((yield gen.Task(counter.count, "one two")))
    try:
        yield counter.fail()
    except KeyError as error:
        print("failed", error)


IOLoop.current().run_sync(main)
pool.shutdown()
