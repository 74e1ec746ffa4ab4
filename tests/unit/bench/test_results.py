"""Medians, ratios and result files."""

from pathlib import Path

import pytest

from bench import results
from bench.results import Run


def test_median_is_the_middle_one() -> None:
    assert results.median([{"value": 3.0}, {"value": 100.0}, {"value": 2.0}]) == 3.0
    assert results.median([]) is None


def test_spread_is_relative_to_the_median() -> None:
    assert results.spread([{"value": 90.0}, {"value": 100.0}, {"value": 120.0}]) == pytest.approx(0.3)
    assert results.spread([]) == 0.0


def test_ratio_of_something_unknown_is_unknown() -> None:
    assert results.ratio(6.0, 3.0) == 2.0
    assert results.ratio(None, 3.0) is None
    assert results.ratio(6.0, None) is None
    assert results.ratio(6.0, 0.0) is None


def test_median_of_rounds_and_of_the_hello_rounds_beside_them(run: Run) -> None:
    assert run.median("pipelined", "pyframework") == 300
    assert run.median("pipelined", "pyframework", beside=True) == 200
    assert run.median("hello", "nobody") is None


def test_failure_forgets_the_rounds(run: Run) -> None:
    run.fail("hello", "tornado", "status 500 instead of 200")
    assert run.result("hello", "tornado") is None
    assert run.result("json", "tornado") is not None
    assert run.failures == [{"workload": "hello", "peer": "tornado", "reason": "status 500 instead of 200"}]


def test_saved_run_is_loaded_as_it_was(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path / "results")
    path = run.save()
    assert results.load(path) == run
    assert results.latest() == path


def test_latest_says_what_to_do_when_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    with pytest.raises(FileNotFoundError, match="run `python -m bench.run` first"):
        results.latest()
