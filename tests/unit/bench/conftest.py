"""A run made up by hand, with medians that are easy to check."""

import pytest

from bench.results import Result, Round, Run


def rounds(*values: float) -> list[Round]:
    return [{"value": value, "p50_us": 500, "p99_us": 2000, "busy": [0.99, 0.5]} for value in values]


@pytest.fixture
def run() -> Run:
    return Run(
        started="2026-01-02T03:04:05+00:00",
        seconds=2,
        machine={
            "cpu": "A CPU <fast>",
            "cores": 2,
            "system": "Linux 6",
            "python": "3.11.7",
            "pinned": True,
            "busy_before": [0.0, 0.01],
        },
        versions={"tornado": "6.6.1"},
        results=[
            Result("hello", "pyframework", "req/s", rounds(90_000, 150_000, 100_000)),
            Result("hello", "tornado", "req/s", rounds(5000, 5000, 6000)),
            Result("hello", "floor", "req/s", rounds(210_000, 200_000, 190_000)),
            Result("json", "pyframework", "req/s", rounds(50_000, 50_000, 50_000)),
            Result("json", "tornado", "req/s", rounds(5000, 5000, 5000)),
            Result("pipelined", "pyframework", "req/s", rounds(300, 300, 300), beside=rounds(200, 200, 100)),
            Result("memory", "pyframework", "KiB", [{"value": 2.5}, {"value": 3.5}, {"value": 2.0}]),
        ],
    )
