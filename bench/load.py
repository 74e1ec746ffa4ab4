"""Puts one workload's load on a port with wrk and reads what wrk says of it."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from bench import machine, programs
from bench.peers import DISCARD_LOAD
from bench.results import Round
from bench.servers import PeerFailed
from bench.workloads import Workload

SCRIPT = Path(__file__).with_name("load.lua")
NO_WRK = "wrk is not here; on Debian and Ubuntu: apt-get install wrk"


def have_wrk() -> bool:
    return shutil.which("wrk") is not None


def command(workload: Workload, port: int, seconds: int, body_file: str) -> list[str]:
    """The wrk command line for `workload`; `body_file` is a dash where the request has no body."""
    url = f"{'https' if workload.tls else 'http'}://127.0.0.1:{port}{workload.path}"
    headers = [part for name, value in workload.headers.items() for part in ("-H", f"{name}: {value}")]
    load = ["-t1", f"-c{workload.connections}", f"-d{seconds}s", "-s", str(SCRIPT)]
    return ["wrk", *load, *headers, url, "--", workload.method, str(workload.depth), body_file]


def run(workload: Workload, port: int, seconds: int) -> Round:
    """Load the port for `seconds` and return one round's result.

    Raises:
        PeerFailed: there were socket errors, timeouts, or answers that were not 2xx or 3xx.
    """
    if workload.discard:
        return discard(workload, port, seconds)
    with tempfile.NamedTemporaryFile() as body:
        body.write(workload.body)
        body.flush()
        before = machine.core_times()
        words = command(workload, port, seconds, body.name if workload.body else "-")
        with machine.pinned(machine.LOAD_CORE):
            finished = subprocess.run(words, capture_output=True, text=True)
        busy = machine.busy_since(before)
    if finished.returncode != 0:
        raise PeerFailed(f"wrk: {finished.stderr.strip()[:200]}")
    return {**parse(finished.stdout, workload.depth), "busy": busy}


def discard(workload: Workload, port: int, seconds: int) -> Round:
    """Load the port with our own program, which reads only the heads."""
    before = machine.core_times()
    words = [DISCARD_LOAD, str(port), str(workload.connections), str(seconds), workload.path]
    value = programs.rate(words, machine.LOAD_CORE, {}, seconds)
    return {"value": round(value, 1), "busy": machine.busy_since(before)}


def parse(output: str, depth: int) -> Round:
    """Read the line that load.lua prints: requests per second, median and 99th percentile of the latency in µs.

    Latencies are None for pipelined requests, since wrk times a batch, not a request.

    Raises:
        PeerFailed: errors are counted there, or the line is missing.
    """
    lines = [line for line in output.splitlines() if line.startswith("result ")]
    if not lines:
        raise PeerFailed("wrk printed no result")
    result = json.loads(lines[-1].removeprefix("result "))
    errors = {name: result[name] for name in ("connect", "read", "write", "timeout", "status") if result[name]}
    if errors or not result["requests"]:
        raise PeerFailed(f"{result['requests']} answers under load, errors: {errors or 'none'}")
    return {
        "value": round(result["requests"] * 1e6 / result["microseconds"], 1),
        "p50_us": result["p50"] if depth == 1 else None,
        "p99_us": result["p99"] if depth == 1 else None,
    }
