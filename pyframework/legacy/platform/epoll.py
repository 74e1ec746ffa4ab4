"""The loop under the name of epoll(7)."""

from pyframework.legacy.ioloop import PollIOLoop

__all__ = ["EPollIOLoop"]


class EPollIOLoop(PollIOLoop):
    """The loop of this framework, which polls as is best on the system."""
