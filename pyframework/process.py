"""Several processes for one server, and child processes whose pipes are streams; not for Windows."""

import os
import signal
import subprocess
import sys
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from subprocess import CalledProcessError
from typing import Any

from pyframework.concurrent import future_set_exception_unless_cancelled, future_set_result_unless_cancelled
from pyframework.ioloop import IOLoop
from pyframework.iostream import PipeIOStream
from pyframework.log import gen_log

__all__ = ["CalledProcessError", "Subprocess", "cpu_count", "fork_processes", "task_id"]

MAX_RESTARTS = 100

_task_id: int | None = None


def cpu_count() -> int:
    """Return the number of this machine's processors, 1 if it is not known."""
    return os.cpu_count() or 1


def task_id() -> int | None:
    """Return the number that `fork_processes` gave to this process; None in any other process."""
    return _task_id


def fork_processes(num_processes: int | None, max_restarts: int | None = None) -> int:
    """Fork children of this process, each of which returns its number, from 0 on.

    The parent stays in this function: it replaces children that fail, under their number, and ends the program with
    status 0 when all have ended well.

    :arg num_processes: how many; None or 0 for one for each processor
    :arg max_restarts: children that are replaced in total; 100 by default
    :raises RuntimeError: (in the parent) more than that have failed; (in a child) it is called there
    """
    if _task_id is not None:
        raise RuntimeError(f"fork_processes was called in child {_task_id}: call it once, in the parent")
    if num_processes is None or num_processes <= 0:
        num_processes = cpu_count()
    gen_log.info("Starting %d processes", num_processes)
    children: dict[int, int] = {}
    for number in range(num_processes):
        if _fork_child(number, children):
            return number
    restarts_left = MAX_RESTARTS if max_restarts is None else max_restarts
    while children:
        failed = _wait_for_failure(children)
        if failed is None:
            continue
        if not restarts_left:
            raise RuntimeError("Too many child restarts, giving up")
        restarts_left -= 1
        if _fork_child(failed, children):
            return failed
    sys.exit(0)


def _fork_child(number: int, children: dict[int, int]) -> bool:
    """Whether this is the child; the parent notes its process id."""
    global _task_id
    pid = os.fork()
    if pid == 0:
        _task_id = number
        return True
    children[pid] = number
    return False


def _wait_for_failure(children: dict[int, int]) -> int | None:
    """Wait until a process ends; return the number of a child of ours that failed."""
    pid, status = os.wait()
    number = children.pop(pid, None)
    if number is None:
        return None
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        gen_log.info("child %d (pid %d) exited normally", number, pid)
        return None
    if code < 0:
        gen_log.warning("child %d (pid %d) was killed by signal %d", number, pid, -code)
    else:
        gen_log.warning("child %d (pid %d) exited with status %d", number, pid, code)
    return number


class Subprocess:
    """A child process as of `subprocess.Popen`, which takes the arguments, with streams for its pipes.

    stdin, stdout, stderr: with `Subprocess.STREAM` the attribute of that name is a `PipeIOStream` to or from the child,
    which the caller closes.
    """

    STREAM = object()

    # Those whose end somebody waits for, by process id, and the loop that is told of SIGCHLD.
    _waiting: "dict[int, Subprocess]" = {}
    _signal_loop: AbstractEventLoop | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.io_loop = IOLoop.current()
        ours: dict[str, int] = {}
        theirs: dict[str, int] = {}
        try:
            for name in ("stdin", "stdout", "stderr"):
                if kwargs.get(name) is Subprocess.STREAM:
                    reading, writing = os.pipe()
                    ours[name], theirs[name] = (writing, reading) if name == "stdin" else (reading, writing)
            self.proc = subprocess.Popen(*args, **kwargs | theirs)
        except BaseException:
            for fd in ours.values():
                os.close(fd)
            raise
        finally:
            for fd in theirs.values():
                os.close(fd)
        self.pid = self.proc.pid
        self.returncode: int | None = None
        self._exit_callbacks: list[Callable[[int], None]] = []
        self.stdin, self.stdout, self.stderr = (
            PipeIOStream(ours[name]) if name in ours else getattr(self.proc, name)
            for name in ("stdin", "stdout", "stderr")
        )

    def set_exit_callback(self, callback: Callable[[int], None]) -> None:
        """Call ``callback(returncode)`` on this object's IOLoop when the process has ended, or soon if it has already.

        The code is that of `subprocess.Popen`. It takes the handler of SIGCHLD: see `initialize`.
        """
        self._exit_callbacks.append(callback)
        Subprocess.initialize()
        Subprocess._waiting[self.pid] = self
        self._check_exit()

    def wait_for_exit(self, raise_error: bool = True) -> "Future[int]":
        """Return a Future for the code with which the process ends.

        :raises CalledProcessError: (the Future) that is not 0, unless ``raise_error`` is false
        """
        future: Future[int] = Future()

        def settle(returncode: int) -> None:
            if returncode and raise_error:
                future_set_exception_unless_cancelled(future, CalledProcessError(returncode, self.proc.args))
            else:
                future_set_result_unless_cancelled(future, returncode)

        self.set_exit_callback(settle)
        return future

    @classmethod
    def initialize(cls) -> None:
        """Have the current IOLoop, which runs in the main thread, handle SIGCHLD for the objects of all loops.

        The methods that wait do this by themselves; a program with several loops chooses one by calling it first.
        """
        if cls._signal_loop is None or cls._signal_loop.is_closed():
            loop = IOLoop.current().asyncio_loop
            loop.add_signal_handler(signal.SIGCHLD, cls._cleanup)
            cls._signal_loop = loop

    @classmethod
    def uninitialize(cls) -> None:
        """Give SIGCHLD up."""
        loop, cls._signal_loop = cls._signal_loop, None
        if loop is not None and not loop.is_closed():
            loop.remove_signal_handler(signal.SIGCHLD)

    @classmethod
    def _cleanup(cls) -> None:
        for process in list(cls._waiting.values()):
            process._check_exit()

    def _check_exit(self) -> None:
        if self.proc.poll() is not None and Subprocess._waiting.pop(self.pid, None) is self:
            self.io_loop.add_callback(self._tell_exit, self.proc.returncode)

    def _tell_exit(self, returncode: int) -> None:
        self.returncode = returncode
        callbacks, self._exit_callbacks = self._exit_callbacks, []
        for callback in callbacks:
            self.io_loop.add_callback(callback, returncode)
