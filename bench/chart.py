"""Draws the hello medians of a run as horizontal bars: one SVG that reads well on light and on dark pages."""

from html import escape

from bench import peers
from bench.results import Run

WIDTH = 760
LABEL = 200
VALUE = 130
TOP = 64
STEP = 30
BAR = 20
MIN_ROUNDS = 3
NOTE = "More is better. 64 keep-alive connections, wrk on a second core; × is the ratio to Tornado."
STYLE = """
    text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }
    .title { font-size: 16px; font-weight: 600; }
    .note { font-size: 11px; fill: #59636e; }
    .value { font-variant-numeric: tabular-nums; }
    .bar { fill: #9aa7b4; } .ours { fill: #1a7f5a; } .floor { fill: #d1d9e0; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; } .note { fill: #9198a1; }
      .bar { fill: #57606a; } .ours { fill: #3fb68b; } .floor { fill: #30363d; }
    }
"""


def svg(run: Run) -> str:
    """The chart as an SVG document.

    Raises:
        ValueError: the run has no hello results, or too few rounds of them to show to anyone.
    """
    bars = {r.peer: run.median("hello", r.peer) or 0.0 for r in run.results if r.workload == "hello"}
    if not bars:
        raise ValueError("the run has no hello results to draw: run `python -m bench.run --workloads hello`")
    rounds = min(len(r.rounds) for r in run.results if r.workload == "hello")
    if rounds < MIN_ROUNDS:
        raise ValueError(f"a chart needs at least {MIN_ROUNDS} rounds of hello, this run has {rounds}")
    ranked = sorted(bars.items(), key=lambda bar: -bar[1])
    height = TOP + STEP * len(ranked) + 40
    title = "Hello, world: requests per second on one core"
    rows = [_bar(peer, value, row, ranked[0][1], bars.get("tornado")) for row, (peer, value) in enumerate(ranked)]
    body = "\n".join(rows)
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    return f"""<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">
  <title>{title}</title>
  <style>{STYLE}  </style>
  <text class="title" x="12" y="26">{title}</text>
  <text class="note" x="12" y="46">{NOTE}</text>
{body}
  <text class="note" x="12" y="{height - 14}">{escape(_footnote(run, rounds))}</text>
</svg>
"""


def _bar(peer: str, value: float, row: int, longest: float, tornado: float | None) -> str:
    y = TOP + STEP * row
    width = max(2.0, (WIDTH - LABEL - VALUE) * value / longest)
    kind = "bar ours" if peer.startswith("pyframework") else "bar floor" if peer == "floor" else "bar"
    times = f" · ×{value / tornado:.1f}" if tornado else ""
    return f"""  <text x="{LABEL - 10}" y="{y + 15}" text-anchor="end">{escape(peers.TITLES.get(peer, peer))}</text>
  <rect class="{kind}" x="{LABEL}" y="{y}" width="{width:.1f}" height="{BAR}" rx="3"/>
  <text class="value" x="{LABEL + width + 8:.1f}" y="{y + 15}">{value / 1000:.1f} k{times}</text>"""


def _footnote(run: Run, rounds: int) -> str:
    medians = f"Medians of {rounds} rounds of {run.seconds} s"
    return " · ".join([medians, str(run.machine["cpu"]), f"Python {run.machine['python']}", run.started[:10]])
