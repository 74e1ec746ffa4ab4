"""A peer as a process: started, verified, ended; and what becomes of a bad one."""

import sys
from pathlib import Path

import pytest

from bench import idle
from bench.peers import Peer
from bench.servers import PeerFailed, Server
from bench.workloads import HELLO

SERVER = """
import http.server, sys

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = {"/implementation": b"/somewhere/tornado/web.py asyncio.Loop"}.get(self.path, b"Hello, world")
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def peer(tmp_path: Path, program: str, implementation: tuple[str, str] | None = None) -> Peer:
    path = tmp_path / "server.py"
    path.write_text(program)
    return Peer(
        "test", "Test", (sys.executable, str(path), "{port}"), frozenset({"hello"}), implementation=implementation
    )


def test_good_peer_is_verified_and_ended(tmp_path: Path) -> None:
    with Server(peer(tmp_path, SERVER)) as server:
        server.verify(HELLO)
        assert server.process.poll() is None
    assert server.process.poll() is not None


def test_wrong_answer_is_found(tmp_path: Path) -> None:
    with Server(peer(tmp_path, SERVER.replace("Hello", "Good-bye"))) as server:
        with pytest.raises(PeerFailed, match="Good-bye"):
            server.verify(HELLO)


def test_peer_that_is_not_what_it_should_be(tmp_path: Path) -> None:
    with Server(peer(tmp_path, SERVER, ("/pyframework/web/", "asyncio."))) as server:
        with pytest.raises(PeerFailed, match="it runs /somewhere/tornado/web.py on asyncio.Loop"):
            server.verify(HELLO)


def test_tornado_s_headers_are_demanded_of_its_like(tmp_path: Path) -> None:
    with Server(peer(tmp_path, SERVER, ("/tornado/web.py", "asyncio."))) as server:
        with pytest.raises(PeerFailed, match="'etag'"):
            server.verify(HELLO)


def test_peer_that_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(PeerFailed, match="did not start: no such library"):
        Server(peer(tmp_path, "import sys; sys.exit('no such library')"))


def test_idle_connections_stay_open(tmp_path: Path) -> None:
    with Server(peer(tmp_path, SERVER)) as server:
        with idle.IdleConnections(server.port, 3):
            server.verify(HELLO)


def test_lost_idle_connections_are_found(tmp_path: Path) -> None:
    with Server(peer(tmp_path, SERVER)) as server:
        with pytest.raises(PeerFailed, match="did not stay open: lost 3"):
            with idle.IdleConnections(server.port, 3):
                server.stop()
