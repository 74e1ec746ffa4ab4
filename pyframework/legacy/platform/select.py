"""The loop under the name of select(2)."""

from pyframework.legacy.ioloop import PollIOLoop

__all__ = ["SelectIOLoop"]


class SelectIOLoop(PollIOLoop):
    """The loop of this framework, which polls as is best on the system."""
