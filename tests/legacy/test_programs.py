"""Programs of Tornado 4's time print the same on Tornado 4.5.3 and, unchanged, on pyframework with `run --tornado4`."""

import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.upstream.install import ROOT, pip_install, upstream_folder

HERE = Path(__file__).parent
PROGRAMS = sorted((HERE / "programs").glob("*.py"))
TORNADO = "tornado==4.5.3"
USED = "import tornado.web, tornado.httpserver, tornado.simple_httpclient, tornado.queues, tornado.testing"
SECONDS = 60


def run(arguments: list[str], *path: Path) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    env["PYTHONPATH"] = os.pathsep.join(map(str, path))
    command = [sys.executable, "-W", "ignore", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=SECONDS)


@functools.cache
def oracle() -> tuple[Path, str]:
    """Return the folder with Tornado 4.5.3, installed on first use, and why it cannot be used, if so."""
    folder = ROOT / ".upstream" / f"tornado-4.5.3-{sys.implementation.cache_tag}"
    if not (folder / "tornado").exists() and not pip_install(folder, "--no-deps", TORNADO):
        return folder, f"{TORNADO} could not be installed"
    done = run(["-c", USED], HERE / "oracle", folder)
    return folder, "" if done.returncode == 0 else f"{TORNADO} does not import: {done.stderr.splitlines()[-1]}"


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.stem)
def test_prints_what_it_printed(program: Path) -> None:
    libraries = [upstream_folder()] if program.stem.startswith("twisted") else []
    ours = run(["-m", "pyframework", "run", "--tornado4", str(program)], ROOT, *libraries)
    assert ours.returncode == 0, ours.stderr
    assert ours.stdout
    folder, problem = oracle()
    if problem:
        pytest.skip(problem)
    theirs = run([str(program)], HERE / "oracle", folder, *libraries)
    assert theirs.returncode == 0, theirs.stderr
    assert ours.stdout == theirs.stdout
