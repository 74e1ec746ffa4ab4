"""Compares two runs by what carries over between machines and days: pyframework's ratio to Tornado.

Usage: python -m bench.compare OLD.json NEW.json
"""

import sys
from pathlib import Path

from bench import results, workloads
from bench.results import Run, ratio

NOISE = 0.05


def lines(old: Run, new: Run) -> list[str]:
    """One line for each workload that both runs have; a change beyond `NOISE` is marked."""
    shown = []
    for workload in workloads.ALL:
        before, after = (_to_tornado(run, workload) for run in (old, new))
        change = ratio(after, before)
        if before is not None and after is not None and change is not None:
            mark = "" if abs(change - 1) <= NOISE else "  <--"
            shown.append(f"  {workload:<12}{before:>8.2f} -> {after:>6.2f}  {change - 1:+.1%}{mark}")
    return shown or ["  the runs have no workload in common that pyframework and Tornado both finished"]


def _to_tornado(run: Run, workload: str) -> float | None:
    return ratio(run.median(workload, "pyframework"), run.median(workload, "tornado"))


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print("usage: python -m bench.compare OLD.json NEW.json", file=sys.stderr)
        return 2
    old, new = (results.load(Path(argument)) for argument in arguments)
    print("pyframework ÷ Tornado, old -> new")
    print("\n".join(lines(old, new)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
