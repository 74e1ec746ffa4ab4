"""Echo servers under load: each connection sends a line, waits until it is back, and sends the next."""

import sys
from collections.abc import Callable
from contextlib import ExitStack

from bench import machine, programs
from bench.peers import APPS, CERTIFICATE, ECHO_LOAD, KEY, Peer
from bench.results import Result, Round, Run
from bench.servers import PeerFailed, Server

CONNECTIONS = 64


def server_command(peer: Peer, tls: bool) -> tuple[str, ...]:
    return (*peer.echo, CERTIFICATE, KEY) if tls else peer.echo


def load_command(port: int, seconds: int, tls: bool) -> list[str]:
    numbers = [str(port), str(CONNECTIONS), str(seconds)]
    return [sys.executable, str(APPS / "echo_load.py"), *numbers, CERTIFICATE] if tls else [ECHO_LOAD, *numbers]


def load(server: Server, seconds: int, tls: bool) -> Round:
    """Load an echo server for `seconds` and return one round's result."""
    before = machine.core_times()
    value = programs.rate(load_command(server.port, seconds, tls), machine.LOAD_CORE, {}, seconds)
    return {"value": round(value, 1), "busy": machine.busy_since(before)}


def measure(run: Run, workload: str, chosen: list[Peer], rounds: int) -> None:
    """Start all echo servers, then load them in turn, `rounds` times."""
    tls = workload == "echo-tls"
    measure_servers(
        run,
        workload,
        "echoes/s",
        chosen,
        rounds,
        lambda peer: server_command(peer, tls),
        lambda *turn: load(*turn, tls),
    )


def measure_servers(
    run: Run,
    workload: str,
    unit: str,
    chosen: list[Peer],
    rounds: int,
    command: Callable[[Peer], tuple[str, ...]],
    load: Callable[[Server, int], Round],
) -> None:
    """Start each peer's server by its `command`, then put `load` on all in turn, `rounds` times."""
    with ExitStack() as running:
        servers: list[Server] = []
        for peer in chosen:
            try:
                server = running.enter_context(Server(peer, command(peer)))
                load(server, 1)
            except PeerFailed as error:
                run.fail(workload, peer.name, str(error))
            else:
                run.results.append(Result(workload, peer.name, unit))
                servers.append(server)
        for _ in range(rounds):
            for server in servers:
                if (result := run.result(workload, server.peer.name)) is not None:
                    result.rounds.append(load(server, run.seconds))
