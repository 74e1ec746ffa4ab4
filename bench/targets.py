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
    Target("echo ÷ Tornado's", "echo", 2.3, against="tornado"),
    Target("echo ÷ asyncio.start_server on uvloop", "echo", 1, against="uvloop"),
    Target("echo over TLS ÷ Tornado's", "echo-tls", 1.5, against="tornado"),
    Target("1 MiB messages ÷ Tornado's, TCP", "messages", 1.5, against="tornado"),
    Target("1 MiB messages ÷ blocking C, TCP", "messages", 0.7, against="floor"),
    Target("1 MiB messages ÷ Tornado's, socketpair", "messages-unix", 1.5, against="tornado"),
    Target("1 MiB messages ÷ blocking C, socketpair", "messages-unix", 0.7, against="floor"),
    Target("call_soon ÷ uvloop's", "call_soon", 1, against="uvloop"),
    Target("call_later and cancel ÷ uvloop's", "call_later", 1, against="uvloop"),
    Target("Tasks that wake each other ÷ uvloop's", "tasks", 1, against="uvloop"),
    Target("run_in_executor ÷ uvloop's", "executor", 1, against="uvloop"),
    Target("yield of a done Future ÷ Tornado's", "yield", 1.5, against="tornado"),
    Target("call of a coroutine ÷ Tornado's", "coroutine", 1.5, against="tornado"),
    Target("Queue put and get ÷ Tornado's", "queue", 1.5, against="tornado"),
    Target("Lock ÷ Tornado's", "lock", 1.5, against="tornado"),
    Target("64 KiB answer ÷ Tornado's", "large", 8, against="tornado"),
    Target("10 flushed chunks ÷ Tornado's", "chunks", 7, against="tornado"),
    Target("1 KiB file ÷ Tornado's", "file1k", 12, against="tornado"),
    Target("1 MiB file ÷ Tornado's", "file1m", 4, against="tornado"),
    Target("1 MiB file ÷ nginx's", "file1m", 0.8, against="nginx"),
    Target("1 MiB upload ÷ Tornado's", "upload", 4, against="tornado"),
    Target("form of 10 fields ÷ Tornado's", "form10", 10, against="tornado"),
    Target("multipart with 1 MiB ÷ Tornado's", "multipart", 4, against="tornado"),
    Target("hello over https ÷ Tornado's", "https", 6, against="tornado"),
    Target("hello with an agent ÷ Tornado's", "agent", 6, against="tornado"),
    Target("rendering of 100 rows ÷ Tornado's", "template", 2.5, against="tornado"),
    Target("rendering of 100 rows ÷ Jinja2's", "template", 1.67, against="jinja2"),
    Target("page of 100 rows by a handler ÷ Tornado's", "page", 3, against="tornado"),
    Target("Flask's hello ÷ under gunicorn's sync worker", "flask", 1.5, peer="flask", against="gunicorn"),
    Target("fetch ÷ Tornado's client", "fetch", 4, against="tornado"),
    Target("fetch ÷ aiohttp's client on uvloop", "fetch", 1.5, against="aiohttp"),
    Target("WebSocket echo of 32 bytes ÷ Tornado's", "ws32", 8, against="tornado"),
    Target("WebSocket echo of 32 bytes ÷ picows'", "ws32", 1, against="picows"),
    Target("WebSocket echo of 16 KiB ÷ Tornado's", "ws16k", 4.5, against="tornado"),
    Target("WebSocket echo of 16 KiB ÷ aiohttp's", "ws16k", 1, against="aiohttp"),
    Target("the same, compressed ÷ Tornado's", "ws-deflate", 2, against="tornado"),
    Target("publish to 5,000 ÷ Tornado's loop", "publish", 5, against="tornado"),
    Target("memory per idle connection", "memory", 3.0, at_most=True, unit=" KiB"),
    Target("memory per idle WebSocket", "ws-idle", 4.0, at_most=True, unit=" KiB"),
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
