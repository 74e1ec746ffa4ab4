"""How tests run a loop by hand."""

from pyframework._core.loop import EventLoop


def turns(loop: EventLoop, count: int = 1) -> None:
    """Let the loop run so many turns."""
    for _ in range(count):
        loop.call_soon(loop.stop)
        loop.run_forever()
