"""The chart is well-formed, to scale and complete."""

import xml.etree.ElementTree as ElementTree

import pytest

from bench import chart
from bench.results import Run

SVG = "{http://www.w3.org/2000/svg}"


def test_bars_are_to_scale_and_the_longest_comes_first(run: Run) -> None:
    root = ElementTree.fromstring(chart.svg(run))
    widths = [float(bar.attrib["width"]) for bar in root.iter(f"{SVG}rect")]
    assert widths[0] == chart.WIDTH - chart.LABEL - chart.VALUE
    assert widths == pytest.approx([widths[0], widths[0] / 2, widths[0] / 40], abs=0.1)


def test_texts_name_peers_values_ratios_and_machine(run: Run) -> None:
    texts = ["".join(text.itertext()) for text in ElementTree.fromstring(chart.svg(run)).iter(f"{SVG}text")]
    assert "pyframework" in texts and "Tornado" in texts
    assert "100.0 k · ×20.0" in texts
    assert "Medians of 3 rounds of 2 s · A CPU <fast> · Python 3.11.7 · 2026-01-02" in texts


def test_all_is_inside_the_picture(run: Run) -> None:
    root = ElementTree.fromstring(chart.svg(run))
    height = float(root.attrib["height"])
    assert all(0 < float(text.attrib["y"]) < height for text in root.iter(f"{SVG}text"))


def test_dark_pages_have_their_own_colours(run: Run) -> None:
    assert "prefers-color-scheme: dark" in chart.svg(run)


def test_smoke_run_is_not_drawn(run: Run) -> None:
    run.results[1].rounds.pop()
    with pytest.raises(ValueError, match="at least 3 rounds of hello, this run has 2"):
        chart.svg(run)


def test_run_without_hello(run: Run) -> None:
    run.results = [r for r in run.results if r.workload != "hello"]
    with pytest.raises(ValueError, match="no hello results"):
        chart.svg(run)
