"""Options, and a peer that fails in the middle of a run."""

from pathlib import Path

import pytest

from bench import environment, machine, peers, run, websockets, workloads
from bench.results import Run
from bench.servers import PeerFailed


def test_options_choose_in_the_usual_order() -> None:
    options = run.options_from(["--workloads", "json,hello", "--peers", "tornado,pyframework", "--rounds", "7"])
    assert options.workloads == ["hello", "json"]
    assert options.peers == ["pyframework", "tornado"]
    assert (options.rounds, options.seconds) == (7, 2)


def test_everything_is_the_default_and_quick_is_less() -> None:
    assert run.options_from([]).workloads == list(workloads.ALL)
    assert run.options_from([]).peers == list(peers.BY_NAME)
    quick = run.options_from(["--quick", "--workloads", "form"])
    assert (quick.workloads, quick.rounds, quick.seconds) == (["form"], 1, 1)


@pytest.mark.parametrize("arguments", [["--workloads", "hallo"], ["--peers", "apache"], ["--rounds", "0"]])
def test_bad_options_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run.options_from(arguments)
    assert "error" in capsys.readouterr().err


def test_failing_peer_is_noted_and_the_run_goes_on(run_: Run, capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise PeerFailed("status 500 instead of 200")

    with run.noted(run_, "hello", "tornado"):
        fail()
    assert run_.failures[0]["reason"] == "status 500 instead of 200"
    assert "tornado: status 500" in capsys.readouterr().out


def test_too_few_open_files_leave_the_workload_out(run_: Run) -> None:
    run.measure_workload(run_, "idle10000", [peers.BY_NAME["tornado"]], rounds=1, files=1024)
    assert run_.failures[0]["reason"] == "needs 10100 open files, the limit is 1024 (ulimit -n)"


def test_every_peer_s_program_is_there_and_every_package_required() -> None:
    required = {requirement.partition("==")[0] for line in environment.requirement_lines() for requirement in line}
    for peer in peers.PEERS:
        assert required.issuperset(peer.packages)
        assert peer.serves <= set(workloads.ALL)
        words = (*peer.command, *peer.echo, *peer.websocket)
        assert all(Path(part).exists() for part in words if part.endswith(".py"))
        assert peer.websocket or not peer.serves & set(workloads.WEBSOCKETS)


def test_every_websocket_workload_has_a_load() -> None:
    assert set(websockets.LOADS) == set(workloads.WEBSOCKETS)


def test_busy_shares_are_shares() -> None:
    assert all(0.0 <= share <= 1.0 for share in machine.busy_during(0.0))


@pytest.fixture
def run_(run: Run) -> Run:
    run.results, run.failures = [], []
    return run
