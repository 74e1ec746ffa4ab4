"""`python -m pyframework run --tornado4`: what it switches on, and for whom."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
QUIET = {"PYFRAMEWORK_LEGACY_NOTES": "0"}


def run(folder: Path, *arguments: str, program: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "app.py").write_text(program)
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    env.update(PYTHONPATH=str(ROOT), **environment)
    command = [sys.executable, "-m", "pyframework", "run", *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60)


def test_notes_name_the_line_of_the_program(tmp_path: Path) -> None:
    program = "from tornado.util import u\nprint(u('a'))\nprint(u('b'))\n"
    done = run(tmp_path, "--tornado4", "app.py", program=program)
    assert done.stdout == "a\nb\n"
    assert done.stderr.count("LegacyNote") == 1 and "app.py:2:" in done.stderr
    assert run(tmp_path, "--tornado4", "app.py", program=program, **QUIET).stderr == ""


def test_arguments_and_modules(tmp_path: Path) -> None:
    program = "import sys, tornado.stack_context, tornado.platform.epoll\nprint(sys.argv[1:])\n"
    assert run(tmp_path, "--tornado4", "app.py", "-x", "1", program=program).stdout == "['-x', '1']\n"
    assert run(tmp_path, "--tornado4", "-m", "app", "y", program=program).stdout == "['y']\n"


def test_without_the_option_there_is_nothing(tmp_path: Path) -> None:
    program = "from tornado import gen\nprint(hasattr(gen, 'Task'))\n"
    assert run(tmp_path, "app.py", program=program).stdout == "False\n"


def test_child_processes_have_it_too(tmp_path: Path) -> None:
    program = """
import subprocess, sys
if sys.argv[1:]:
    from tornado import gen
    print(gen.Task.__module__)
else:
    subprocess.check_call([sys.executable, __file__, "child"])
"""
    assert run(tmp_path, "--tornado4", "app.py", program=program).stdout == "pyframework.legacy.gen\n"


def test_needs_a_program(tmp_path: Path) -> None:
    assert "run what?" in run(tmp_path, "--tornado4").stderr
