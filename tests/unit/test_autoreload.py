"""autoreload: programs that change while they run, each in an interpreter of its own."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pyframework import autoreload

ROOT = Path(autoreload.__file__).parents[1]


@contextmanager
def started(folder: Path, *arguments: str, **environment: str) -> "Iterator[subprocess.Popen[str]]":
    """Run Python with `arguments` in `folder`, and end it."""
    with subprocess.Popen(
        [sys.executable, "-u", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def write(path: Path, code: str) -> None:
    """Write a program, later than everything else that was written, as file systems tell it."""
    before = path.stat().st_mtime_ns if path.exists() else None
    path.write_text(textwrap.dedent(code))
    if before is not None:
        os.utime(path, ns=(before + 10**9, before + 10**9))


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    text = process.stdout.readline()
    assert text, "the program ended"
    return text.rstrip("\n")


def wait_for(process: "subprocess.Popen[str]", wanted: str) -> None:
    seen = []
    while (text := line(process)) != wanted:
        seen.append(text)
        assert len(seen) < 100, seen


WATCHING = """
    import sys
    from {package} import autoreload, ioloop
    import helper

    async def main():
        autoreload.start(check_time=1)
        autoreload.start(check_time=1)
        autoreload.watch("notes.txt")
        autoreload.add_reload_hook(lambda: print("hook"))
        autoreload._reload_if_modified()
        print(helper.TEXT, sys.argv[1:], __name__, flush=True)

    ioloop.IOLoop.current().add_callback(main)
    ioloop.IOLoop.current().start()
"""


@pytest.mark.parametrize("way", ["file", "module", "alias", "options"])
def test_a_change_starts_the_program_anew(tmp_path: Path, way: str) -> None:
    write(tmp_path / "app.py", WATCHING.format(package="tornado" if way == "alias" else "pyframework"))
    write(tmp_path / "helper.py", "TEXT = 'one'")
    write(tmp_path / "notes.txt", "")
    command = {
        "file": ["app.py"],
        "module": ["-m", "app"],
        "alias": ["-m", "pyframework", "run", "app.py"],
        "options": ["-X", "dev", "-W", "error", "app.py"],
    }[way]
    with started(tmp_path, *command, "--port=1", "two words") as process:
        assert line(process) == "one ['--port=1', 'two words'] __main__"
        write(tmp_path / "helper.py", "TEXT = 'two'")
        assert line(process) == "hook"
        assert line(process) == "two ['--port=1', 'two words'] __main__"
        write(tmp_path / "notes.txt", "changed")
        assert line(process) == "hook"
        assert line(process) == "two ['--port=1', 'two words'] __main__"


def test_an_application_in_debug_mode(tmp_path: Path) -> None:
    write(
        tmp_path / "app.py",
        """
        from pyframework import autoreload, ioloop, web
        import helper

        web.Application(debug=True)
        ioloop.IOLoop.current().add_callback(autoreload._reload_if_modified)
        ioloop.IOLoop.current().add_callback(print, helper.TEXT)
        ioloop.IOLoop.current().start()
        """,
    )
    write(tmp_path / "helper.py", "TEXT = 'one'")
    with started(tmp_path, "app.py") as process:
        assert line(process) == "one"
        write(tmp_path / "helper.py", "TEXT = 'two'")
        assert line(process) == "two"


@pytest.mark.parametrize("way", ["file", "module"])
def test_the_wrapper_outlives_errors(tmp_path: Path, way: str) -> None:
    write(tmp_path / "app.py", "import helper\nprint('started', helper.TEXT)\n")
    write(tmp_path / "helper.py", "TEXT = = 1")
    arguments = ["app.py"] if way == "file" else ["-m", "app"]
    # Whatever is printed is printed before the first look at the files, so the change is made when the wrapper waits.
    spy = "import pyframework.autoreload as a; s = a.start\n" + (
        "def start(check_time=1):\n s(1)\n a._reload_if_modified()\n print('waiting', flush=True)\na.start = start\n"
    )
    write(tmp_path / "sitecustomize.py", spy)
    path = f"{tmp_path}{os.pathsep}{ROOT}"
    with started(tmp_path, "-m", "pyframework.autoreload", *arguments, PYTHONPATH=path) as process:
        wait_for(process, "waiting")
        write(tmp_path / "helper.py", "TEXT = 1 / 0")
        wait_for(process, "waiting")
        write(tmp_path / "helper.py", "TEXT = 'at last'")
        wait_for(process, "started at last")
        wait_for(process, "waiting")
        write(tmp_path / "app.py", "print('changed')\n")
        wait_for(process, "changed")


@pytest.mark.parametrize(("arguments", "status"), [([], 1), (["--unknown", "app.py"], 1), (["-m"], 1), (["--help"], 0)])
def test_the_command_line(tmp_path: Path, arguments: list[str], status: int) -> None:
    with started(tmp_path, "-m", "pyframework.autoreload", *arguments) as process:
        output = process.communicate(timeout=60)[0]
        assert process.returncode == status
        assert "usage: python -m pyframework.autoreload" in output


def test_until_success(tmp_path: Path) -> None:
    write(tmp_path / "app.py", "import sys\nprint(sys.argv)\n")
    with started(tmp_path, "-m", "pyframework.autoreload", "--until-success", "app.py", "-m", "x") as process:
        assert process.communicate(timeout=60)[0] == "['app.py', '-m', 'x']\n"
        assert process.returncode == 0


def test_children_do_not_reload(tmp_path: Path) -> None:
    write(
        tmp_path / "app.py",
        """
        import os, sys
        from pyframework import autoreload, process

        process.fork_processes(1)
        autoreload.watch("notes.txt")
        autoreload._reload = lambda: print("reload")
        for _ in range(2):
            autoreload._reload_if_modified()
            os.utime("notes.txt", (1, 1))
        autoreload._reload_if_modified()
        print("end", flush=True)
        sys.exit(0)
        """,
    )
    write(tmp_path / "notes.txt", "")
    with started(tmp_path, "app.py") as process:
        assert process.communicate(timeout=60)[0] == "end\n"
