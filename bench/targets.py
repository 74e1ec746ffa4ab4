"""The project's targets for speed and memory, and whether a run meets them."""

from dataclasses import dataclass

from bench.results import Run, ratio

US = "pyframework"


@dataclass(frozen=True)
class Target:
    """`title` says what is divided by what; `limit` is the least (or, with `at_most`, the greatest) good value."""

    title: str
    workload: str
    limit: float
    peer: str = US
    against: str = ""
    beside: bool = False
    at_most: bool = False
    unit: str = "×"

    def value(self, run: Run) -> float | None:
        """What the run says; None if it did not measure it."""
        ours = run.median(self.workload, self.peer)
        if self.beside:
            return ratio(ours, run.median(self.workload, self.peer, beside=True))
        return ratio(ours, run.median(self.workload, self.against)) if self.against else ours

    def verdict(self, run: Run) -> str:
        """One of "met", "missed" and "not measured"."""
        value = self.value(run)
        if value is None:
            return "not measured"
        return "met" if (value <= self.limit if self.at_most else value >= self.limit) else "missed"


TARGETS = (
    Target("hello ÷ Tornado's", "hello", 14, against="tornado"),
    Target("hello ÷ the C floor's", "hello", 0.5, against="floor"),
    Target("hello under asyncio.run ÷ under our loop", "hello", 0.93, peer=f"{US}-asyncio", against=US),
    Target("hello on uvloop ÷ under our loop", "hello", 0.93, peer=f"{US}-uvloop", against=US),
    Target("async def hello ÷ Tornado's", "async", 12, against="tornado"),
    Target("hello after sleep(0) ÷ Tornado's", "sleep", 8, against="tornado"),
    Target("JSON ÷ Tornado's", "json", 11, against="tornado"),
    Target("cookies ÷ Tornado's", "cookies", 11, against="tornado"),
    Target("200 routes ÷ Tornado's", "routes", 11, against="tornado"),
    Target("pipelined hello ÷ plain hello", "pipelined", 1.5, beside=True),
    Target("memory per idle connection", "memory", 3.0, at_most=True, unit=" KiB"),
    Target("10,000 open, 64 busy ÷ 64 open", "idle10000", 0.9, beside=True),
)


def lines(run: Run) -> list[str]:
    """One line for each target: its limit, the run's value, the verdict."""
    return [_line(target, run) for target in TARGETS]


def _line(target: Target, run: Run) -> str:
    value = target.value(run)
    shown = "-" if value is None else f"{value:.2f}{target.unit}"
    limit = f"{'≤' if target.at_most else '≥'} {target.limit:g}{target.unit}"
    return f"  {target.title:<42} {limit:>9} {shown:>11}  {target.verdict(run)}"
