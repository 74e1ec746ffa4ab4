# Contexts that follow callbacks and coroutines; handlers of exceptions, one inside the other.
import contextlib
import functools
import logging

from tornado import gen
from tornado.ioloop import IOLoop
from tornado.stack_context import ExceptionStackContext, NullContext, StackContext, run_with_stack_context, wrap

logging.disable(logging.CRITICAL)
io_loop = IOLoop.current()
names = []


@contextlib.contextmanager
def named(name):
    names.append(name)
    try:
        yield
    finally:
        names.pop()


def show(where):
    print(where, names)


def handler(name, answer, typ, value, tb):
    print(name, "handles", value)
    return answer


def fail(text):
    raise ValueError(text)


@gen.coroutine
def coroutine(done):
    show("coroutine begins")
    yield gen.moment
    show("coroutine goes on")
    yield gen.Task(io_loop.add_callback)
    show("coroutine ends")
    io_loop.add_callback(done)


@gen.coroutine
def main():
    with StackContext(functools.partial(named, "outer")):
        io_loop.add_callback(show, "callback")
        with StackContext(functools.partial(named, "inner")) as deactivate:
            io_loop.add_callback(show, "nested")
            deactivate()
            io_loop.add_callback(show, "deactivated")
            kept = wrap(functools.partial(show, "wrapped"))
        with NullContext():
            io_loop.add_callback(show, "null")
    show("outside")
    kept()
    yield gen.Task(io_loop.add_timeout, io_loop.time() + 0.01)
    with ExceptionStackContext(functools.partial(handler, "outer", True)):
        with ExceptionStackContext(functools.partial(handler, "inner", False)):
            io_loop.add_callback(fail, "both")
        io_loop.add_callback(fail, "outer only")
        with ExceptionStackContext(functools.partial(handler, "last", True)):
            fail("at once")
    yield gen.Task(io_loop.add_timeout, io_loop.time() + 0.01)
    run_with_stack_context(
        StackContext(functools.partial(named, "coroutine")),
        functools.partial(coroutine, (yield gen.Callback("done"))),
    )
    show("outside")
    yield gen.Wait("done")


io_loop.run_sync(main)
