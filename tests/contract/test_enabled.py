"""A whole environment in which `import tornado` means pyframework: what programs start there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pyframework import alias

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def python(tmp_path):
    """Run Python in a folder of its own, with the alias from its start; return what it prints."""

    def python(*arguments: str) -> str:
        path = os.pathsep.join([str(tmp_path), str(ROOT)])
        env = {**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "default"}
        done = subprocess.run([sys.executable, *arguments], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    (tmp_path / "sitecustomize.py").write_text("import pyframework.alias\npyframework.alias.install()\n")
    (tmp_path / "pytest.ini").touch()
    assert alias.ALIAS == "tornado"
    return python


def test_pytest_that_turns_warnings_into_errors(python, tmp_path):
    program = "import tornado\ndef test_it():\n    assert tornado.version_info >= (6, 6, 1)\n"
    (tmp_path / "test_it.py").write_text(program)
    assert "1 passed" in python("-m", "pytest", "-W", "error", "-p", "no:cacheprovider", "test_it.py")
