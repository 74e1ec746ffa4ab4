"""Import time: how long a fresh process takes to import a peer's web module."""

import os
import subprocess

from bench import machine
from bench.peers import ROOT, Peer
from bench.results import Round
from bench.servers import PeerFailed

PROCESSES = 7
TIMED = "import time; t = time.perf_counter(); {statement}; print(time.perf_counter() - t)"


def measure(peer: Peer) -> list[Round]:
    """Import in `PROCESSES` fresh processes, after one that may have to compile, and return a result in ms for each."""
    return [{"value": _import_once(peer)} for _ in range(PROCESSES + 1)][1:]


def _import_once(peer: Peer) -> float:
    words = [peer.command[0], "-c", TIMED.format(statement=peer.import_command)]
    environment = {**os.environ, **peer.environment}
    with machine.pinned(machine.SERVER_CORE):
        finished = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True)
    if finished.returncode != 0:
        raise PeerFailed(f"import failed: {(finished.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    return round(float(finished.stdout) * 1000, 2)
