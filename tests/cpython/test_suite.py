"""CPython's own tests of asyncio, on our EventLoop: each module whose tests make a loop of the kind it replaces."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

MODULES = (
    *("test_base_events", "test_buffered_proto", "test_context", "test_eager_task_factory", "test_events"),
    *("test_free_threading", "test_futures2", "test_locks", "test_queues", "test_sendfile", "test_server"),
    *("test_sock_lowlevel", "test_ssl", "test_sslproto", "test_staggered", "test_streams", "test_subprocess"),
    *("test_taskgroups", "test_tasks", "test_threads", "test_timeouts", "test_unix_events", "test_waitfor"),
)

# What does not pass, by the test's name behind "test.test_asyncio.", with the reason. The list only shrinks.
EXPECTED: dict[str, str] = {}

SECONDS = 300
AT_A_TIME = 4  # most of their time they wait

Outcomes = dict[str, "Future[subprocess.CompletedProcess[str]]"]


def run(module: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(Path(__file__).with_name("suite.py")), module]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)


@pytest.fixture(scope="module")
def outcomes() -> Iterator[Outcomes]:
    """Every module's run, begun."""
    if importlib.util.find_spec("test.test_asyncio") is None:
        pytest.skip("this Python has no tests of its own (Debian: apt-get install libpython3-testsuite)")
    known = [module for module in MODULES if importlib.util.find_spec(f"test.test_asyncio.{module}")]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        yield {module: pool.submit(run, module) for module in known}


@pytest.mark.parametrize("module", MODULES)
def test_module(outcomes: Outcomes, module: str) -> None:
    if module not in outcomes:
        pytest.skip(f"Python {sys.version_info[0]}.{sys.version_info[1]} has no {module}")
    done = outcomes[module].result()
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout.splitlines()[-1])
    assert outcome["loops"], "no loop of ours was made"
    failed = {name.removeprefix("test.test_asyncio."): message for name, message in outcome["failed"].items()}
    listed = {name for name in EXPECTED if name.startswith(f"{module}.")}
    assert failed.keys() == listed, f"{failed}\n{done.stderr}"
