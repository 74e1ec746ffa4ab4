"""Runs the tests below `installed/`, each file in a process of its own: the layer cannot be taken out again."""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = sorted((HERE / "installed").glob("check_*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_installed(file: Path) -> None:
    plugins = ("-p", "no:cacheprovider", "-p", "tests.legacy.installed.layer")
    command = [sys.executable, "-m", "pytest", "-q", *plugins, str(file)]
    done = subprocess.run(command, cwd=HERE.parents[1], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
