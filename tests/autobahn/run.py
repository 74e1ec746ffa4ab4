"""Runs Autobahn's test suite of WebSockets against the server and the client, compression on, and judges the reports.

Usage: run.py [server|client] [CASE ...], all of both by default; a CASE may be a pattern such as 12.*. The suite is
written for Python 2.7, which is taken from the environment variable PYTHON27, the PATH, or pyenv; its packages are
installed below build/autobahn. Exit status 0: no case failed, and no more than the known ones were not strict.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "autobahn"
PACKAGES = BUILD / "packages"
SUITE = "autobahntestsuite==0.8.2"
AGENT = "pyframework"
START_SECONDS = 30
SIDES = ("server", "client")
GOOD = {"OK", "INFORMATIONAL"}
NON_STRICT_ALLOWED = 4  # text that turns out to be wrong in a later fragment may be refused late
SUITE_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(PACKAGES)}
# Some of the packages are found by .pth files, which only a site folder is searched for.
WSTEST = "import os, site; site.addsitedir(os.environ['PYTHONPATH']); from autobahntestsuite.wstest import run; run()"


def find_python27() -> str | None:
    """The first Python 2.7 with pip, or None."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = [os.environ.get("PYTHON27"), shutil.which("python2.7")]
    found += [str(path) for path in sorted(pyenv.glob("versions/2.7*/bin/python"))]
    for python in filter(None, found):
        check = "import sys, pip; sys.exit(sys.version_info[:2] != (2, 7))"
        if subprocess.run([python, "-c", check], capture_output=True).returncode == 0:
            return python
    return None


def install(python: str) -> None:
    """Install the suite below build/, once."""
    done = PACKAGES / "installed"
    if done.exists():
        return
    shutil.rmtree(PACKAGES, ignore_errors=True)
    print(f"installing {SUITE} into {PACKAGES.relative_to(ROOT)} …", flush=True)
    words = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--target", str(PACKAGES), SUITE]
    finished = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if finished.returncode != 0:
        sys.exit(f"autobahn: {SUITE} could not be installed:\n{finished.stdout[-2000:]}")
    done.touch()


@contextmanager
def started(
    words: list[str], output: int | IO[str], environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A process for the time of a `with`."""
    process = subprocess.Popen(words, env=environment, stdout=output, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()


def wstest(python: str, mode: str, spec: dict[str, object]) -> list[str]:
    """The command line of the suite in one of its modes."""
    path = BUILD / f"{mode}.json"
    path.write_text(json.dumps(spec))
    return [python, "-W", "ignore", "-c", WSTEST, "-m", mode, "-s", str(path), "--webport", "0"]


def try_server(python: str, spec: dict[str, object]) -> None:
    with started([sys.executable, str(HERE / "echo_server.py")], subprocess.PIPE) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        servers = [{"agent": AGENT, "url": f"ws://127.0.0.1:{port}"}]
        subprocess.run(
            wstest(python, "fuzzingclient", {**spec, "servers": servers}),
            env=SUITE_ENVIRONMENT, stdout=subprocess.DEVNULL, check=True,
        )  # fmt: skip


def try_client(python: str, spec: dict[str, object]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = wstest(python, "fuzzingserver", {**spec, "url": f"ws://127.0.0.1:{port}"})
    with open(BUILD / "fuzzingserver.log", "w") as log, started(words, log, SUITE_ENVIRONMENT) as server:
        wait_until_open(port, server)
        client = subprocess.run([sys.executable, str(HERE / "echo_client.py"), str(port), AGENT])
        if client.returncode != 0:
            sys.exit(
                f"autobahn: the client ended with {client.returncode}; the suite's server: {server.poll()} (None: runs)"
            )


def wait_until_open(port: int, server: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    sys.exit("autobahn: the suite's server did not start: see build/autobahn/fuzzingserver.log")


def verdict(side: str, report: Path) -> bool:
    """Print what the report says; whether that is good enough."""
    cases = json.loads((report / "index.json").read_text())[AGENT]
    counts = Counter(case["behavior"] for case in cases.values())
    failed = [
        f"{number} ({case['behavior']}, close {case['behaviorClose']})"
        for number, case in cases.items()
        if case["behavior"] not in GOOD | {"NON-STRICT"} or case["behaviorClose"] not in GOOD
    ]
    summary = ", ".join(f"{count} {behavior.lower()}" for behavior, count in sorted(counts.items()))
    print(f"{side}: {len(cases)} cases: {summary}; {len(failed)} failed", *failed, sep="\n  ", flush=True)
    return bool(cases) and not failed and counts["NON-STRICT"] <= NON_STRICT_ALLOWED


def main(arguments: list[str]) -> int:
    python = find_python27()
    if python is None:
        print("autobahn: skipped: needs Python 2.7 with pip, and none is on the PATH, in pyenv or named by PYTHON27")
        return 0
    sides = [side for side in SIDES if side in arguments] or list(SIDES)
    cases = [word for word in arguments if word not in SIDES] or ["*"]
    BUILD.mkdir(parents=True, exist_ok=True)
    install(python)
    good = True
    for side in sides:
        report = BUILD / side
        shutil.rmtree(report, ignore_errors=True)
        trial = try_server if side == "server" else try_client
        trial(python, {"outdir": str(report), "cases": cases, "exclude-cases": [], "exclude-agent-cases": {}})
        good = verdict(side, report) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
