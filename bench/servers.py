"""Starts a peer as its own process, asks it for the right answers, and ends it by its own process id."""

import os
import resource
import signal
import socket
import subprocess
import tempfile
import time
from types import TracebackType

from bench import machine
from bench.answers import BadAnswer, exchange
from bench.peers import CERTIFICATE, ROOT, STATIC_FILES, Peer
from bench.workloads import HELLO_ETAG, Workload

START_SECONDS = 20.0
ATTEMPTS = 3
TORNADO_HEADERS = {"server", "content-type", "date", "etag", "content-length"}


class PeerFailed(Exception):
    """A peer cannot be measured; the text says why, in one line."""


def free_port() -> int:
    """A port that the kernel says is free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def raise_file_limit() -> int:
    """Allow this process and its children as many open files as the system lets it; return how many."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class Server:
    """A running peer, pinned to a core; use it in a `with`. `command` stands in for its HTTP server's."""

    def __init__(
        self, peer: Peer, command: tuple[str, ...] | None = None, core: int = machine.SERVER_CORE
    ) -> None:
        self.peer = peer
        self._core = core
        self._command = peer.command if command is None else command
        self._output = tempfile.TemporaryFile()
        for _ in range(ATTEMPTS):
            self.port = free_port()
            self.process = self._start()
            if self._wait_until_open():
                return
            self.stop()
        words = self._last_line()
        self._output.close()
        raise PeerFailed(f"did not start: {words}")

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
        self._output.close()

    def _start(self) -> subprocess.Popen[bytes]:
        with machine.pinned(self._core):
            return subprocess.Popen(
                [part.format(port=self.port) for part in self._command],
                cwd=ROOT,
                env={**os.environ, "BENCH_FILES": str(STATIC_FILES), **self.peer.environment},
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=self._output,
                start_new_session=True,
            )

    def _wait_until_open(self) -> bool:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return True
        return False

    def _last_line(self) -> str:
        self._output.seek(0)
        lines = self._output.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def stop(self) -> None:
        """End the process, and the workers it may have left behind in its own session."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def verify(self, workload: Workload) -> None:
        """See that the peer is who it says and answers `workload` rightly.

        Raises:
            PeerFailed: it is not, or it does not.
        """
        certificate = CERTIFICATE if workload.tls else None
        try:
            self._verify_implementation(certificate)
            answers = exchange(self.port, workload.request(), workload.depth, certificate)
        except BadAnswer as error:
            raise PeerFailed(f"{error}; its last words: {self._last_line()}") from error
        for answer in answers:
            complaint = workload.complaint(answer)
            if complaint is None and self.peer.implementation and workload.name == "hello":
                complaint = _differs_from_tornado(answer.headers)
            if complaint:
                raise PeerFailed(complaint)

    def _verify_implementation(self, certificate: str | None) -> None:
        if self.peer.implementation is None:
            return
        request = b"GET /implementation HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        library, _, loop = exchange(self.port, request, 1, certificate)[0].body.decode().rpartition(" ")
        expected_library, expected_loop = self.peer.implementation
        if expected_library not in library or not loop.startswith(expected_loop):
            raise PeerFailed(f"is not what it should be: it runs {library} on {loop}")


def _differs_from_tornado(headers: dict[str, str]) -> str | None:
    if set(headers) != TORNADO_HEADERS:
        return f"headers {sorted(headers)} instead of {sorted(TORNADO_HEADERS)}"
    return None if headers["etag"] == HELLO_ETAG else f"ETag {headers['etag']} instead of {HELLO_ETAG}"
