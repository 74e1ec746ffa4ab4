"""io_loop for autoreload."""

from pyframework import autoreload
from pyframework.legacy._arguments import ignoring_loop, replace


def install() -> None:
    replace(autoreload, "start", "[io_loop] check_time", ignoring_loop("autoreload.start"))
