"""Generator-based coroutines: how a generator is started, and how it goes from one Future to the next."""
import asyncio
from collections.abc import Generator

from cpython.contextvars cimport PyContext_CopyCurrent, PyContext_Enter, PyContext_Exit
from cpython.genobject cimport PyGen_CheckExact
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF

from pyframework._core.capi cimport PYGEN_NEXT, PyIter_Send
from pyframework._core.loop cimport new_future

cdef object Future = asyncio.Future
cdef object Task = asyncio.Task
cdef object CancelledError = asyncio.CancelledError


def start_coroutine(runner, function, tuple args, dict kwargs):
    """Call `function`, and if that makes a generator, run it until it has to wait; return a Future for its result.

    Args:
        runner: the class that takes the generator on from its first yield, a subclass of `Steps`.
    """
    future = new_future()
    context = PyContext_CopyCurrent()
    PyContext_Enter(context)
    try:
        call(runner, context, future, function, args, kwargs)
    except (Exception, CancelledError) as error:
        runner.settle(future, error)
    finally:
        PyContext_Exit(context)
    return future


cdef int call(runner, context, future, function, tuple args, dict kwargs) except -1:
    cdef Steps steps
    cdef PyObject *out = NULL
    result = function(*args, **kwargs)
    if not PyGen_CheckExact(result) and not isinstance(result, Generator):
        if not future.cancelled():
            future.set_result(result)
        return 0
    if PyIter_Send(result, None, &out) != PYGEN_NEXT:
        if not future.done():
            future.set_result(owned(out))
        return 0
    steps = runner.__new__(runner)      # not its __init__, which enters the context
    steps.ctx_run = context.run
    steps.gen = result
    steps.result_future = future
    steps.loop = future.get_loop()
    if steps.take(owned(out)):
        steps.run()
    if not steps.finished:
        future._runner = steps  # whoever waits for the result keeps the generator alive
    return 0




cdef object owned(PyObject *value):
    """Return `value`, whose reference is the caller's to give."""
    result = <object>value
    Py_DECREF(result)
    return result


cdef class Steps:
    """The way of a generator from one Future to the next, up to its end.

    Attributes:
        ctx_run: the `run` method of the `contextvars.Context` that the generator runs in.
        gen: the generator, which has yielded before.
        result_future: gets the outcome.
        loop: the event loop of `result_future`.
        future: what the generator waits for; None while it runs.
    """

    cdef public object ctx_run
    cdef public object gen
    cdef public object result_future
    cdef public object loop
    cdef public object future
    cdef public bint running
    cdef public bint finished

    cdef bint take(self, yielded) except -1:
        """As `handle_yield`, which knows every kind of object; this one knows the most frequent."""
        kind = type(yielded)
        if kind is not Future and kind is not Task:
            return self.handle_yield(yielded)
        self.future = yielded
        if yielded.done():
            return True
        yielded.add_done_callback(self.wake)
        return False

    def wake(self, future=None):
        """Go on: `future`, for which the generator waits, is done."""
        self.ctx_run(self.run)

    def run(self):
        """Resume the generator until it yields something that is not done, or ends."""
        if self.running or self.finished or not self.future.done():
            return
        self.running = True
        try:
            while self.resume():
                pass
        except (Exception, CancelledError) as error:
            self.settle(self.finish(), error)
        finally:
            self.running = False

    cdef bint resume(self) except -1:
        """Feed the outcome of the finished Future to the generator; return whether what it yields next is done too."""
        cdef PyObject *out = NULL
        cdef object value = None
        future, self.future = self.future, None
        raised = None
        try:
            value = future.result()
        except BaseException as error:
            raised = error
        if raised is not None:      # out of the except block, so that what the generator raises has its own context
            return self.take(self.gen.throw(raised))
        if PyIter_Send(self.gen, value, &out) == PYGEN_NEXT:
            return self.take(owned(out))
        value = owned(out)
        future = self.finish()
        if not future.done():
            future.set_result(value)
        return False

    cdef object finish(self):
        """Return the Future that gets the outcome; it refers to this object, so not the other way round any longer."""
        future, self.result_future = self.result_future, None
        self.finished = True
        return future
