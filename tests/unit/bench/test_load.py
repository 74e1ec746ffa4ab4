"""wrk's command line and what is read from its output."""

import json

import pytest

from bench import load
from bench.servers import PeerFailed
from bench.workloads import BY_NAME

COUNTS = {"requests": 3000, "microseconds": 2_000_000, "p50": 400, "p99": 900}
NO_ERRORS = {"connect": 0, "read": 0, "write": 0, "timeout": 0, "status": 0}


def output(**changes: int) -> str:
    return (
        "Running 2s test @ http://127.0.0.1:1/\n  1 threads\nresult " + json.dumps(COUNTS | NO_ERRORS | changes) + "\n"
    )


def test_requests_per_second_and_latencies() -> None:
    assert load.parse(output(), depth=1) == {"value": 1500.0, "p50_us": 400, "p99_us": 900}


def test_latency_of_pipelined_requests_is_unknown() -> None:
    assert load.parse(output(), depth=16) == {"value": 1500.0, "p50_us": None, "p99_us": None}


@pytest.mark.parametrize("error", NO_ERRORS)
def test_any_error_makes_the_peer_fail(error: str) -> None:
    with pytest.raises(PeerFailed, match=f"'{error}': 7"):
        load.parse(output(**{error: 7}), depth=1)


def test_no_answers_at_all() -> None:
    with pytest.raises(PeerFailed, match="0 answers under load, errors: none"):
        load.parse(output(requests=0), depth=1)


def test_no_result_line() -> None:
    with pytest.raises(PeerFailed, match="wrk printed no result"):
        load.parse("unable to connect to 127.0.0.1:1 Connection refused\n", depth=1)


def test_command_line() -> None:
    words = load.command(BY_NAME["form"], 8000, 2, "/tmp/body")
    assert words[:4] == ["wrk", "-t1", "-c64", "-d2s"]
    assert "Content-Type: application/x-www-form-urlencoded" in words
    assert words[-5:] == ["http://127.0.0.1:8000/form", "--", "POST", "1", "/tmp/body"]
