"""Tornado's own suite, as one test: it fails as `make upstream` does, with the findings as its message."""

import subprocess
import sys
from pathlib import Path


def test_upstream_suite_goes_as_expected() -> None:
    command = [sys.executable, str(Path(__file__).with_name("run.py"))]
    done = subprocess.run(command, capture_output=True, text=True)
    sys.stdout.write(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
