"""Echo servers under load: each connection sends a line or a message, waits until it is back, and sends the next."""

import sys
from contextlib import ExitStack

from bench import machine, programs
from bench.peers import APPS, CERTIFICATE, ECHO_LOAD, KEY, WS_LOAD, Peer
from bench.results import Result, Round, Run
from bench.servers import PeerFailed, Server

CONNECTIONS = 64
SOCKETS = {"ws32": 32, "ws16k": 16384}  # bytes of a message


def server_command(peer: Peer, workload: str) -> tuple[str, ...]:
    if workload in SOCKETS:
        return peer.command
    return (*peer.echo, CERTIFICATE, KEY) if workload == "echo-tls" else peer.echo


def load_command(workload: str, port: int, seconds: int) -> list[str]:
    numbers = [str(port), str(CONNECTIONS), str(seconds)]
    if workload in SOCKETS:
        return [WS_LOAD, str(port), str(CONNECTIONS), str(SOCKETS[workload]), str(seconds), "/socket"]
    if workload == "echo-tls":
        return [sys.executable, str(APPS / "echo_load.py"), *numbers, CERTIFICATE]
    return [ECHO_LOAD, *numbers]


def load(server: Server, seconds: int, workload: str) -> Round:
    """Load an echo server for `seconds` and return one round's result."""
    before = machine.core_times()
    value = programs.rate(load_command(workload, server.port, seconds), machine.LOAD_CORE, {}, seconds)
    return {"value": round(value, 1), "busy": machine.busy_since(before)}


def measure(run: Run, workload: str, chosen: list[Peer], rounds: int) -> None:
    """Start all echo servers, then load them in turn, `rounds` times."""
    with ExitStack() as running:
        servers: list[Server] = []
        for peer in chosen:
            try:
                server = running.enter_context(Server(peer, server_command(peer, workload)))
                load(server, 1, workload)
            except PeerFailed as error:
                run.fail(workload, peer.name, str(error))
            else:
                run.results.append(Result(workload, peer.name, "echoes/s"))
                servers.append(server)
        for _ in range(rounds):
            for server in servers:
                if (result := run.result(workload, server.peer.name)) is not None:
                    result.rounds.append(load(server, run.seconds, workload))
