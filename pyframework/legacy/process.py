"""io_loop for Subprocess."""

from pyframework.legacy._arguments import ignoring_loop, keeping_loop, on_kept_loop, replace
from pyframework.process import Subprocess


def install() -> None:
    replace(Subprocess, "__init__", "* [io_loop]", keeping_loop("Subprocess"))
    Subprocess.set_exit_callback = on_kept_loop(Subprocess.set_exit_callback)  # type: ignore[method-assign]
    replace(Subprocess, "initialize", "[io_loop]", ignoring_loop("Subprocess.initialize"))
