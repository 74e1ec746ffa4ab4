"""Runs the tests of the plain C code (tests/c), each with its sanitizers, as pytest cases."""

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[1] / "c"
TOOLS_MISSING = shutil.which("make") is None or shutil.which("cc") is None


def programs() -> list[str]:
    """The names of all C test programs, as the Makefile knows them."""
    if TOOLS_MISSING:
        return []
    command = ["make", "-s", "--no-print-directory", "-C", str(SOURCES), "programs"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


@pytest.mark.skipif(TOOLS_MISSING, reason="needs make and a C compiler")
@pytest.mark.parametrize("program", programs())
def test_c(program: str, tmp_path: Path) -> None:
    command = ["make", "-s", "-C", str(SOURCES), f"BUILD={tmp_path}", f"check-{program}"]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    assert run.returncode == 0, run.stdout
    assert "ok " in run.stdout
