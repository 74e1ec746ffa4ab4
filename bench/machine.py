"""What the measuring machine is and how busy its cores are; Linux tells most, elsewhere less is known."""

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SERVER_CORE = 0
LOAD_CORE = 1
STAT = Path("/proc/stat")


def can_pin() -> bool:
    """Whether servers and load can have a core of their own."""
    return hasattr(os, "sched_setaffinity") and {SERVER_CORE, LOAD_CORE} <= os.sched_getaffinity(0)


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Give all processes that are started in the block to `core`, where the system can do that."""
    if not can_pin():
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def facts() -> dict[str, object]:
    """CPU model, number of cores, kernel and Python, as far as this system tells."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "pinned": can_pin(),
        "busy_before": busy_during(0.5),
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def core_times() -> list[tuple[int, int]]:
    """(busy, total) clock ticks of the server's and the load's core since boot; empty where this is not known."""
    if not can_pin() or not STAT.exists():
        return []
    lines = {name: ticks for name, _, ticks in (line.partition(" ") for line in STAT.read_text().splitlines())}
    cores = [[int(n) for n in lines[f"cpu{core}"].split()[:8]] for core in (SERVER_CORE, LOAD_CORE)]
    return [(sum(ticks) - ticks[3] - ticks[4], sum(ticks)) for ticks in cores]


def busy_since(before: list[tuple[int, int]]) -> list[float]:
    """How busy (0 to 1) the server's and the load's core have been since `before`, which `core_times` returned."""
    pairs = zip(before, core_times(), strict=True)
    return [round((busy - busy0) / max(1, total - total0), 3) for (busy0, total0), (busy, total) in pairs]


def busy_during(seconds: float) -> list[float]:
    """How busy both cores are while nothing of ours runs."""
    before = core_times()
    time.sleep(seconds)
    return busy_since(before)
