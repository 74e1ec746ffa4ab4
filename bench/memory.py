"""Memory per idle connection, keep-alive or WebSocket: a server's resident set, by the number of them."""

import subprocess
import time

from bench.idle import IdleConnections
from bench.peers import Peer
from bench.results import Round
from bench.servers import PeerFailed, Server
from bench.workloads import HELLO

CONNECTIONS = 5000
SETTLE_SECONDS = 0.5


def resident_kib(pid: int) -> int:
    """The resident set of process `pid` in KiB, as ps sees it."""
    finished = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True)
    if finished.returncode != 0:
        raise PeerFailed(f"ps does not know process {pid}")
    return int(finished.stdout)


def measure(peer: Peer) -> Round:
    """Start `peer` afresh and return KiB per connection as one round's result.

    Raises:
        PeerFailed: it does not start, answers wrongly, or does not keep the connections open.
    """
    with Server(peer) as server:
        server.verify(HELLO)
        return _growth(server)


def measure_websockets(peer: Peer) -> Round:
    """The same of WebSockets."""
    with Server(peer, peer.websocket) as server:
        with IdleConnections(server.port, 1, "/echo"):
            pass
        return _growth(server, "/echo")


def _growth(server: Server, websocket: str = "") -> Round:
    time.sleep(SETTLE_SECONDS)
    before = resident_kib(server.process.pid)
    with IdleConnections(server.port, CONNECTIONS, websocket):
        time.sleep(SETTLE_SECONDS)
        after = resident_kib(server.process.pid)
    return {"value": round((after - before) / CONNECTIONS, 3), "before_kib": before, "after_kib": after}
