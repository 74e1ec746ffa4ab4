"""Targets against a run."""

from bench import peers, targets, workloads
from bench.results import Run
from bench.targets import TARGETS, Target


def test_ratio_to_another_peer(run: Run) -> None:
    assert Target("t", "hello", 20.0, against="tornado").verdict(run) == "met"
    assert Target("t", "hello", 20.1, against="tornado").verdict(run) == "missed"


def test_ratio_to_plain_hello_beside(run: Run) -> None:
    assert Target("t", "pipelined", 1.5, beside=True).verdict(run) == "met"
    assert Target("t", "pipelined", 1.6, beside=True).verdict(run) == "missed"


def test_upper_limit(run: Run) -> None:
    assert Target("t", "memory", 2.5, at_most=True).verdict(run) == "met"
    assert Target("t", "memory", 2.4, at_most=True).verdict(run) == "missed"


def test_what_was_not_measured_is_neither_met_nor_missed(run: Run) -> None:
    assert Target("t", "cookies", 1.0, against="tornado").verdict(run) == "not measured"
    assert Target("t", "hello", 1.0, beside=True).verdict(run) == "not measured"


def test_lines_name_limit_value_and_verdict(run: Run) -> None:
    lines = targets.lines(run)
    assert len(lines) == len(TARGETS)
    assert lines[0].split("  ")[-1] == "met" and "≥ 14×" in lines[0] and "20.00×" in lines[0]
    memory = next(line for line in lines if "memory" in line)
    assert "≤ 3 KiB" in memory and "2.50 KiB" in memory and memory.endswith("met")


def test_every_target_can_be_measured() -> None:
    for target in TARGETS:
        assert target.workload in peers.BY_NAME[target.peer].serves
        if target.against:
            assert target.workload in peers.BY_NAME[target.against].serves
        if target.beside:
            assert workloads.BY_NAME[target.workload].beside_hello
