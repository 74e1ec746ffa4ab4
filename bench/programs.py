"""Workloads without a network peer: a program that does one thing again and again and prints how often a second."""

import os
import subprocess

from bench import machine
from bench.peers import ROOT, Peer
from bench.results import Round
from bench.servers import PeerFailed

SPARE_SECONDS = 60


def rate(words: list[str], core: int, environment: dict[str, str], seconds: int) -> float:
    """Run a program that works for `seconds` on `core`, and return the number in its last line.

    Raises:
        PeerFailed: it did not end well, or its last line is no number.
    """
    limit = seconds * 2 + SPARE_SECONDS
    with machine.pinned(core):
        try:
            finished = subprocess.run(
                words, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=limit
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PeerFailed(str(error)) from error
    last = (finished.stdout if finished.returncode == 0 else finished.stderr).strip().splitlines()[-1:]
    try:
        if finished.returncode == 0:
            return float(last[0])
    except (IndexError, ValueError):
        pass
    raise PeerFailed(f"the program failed: {last[0] if last else 'it said nothing'}")


def measure(peer: Peer, name: str, seconds: int) -> Round:
    """Run the program called `name` of `peer` and return one round's result."""
    words = [part.format(name=name, seconds=seconds) for part in peer.programs[name]]
    before = machine.core_times()
    value = rate(words, machine.SERVER_CORE, peer.environment, seconds)
    return {"value": round(value, 1), "busy": machine.busy_since(before)}
