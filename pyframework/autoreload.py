"""Starts the program anew when one of its source files has changed; for development.

`Application(debug=True)` uses it. `python -m pyframework.autoreload app.py` does it for any program, and goes on when
the program has ended, well or badly.
"""

import importlib.machinery
import importlib.util
import os
import runpy
import signal
import sys
import traceback
import types
import weakref
from collections.abc import Callable, Iterator

from pyframework import process
from pyframework.ioloop import IOLoop, PeriodicCallback
from pyframework.log import gen_log

USAGE = """\
usage: python -m pyframework.autoreload [--until-success] path/to/script.py [arguments]
       python -m pyframework.autoreload [--until-success] -m module [arguments]

  --until-success   stop when the program has ended with status 0"""

_watched_files: set[str] = set()
_reload_hooks: list[Callable[[], None]] = []
_modify_times: dict[str, int] = {}  # in ns, by file, as it was seen first
_io_loops: "weakref.WeakSet[IOLoop]" = weakref.WeakSet()
_reload_attempted = False


def start(check_time: int = 500) -> None:
    """Begin to look for changes, on the current IOLoop, every ``check_time`` milliseconds."""
    io_loop = IOLoop.current()
    if io_loop in _io_loops:
        return
    _io_loops.add(io_loop)
    if len(_io_loops) > 1:
        gen_log.warning("autoreload was started on more than one IOLoop of this process: once is enough")
    PeriodicCallback(_reload_if_modified, check_time).start()


def wait() -> None:
    """Wait for a change, then start the program anew: for the end of a script, such as a test runner."""
    io_loop = IOLoop()
    io_loop.add_callback(start)
    io_loop.start()


def watch(filename: str) -> None:
    """Look at this file, too; the files of imported modules need no word."""
    _watched_files.add(filename)


def add_reload_hook(fn: Callable[[], None]) -> None:
    """Call ``fn`` before the program is started anew.

    Descriptors need no hook: Python's are closed then, unless `os.set_inheritable` says otherwise.
    """
    _reload_hooks.append(fn)


def _reload_if_modified() -> None:
    # Children of fork_processes would each start a whole program.
    if _reload_attempted or process.task_id() is not None:
        return
    for path in {*_watched_files, *_module_files()}:
        if _is_modified(path):
            gen_log.info("%s modified; restarting server", path)
            _reload()
            return


def _module_files() -> Iterator[str]:
    for module in list(sys.modules.values()):
        if isinstance(module, types.ModuleType):
            path = getattr(module, "__file__", None)
            if path:
                yield path.removesuffix("c") if path.endswith(".pyc") else path


def _is_modified(path: str) -> bool:
    try:
        modified = os.stat(path).st_mtime_ns
    except OSError:
        return False
    return _modify_times.setdefault(path, modified) != modified


def _reload() -> None:
    """Replace this process by one with the same command line."""
    global _reload_attempted
    _reload_attempted = True
    for hook in _reload_hooks:
        hook()
    signal.setitimer(signal.ITIMER_REAL, 0)  # it would go on in the new program
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def main() -> None:
    """Run the command line of `python -m pyframework.autoreload`: a program, again after each change."""
    until_success, module, arguments = _parse(sys.argv[1:])
    status = _run(module, arguments)
    # It has left the list of modules again.
    if module is not None:
        _watch_module(module)
    else:
        path = arguments[0]
        watch(os.path.join(path, "__main__.py") if os.path.isdir(path) else path)
    if not (until_success and not status):
        wait()


def _parse(arguments: list[str]) -> tuple[bool, str | None, list[str]]:
    """Return --until-success, the module of -m, and the rest, of which a script is the first."""
    until_success = False
    while arguments and arguments[0].startswith("-"):
        option, *arguments = arguments
        if option == "-m" and arguments:
            return until_success, arguments[0], arguments[1:]
        if option in ("-h", "--help"):
            print(USAGE)
            sys.exit(0)
        if option != "--until-success":
            break
        until_success = True
    else:
        if arguments:
            return until_success, None, arguments
    print("Either -m or a path must be specified", USAGE, sep="\n", file=sys.stderr)
    sys.exit(1)


def _run(module: str | None, arguments: list[str]) -> int | str | None:
    """Run the program as Python would; return its exit status, 1 for an exception."""
    try:
        if module is not None:
            sys.argv = [sys.argv[0], *arguments]
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        else:
            sys.argv = arguments
            runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as error:
        gen_log.info("Script exited with status %s", error.code)
        return error.code
    except Exception as error:
        gen_log.warning("Script exited with uncaught exception", exc_info=True)
        # What failed while it was imported is in no module list.
        for frame in traceback.extract_tb(error.__traceback__):
            watch(frame.filename)
        if isinstance(error, SyntaxError) and error.filename is not None:
            watch(error.filename)
        return 1
    return 0


def _watch_module(module: str) -> None:
    """Watch the file of the program that ran as ``-m module``."""
    try:
        spec = importlib.util.find_spec(module)
    except Exception:
        return  # the package around it cannot be imported: `_run` knows why
    if spec is not None and spec.submodule_search_locations is not None:
        spec = importlib.machinery.PathFinder.find_spec(f"{module}.__main__", spec.submodule_search_locations)
    if spec is not None and spec.has_location and spec.origin is not None:
        watch(spec.origin)


if __name__ == "__main__":
    # The program imports this module by its name, so its state must be there, and not in this one called __main__.
    importlib.import_module(__spec__.name).main()
