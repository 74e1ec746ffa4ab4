"""Runs the benchmark: all peers of a workload in turn, round after round, then saves and shows the run.

Usage: python -m bench.run [--workloads hello,json] [--peers pyframework,tornado] [--rounds 3] [--seconds 2] [--quick]
"""

import argparse
import datetime
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pyframework
from bench import (
    clients,
    echo,
    environment,
    idle,
    load,
    machine,
    memory,
    peers,
    programs,
    report,
    startup,
    websockets,
    workloads,
)
from bench.peers import CERTIFICATE, KEY, Peer
from bench.results import Result, Round, Run
from bench.servers import PeerFailed, Server, raise_file_limit
from bench.workloads import HELLO, MEMORY, STARTUP, WS_IDLE, Workload

QUICK = {"peers": "pyframework,pyframework-asyncio,tornado,floor", "workloads": "hello,json", "rounds": 1, "seconds": 1}
FULL = {"peers": ",".join(peers.BY_NAME), "workloads": ",".join(workloads.ALL), "rounds": 3, "seconds": 2}
WARM_UP_SECONDS = 1
SPARE_FILES = 100
Measure = Callable[[Peer], list[Round]]


def options_from(arguments: list[str]) -> argparse.Namespace:
    """Parse the command line; unknown names end the program with a message that lists the known ones."""
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("--peers", help=f"some of: {', '.join(peers.BY_NAME)}")
    parser.add_argument("--workloads", help=f"some of: {', '.join(workloads.ALL)}")
    parser.add_argument("--rounds", type=int, help="turns of each peer (3)")
    parser.add_argument("--seconds", type=int, help="length of each load (2)")
    parser.add_argument("--quick", action="store_true", help="a smoke run: few peers, hello and json, one round of 1 s")
    options = parser.parse_args(arguments)
    for name, value in (QUICK if options.quick else FULL).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    options.peers = _chosen(parser, "peer", options.peers, list(peers.BY_NAME))
    options.workloads = _chosen(parser, "workload", options.workloads, list(workloads.ALL))
    if options.rounds < 1 or options.seconds < 1:
        parser.error("--rounds and --seconds must be at least 1")
    return options


def _chosen(parser: argparse.ArgumentParser, kind: str, names: str, known: list[str]) -> list[str]:
    unknown = [name for name in names.split(",") if name not in known]
    if unknown:
        parser.error(f"unknown {kind} {unknown[0]!r}; choose from {', '.join(known)}")
    return [name for name in known if name in names.split(",")]


@contextmanager
def noted(run: Run, workload: str, peer: str) -> Iterator[None]:
    """Note a `PeerFailed` of the block as a failure of that peer, print it, and go on."""
    try:
        yield
    except PeerFailed as error:
        run.fail(workload, peer, str(error))
        print(f"  {peer}: {error}", flush=True)


def measure_load(run: Run, workload: Workload, chosen: list[Peer], rounds: int) -> None:
    """Start and verify all peers, then load them in turn, `rounds` times."""
    with ExitStack() as running:
        servers: list[Server] = []
        for peer in chosen:
            with noted(run, workload.name, peer.name):
                further = (CERTIFICATE, KEY) if workload.tls else ("agent",) if workload.agent else ()
                server = running.enter_context(Server(peer, (*peer.command, *further)))
                if not workload.agent:  # which adds to every answer
                    server.verify(replace(HELLO, tls=workload.tls))
                server.verify(workload)
                load.run(workload, server.port, WARM_UP_SECONDS)
                run.results.append(Result(workload.name, peer.name, "req/s"))
                servers.append(server)
        for _ in range(rounds):
            for server in servers:
                result = run.result(workload.name, server.peer.name)
                if result is not None:
                    with noted(run, workload.name, server.peer.name):
                        _take_turn(workload, server, result, run.seconds)


def _take_turn(workload: Workload, server: Server, result: Result, seconds: int) -> None:
    if workload.beside_hello:
        result.beside.append(load.run(HELLO, server.port, seconds))
    if workload.idle:
        with idle.IdleConnections(server.port, workload.idle):
            result.rounds.append(load.run(workload, server.port, seconds))
    else:
        result.rounds.append(load.run(workload, server.port, seconds))


def measure_memory(run: Run, name: str, chosen: list[Peer], rounds: int) -> None:
    """Measure each peer's memory per idle connection in turn, `rounds` times, each time in a fresh process."""
    measure = memory.measure_websockets if name == WS_IDLE else memory.measure
    _in_turn(run, name, "KiB", chosen, rounds, lambda peer: [measure(peer)])


def measure_import(run: Run, chosen: list[Peer], rounds: int) -> None:
    """Measure each peer's import time in turn, `rounds` times some processes."""
    _in_turn(run, STARTUP, "ms", chosen, rounds, startup.measure)


def measure_program(run: Run, name: str, chosen: list[Peer], rounds: int) -> None:
    """Run each peer's program for the workload called `name` in turn, `rounds` times."""
    _in_turn(run, name, "/s", chosen, rounds, lambda peer: [programs.measure(peer, name, run.seconds)])


def _in_turn(run: Run, workload: str, unit: str, chosen: list[Peer], rounds: int, measure: Measure) -> None:
    run.results += [Result(workload, peer.name, unit) for peer in chosen]
    for _ in range(rounds):
        for peer in chosen:
            result = run.result(workload, peer.name)
            if result is not None:
                with noted(run, workload, peer.name):
                    result.rounds += measure(peer)


def main(arguments: list[str]) -> int:
    options = options_from(arguments)
    loads = [name for name in options.workloads if name in workloads.BY_NAME]
    if loads and not load.have_wrk():
        print(load.NO_WRK, file=sys.stderr)
        return 1
    files = raise_file_limit()
    problems = environment.prepare([peers.BY_NAME[name] for name in options.peers])
    for name, reason in problems.items():
        print(f"{name} is left out: {reason}")
    run = Run(
        started=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        seconds=options.seconds,
        machine=machine.facts(),
        versions={"pyframework": pyframework.__version__, **environment.versions()},
    )
    for name, reason in problems.items():
        run.fail("(all)", name, reason)
    for name in options.workloads:
        chosen = [peers.BY_NAME[p] for p in options.peers if p not in problems and name in peers.BY_NAME[p].serves]
        print(f"{name}: {', '.join(peer.name for peer in chosen)}", flush=True)
        measure_workload(run, name, chosen, options.rounds, files)
    path = run.save()
    print(f"\nsaved as {path}\n")
    print(report.text(run))
    return 0


def measure_workload(run: Run, name: str, chosen: list[Peer], rounds: int, files: int) -> None:
    """Measure `chosen` peers in the workload called `name`, with at most `files` open files for a process."""
    if name in (MEMORY, WS_IDLE):
        needed = memory.CONNECTIONS
    elif name == STARTUP or name in workloads.PROGRAMS:
        needed = 0
    elif name in workloads.ECHOES:
        needed = echo.CONNECTIONS
    elif name in workloads.WEBSOCKETS:
        needed = websockets.LOADS[name].connections
    elif name in workloads.CLIENTS:
        needed = 0
    else:
        needed = workloads.BY_NAME[name].idle + workloads.BY_NAME[name].connections
    if needed + SPARE_FILES > files:
        reason = f"needs {needed + SPARE_FILES} open files, the limit is {files} (ulimit -n)"
        print(f"  left out: {reason}")
        run.fail(name, "(all)", reason)
    elif name in (MEMORY, WS_IDLE):
        measure_memory(run, name, chosen, rounds)
    elif name == STARTUP:
        measure_import(run, chosen, rounds)
    elif name in workloads.ECHOES:
        echo.measure(run, name, chosen, rounds)
    elif name in workloads.WEBSOCKETS:
        websockets.measure(run, name, chosen, rounds)
    elif name in workloads.CLIENTS:
        clients.measure(run, name, chosen, rounds)
    elif name not in workloads.BY_NAME:
        measure_program(run, name, chosen, rounds)
    else:
        measure_load(run, workloads.BY_NAME[name], chosen, rounds)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
