"""Objects that a coroutine yields to wait for callbacks with a key, and the runner that serves them."""

import collections
import functools
from collections.abc import Callable, Generator, Hashable, Iterable
from typing import Any

from pyframework import gen
from pyframework._core.loop import create_future
from pyframework.concurrent import _add_loop_callback
from pyframework.legacy import stack_context
from pyframework.legacy._notes import note
from pyframework.log import app_log

_FUTURE = "yield a Future, and let the callback set its result"

Arguments = collections.namedtuple("Arguments", ["args", "kwargs"])


def one_argument(callback: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return a function of any arguments: none gives None to ``callback``, more than one an `Arguments`."""

    def call(*args: Any, **kwargs: Any) -> Any:
        if kwargs or len(args) > 1:
            return callback(Arguments(args, kwargs))
        return callback(args[0] if args else None)

    return call


class YieldPoint:
    """What a coroutine may yield to wait for something that is no Future.

    The runner calls `start` once, `is_ready` whenever one of its callbacks was called, and at last `get_result`.
    """

    def start(self, runner: "Runner") -> None:
        """Begin; the coroutine has just yielded this."""
        raise NotImplementedError

    def is_ready(self) -> bool:
        """Whether the coroutine can go on."""
        raise NotImplementedError

    def get_result(self) -> Any:
        """Return what the ``yield`` expression shall be, or raise what it shall raise."""
        raise NotImplementedError


class Callback(YieldPoint):
    """Gives a function; what that is called with is the result of `Wait` with the same key."""

    def __init__(self, key: Hashable) -> None:
        note("gen.Callback", _FUTURE)
        self.key = key

    def start(self, runner: "Runner") -> None:
        self.runner = runner
        runner.register_callback(self.key)

    def is_ready(self) -> bool:
        return True

    def get_result(self) -> Callable[..., Any]:
        return self.runner.result_callback(self.key)


class WaitAll(YieldPoint):
    """Waits for the functions of several `Callback`s; the result is a list, in the order of the keys."""

    def __init__(self, keys: Iterable[Hashable]) -> None:
        note("gen.WaitAll", _FUTURE)
        self.keys = list(keys)

    def start(self, runner: "Runner") -> None:
        self.runner = runner

    def is_ready(self) -> bool:
        return all([self.runner.is_ready(key) for key in self.keys])

    def get_result(self) -> Any:
        return [self.runner.pop_result(key) for key in self.keys]


class Wait(WaitAll):
    """Waits for the function of a `Callback` to be called; the result is its argument."""

    def __init__(self, key: Hashable) -> None:
        note("gen.Wait", _FUTURE)
        self.key = key
        self.keys = [key]

    def get_result(self) -> Any:
        return super().get_result()[0]


class YieldFuture(YieldPoint):
    """Waits for a Future; ``io_loop`` is not needed."""

    def __init__(self, future: Any, io_loop: Any = None) -> None:
        note("gen.YieldFuture", "yield the Future itself")
        self.future = gen.convert_yielded(future)

    def start(self, runner: "Runner") -> None:
        _add_loop_callback(self.future, runner.loop, lambda _: runner.look())

    def is_ready(self) -> bool:
        return self.future.done()

    def get_result(self) -> Any:
        return self.future.result()


class MultiYieldPoint(YieldPoint):
    """Waits for all of a list or dict of yield points and Futures; fails as `gen.multi` does."""

    def __init__(self, children: Any, quiet_exceptions: Any = ()) -> None:
        self.keys = list(children) if isinstance(children, dict) else None
        values = children.values() if isinstance(children, dict) else children
        self.children = [child if isinstance(child, YieldPoint) else _Waiting(child) for child in values]
        self.quiet_exceptions = quiet_exceptions

    def start(self, runner: "Runner") -> None:
        for child in self.children:
            child.start(runner)

    def is_ready(self) -> bool:
        return all([child.is_ready() for child in self.children])

    def get_result(self) -> Any:
        results, failure = [], None
        for child in self.children:
            try:
                results.append(child.get_result())
            except Exception as error:
                if failure is None:
                    failure = error
                elif not isinstance(error, self.quiet_exceptions):
                    app_log.error("Multiple exceptions in yield list", exc_info=True)
        if failure is not None:
            raise failure
        return results if self.keys is None else dict(zip(self.keys, results, strict=True))


class _Waiting(YieldFuture):
    """A Future among the children of a `MultiYieldPoint`."""

    def __init__(self, child: Any) -> None:
        self.future = gen.convert_yielded(child)


def has_yield_points(children: Any) -> bool:
    """Whether a list or dict holds a `YieldPoint`."""
    values = children.values() if isinstance(children, dict) else children if isinstance(children, list) else ()
    return any(isinstance(child, YieldPoint) for child in values)


class _Checked(Generator[Any, Any, Any]):
    """A generator that must have waited for all its callbacks when it ends."""

    def __init__(self, runner: "Runner") -> None:
        self.runner = runner
        self.gen = runner.gen
        self.failed = False

    def send(self, value: Any) -> Any:
        return self._step(self.gen.send, value)

    def throw(self, *error: Any) -> Any:
        self.failed = True
        return self._step(self.gen.throw, *error)

    def _step(self, step: Callable[..., Any], *args: Any) -> Any:
        try:
            return step(*args)
        except (StopIteration, gen.Return) as end:
            pending = self.runner.pending
            if pending and not self.failed:
                raise gen.LeakedCallbackError(f"the coroutine has not waited for the callbacks {pending}") from end
            raise


class Runner(gen.Runner):
    """Takes a coroutine on that may yield a `YieldPoint`, and enters its stack contexts around each step.

    Once it has yielded one, what the callbacks of the coroutine raise is raised where it waits.
    """

    pending: "set[Hashable] | None" = None
    results: "dict[Hashable, Any]"
    yield_point: YieldPoint | None = None

    def wake(self, future: Any = None) -> None:
        self.ctx_run(stack_context.run, self.run)

    def handle_yield(self, yielded: Any) -> bool:
        if has_yield_points(yielded):
            yielded = MultiYieldPoint(yielded)
        if not isinstance(yielded, YieldPoint):
            return super().handle_yield(yielded)
        if self.pending is None:
            self.pending, self.results = set(), {}
            self.gen = _Checked(self)
            stack_context.establish(self.handle_exception)
        self.future = create_future()
        self.yield_point = yielded
        try:
            yielded.start(self)
            self.look()
        except Exception as error:
            self.future = gen._failed(error)
        if self.future.done():
            return True
        self.future.add_done_callback(self.wake)
        return False

    def look(self) -> None:
        """Go on if what was yielded is ready."""
        point = self.yield_point
        if point is None or not point.is_ready():
            return
        self.yield_point = None
        try:
            self.future.set_result(point.get_result())
        except Exception as error:
            self.future.set_exception(error)

    def register_callback(self, key: Hashable) -> None:
        """Expect a result for ``key``."""
        assert self.pending is not None
        if key in self.pending:
            raise gen.KeyReuseError(f"key {key!r} is already pending")
        self.pending.add(key)

    def is_ready(self, key: Hashable) -> bool:
        """Whether there is a result for ``key``."""
        if not self.pending or key not in self.pending:
            raise gen.UnknownKeyError(f"key {key!r} is not pending")
        return key in self.results

    def set_result(self, key: Hashable, result: Any) -> None:
        """Take a result, and go on if it was the last one to wait for."""
        self.results[key] = result
        self.look()

    def pop_result(self, key: Hashable) -> Any:
        """Return the result for ``key``, which may be used again."""
        assert self.pending is not None
        self.pending.remove(key)
        return self.results.pop(key)

    def result_callback(self, key: Hashable) -> Callable[..., Any]:
        """Return the function that takes the result for ``key``."""
        return stack_context.remember(one_argument(functools.partial(self.set_result, key)))

    def handle_exception(self, typ: Any, value: Any, tb: Any) -> bool:
        self.yield_point = None if not self.running and not self.finished else self.yield_point
        return super().handle_exception(typ, value, tb)
