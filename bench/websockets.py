"""WebSocket servers under load: echoes of several kinds, and one message to everybody in a room."""

from dataclasses import dataclass

from bench import machine, programs
from bench.echo import measure_servers
from bench.peers import WS_LOAD, Peer
from bench.results import Round, Run
from bench.servers import Server


@dataclass(frozen=True)
class Load:
    """What `ws_load` is told: how many connections, bytes of a message, and its mode."""

    connections: int
    size: int
    mode: str


LOADS = {
    "ws32": Load(64, 32, "echo"),
    "ws16k": Load(64, 16384, "echo"),
    "ws-deflate": Load(64, 16384, "deflate"),
    "publish": Load(5000, 32, "room"),
}


def load(server: Server, seconds: int, name: str) -> Round:
    """Load a server for `seconds` and return one round's result.

    Raises:
        PeerFailed: it is no WebSocket server, or another message came back than was sent.
    """
    how = LOADS[name]
    words = [WS_LOAD, str(server.port), str(how.connections), str(how.size), str(seconds), how.mode]
    before = machine.core_times()
    value = programs.rate(words, machine.LOAD_CORE, {}, seconds)
    return {"value": round(value, 1), "busy": machine.busy_since(before)}


def measure(run: Run, name: str, chosen: list[Peer], rounds: int) -> None:
    """Start all WebSocket servers, then load them in turn, `rounds` times."""
    measure_servers(
        run, name, "messages/s", chosen, rounds, lambda peer: peer.websocket, lambda *turn: load(*turn, name)
    )
