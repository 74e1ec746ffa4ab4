"""What each system's module has: wakers, and descriptors that are not inherited."""

import os
import time


def set_close_exec(fd: int) -> None:
    """Keep a descriptor from the programs that this process starts (Python does that by itself since 3.4)."""
    os.set_inheritable(fd, False)


def set_nonblocking(fd: int) -> None:
    """Have reads and writes of a descriptor return at once."""
    os.set_blocking(fd, False)


monotonic_time = time.monotonic


class Waker:
    """A pipe that makes its end for reading ready when another thread writes into it."""

    def __init__(self) -> None:
        reader, writer = os.pipe()
        for fd in (reader, writer):
            os.set_blocking(fd, False)
        self.reader = open(reader, "rb", buffering=0)
        self.writer = open(writer, "wb", buffering=0)

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self.reader.fileno()

    def write_fileno(self) -> int:
        """Return the descriptor to write to."""
        return self.writer.fileno()

    def wake(self) -> None:
        """Make it ready; from any thread."""
        self.writer.write(b"x")

    def consume(self) -> None:
        """Make it wait again."""
        while self.reader.read(4096):
            pass

    def close(self) -> None:
        """Close both ends."""
        self.reader.close()
        self.writer.close()
