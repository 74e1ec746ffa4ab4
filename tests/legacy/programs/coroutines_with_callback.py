# A coroutine that is called with a callback, in the middle of the time from callbacks to coroutines.
from tornado import gen, stack_context
from tornado.concurrent import TracebackFuture
from tornado.ioloop import IOLoop
from tornado.util import PY3, xrange

io_loop = IOLoop.current()


@gen.coroutine
def double(n):
    yield gen.moment
    if n is None:
        raise TypeError("nothing to double")
    raise gen.Return(n * 2)


def on_double(result):
    print(result)
    with stack_context.ExceptionStackContext(on_error):
        double(None, callback=on_double)


def on_error(typ, value, tb):
    print(typ.__name__, value)
    future = TracebackFuture()
    print(future.running(), future.done())
    future.set_exc_info((typ, value, tb))
    print(future.running(), future.exc_info()[1] is value)
    io_loop.stop()
    return True


print(PY3, list(xrange(3)))
double(n=21, callback=on_double)
io_loop.start()
