"""The same on every system."""

from pyframework.legacy.platform.interface import Waker, monotonic_time, set_close_exec, set_nonblocking

__all__ = ["Waker", "monotonic_time", "set_close_exec", "set_nonblocking"]
