"""The table, the comparison of two runs, and the warnings."""

from copy import deepcopy
from pathlib import Path

import pytest

from bench import compare, report, results
from bench.results import Run


def row(text: str, title: str) -> list[str]:
    return next(line for line in text.splitlines() if line.startswith(f"  {title}")).removeprefix(f"  {title}").split()


def test_row_shows_median_ratios_spread_latencies_and_busy_cores(run: Run) -> None:
    cells = row(report.text(run), "pyframework ")
    assert cells == ["100,000", "20.00", "0.50", "60%", "0.50", "2.00", "99%", "50%"]


def test_fastest_comes_first(run: Run) -> None:
    text = report.text(run)
    assert text.index("  C floor") < text.index("  pyframework ") < text.index("\n  Tornado ")


def test_pipelined_is_compared_with_plain_hello(run: Run) -> None:
    assert "1.50 of its plain hello" in report.text(run)


def test_failures_are_listed_with_their_reason(run: Run) -> None:
    run.fail("json", "sanic", "status 500 instead of 200")
    lines = report.text(run).splitlines()
    assert "json sanic status 500 instead of 200".split() in [line.split() for line in lines]


def test_no_warning_for_a_good_run(run: Run) -> None:
    run.results = [r for r in run.results if r.workload == "hello"]
    assert "blurred" not in report.text(run)
    assert "smoke" not in report.text(run)


def test_warnings(run: Run) -> None:
    run.results[0].rounds.pop()
    run.machine["pinned"] = False
    run.machine["busy_before"] = [0.4, 0.0]
    text = report.text(run)
    assert "A smoke run, not a measurement" in text
    assert "no cores of their own" in text
    assert "busy with something else before the start (40% and 0%)" in text


def test_main_draws_the_chart_only_on_request(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    monkeypatch.setattr(report, "CHART", tmp_path / "chart.svg")
    path = run.save()
    assert report.main([str(path)]) == 0
    assert not report.CHART.exists()
    assert report.main(["--chart"]) == 0
    assert report.CHART.read_text().startswith("<svg")
    assert "Targets" in capsys.readouterr().out


def test_main_without_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    assert report.main([]) == 1
    assert "run `python -m bench.run` first" in capsys.readouterr().err


def test_compare_marks_what_changed_beyond_noise(run: Run) -> None:
    slower = deepcopy(run)
    for result in slower.results:
        if (result.workload, result.peer) == ("json", "pyframework"):
            result.rounds = [{"value": 40_000}]
    hello, json = compare.lines(run, slower)
    assert hello.split() == ["hello", "20.00", "->", "20.00", "+0.0%"]
    assert json.split() == ["json", "10.00", "->", "8.00", "-20.0%", "<--"]
