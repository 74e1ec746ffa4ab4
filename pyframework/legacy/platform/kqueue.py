"""The loop under the name of kqueue(2)."""

from pyframework.legacy.ioloop import PollIOLoop

__all__ = ["KQueueIOLoop"]


class KQueueIOLoop(PollIOLoop):
    """The loop of this framework, which polls as is best on the system."""
