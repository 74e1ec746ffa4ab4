"""Shows a run: a table for each workload, the project's targets, and on request the chart.

Usage: python -m bench.report [RESULT.json] [--chart]
"""

import argparse
import sys
from pathlib import Path

from bench import chart, peers, results, targets, workloads
from bench.results import Result, Run, ratio

COLUMNS = " " * 32 + "median  ÷ Tornado  ÷ floor  spread     p50     p99  server  load"
CHART = Path(__file__).with_name("chart.svg")


def table(run: Run) -> list[str]:
    """All workloads' results as lines of text, then what failed."""
    lines: list[str] = []
    for workload in workloads.ALL:
        rows = [r for r in run.results if r.workload == workload]
        if rows:
            lines += ["", *_section(run, workload, rows)]
    failures = [f"  {f['workload']:<12} {f['peer']:<22} {f['reason']}" for f in run.failures]
    return lines + (["", "Not measured:", *failures] if failures else [])


def _section(run: Run, workload: str, rows: list[Result]) -> list[str]:
    unit = rows[0].unit
    more_is_better = unit.endswith("/s")
    ranked = sorted(rows, key=lambda r: run.median(workload, r.peer) or 0.0, reverse=more_is_better)
    heading = f"{workloads.TITLES[workload]} ({unit}, {'more' if more_is_better else 'less'} is better)"
    return [heading, COLUMNS, *(_row(run, r) for r in ranked)]


def _row(run: Run, result: Result) -> str:
    median = run.median(result.workload, result.peer)
    cells = [
        f"{_number(median, '10,.0f' if result.unit.endswith('/s') else '10,.2f')}",
        f"{_number(ratio(median, run.median(result.workload, 'tornado')), '11.2f')}",
        f"{_number(ratio(median, run.median(result.workload, 'floor')), '9.2f')}",
        f"{results.spread(result.rounds):>8.0%}",
        _milliseconds(result, "p50_us"),
        _milliseconds(result, "p99_us"),
        *_busy(result),
    ]
    beside = ratio(median, run.median(result.workload, result.peer, beside=True))
    note = "" if beside is None else f"  {beside:.2f} of its plain hello"
    return f"  {peers.TITLES.get(result.peer, result.peer):<26}{''.join(cells)}{note}".rstrip()


def _number(value: float | None, form: str) -> str:
    width = form.partition(".")[0].rstrip(",")
    return f"{'-':>{width}}" if value is None else format(value, form)


def _milliseconds(result: Result, key: str) -> str:
    values = [{"value": r[key] / 1000} for r in result.rounds if r.get(key) is not None]
    return "        " if not values else f"{results.median(values):>8.2f}"


def _busy(result: Result) -> list[str]:
    busy = [r["busy"] for r in result.rounds if r.get("busy")]
    if not busy:
        return ["        ", "      "]
    server, load = (results.median([{"value": cores[i]} for cores in busy]) or 0.0 for i in (0, 1))
    return [f"{server:>8.0%}", f"{load:>6.0%}"]


def text(run: Run) -> str:
    """The whole report: where and how it was measured, the tables, the targets."""
    facts = run.machine
    head = [
        f"{facts['cpu']}, {facts['cores']} cores, {facts['system']}, Python {facts['python']}; started {run.started}",
        "p50 and p99 are in ms; server and load say how busy their cores were",
        *_warnings(run),
    ]
    return "\n".join([*head, *table(run), "", "Targets", *targets.lines(run), ""])


def _warnings(run: Run) -> list[str]:
    warnings = []
    if any(len(r.rounds) < 3 for r in run.results):
        warnings.append("A smoke run, not a measurement: fewer than 3 rounds.")
    if not run.machine["pinned"]:
        warnings.append("Server and load had no cores of their own: ratios are blurred.")
    if any(busy > 0.1 for busy in run.machine["busy_before"]):
        shares = " and ".join(f"{busy:.0%}" for busy in run.machine["busy_before"])
        warnings.append(f"The cores were busy with something else before the start ({shares}): ratios are blurred.")
    return warnings


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.report", description="Show a benchmark run.")
    parser.add_argument("file", nargs="?", type=Path, help="a file below bench/results; the newest by default")
    parser.add_argument("--chart", action="store_true", help=f"also draw {CHART.name}")
    options = parser.parse_args(arguments)
    try:
        run = results.load(options.file or results.latest())
        if options.chart:
            CHART.write_text(chart.svg(run))
    except (FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(text(run))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
