"""Loops and pairs of sockets, and the compiled probe that the tests of the event loop watch descriptors with."""

import importlib.util
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pyframework._core.loop import EventLoop

ROOT = Path(__file__).parents[2]
BUILD = """
from Cython.Build import cythonize
from setuptools import Extension, setup
modules = [Extension("loop_probe", ["loop_probe.pyx", "pf_buf.c"], include_dirs=[{c!r}])]
setup(name="loop_probe", ext_modules=cythonize(modules, include_path=[{ext!r}], build_dir="c", language_level=3))
"""


@pytest.fixture(scope="session")
def loop_probe(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    pytest.importorskip("Cython")
    folder = tmp_path_factory.mktemp("loop_probe")
    (folder / "loop_probe.pyx").write_text((ROOT / "tests/ext/loop_probe.pyx").read_text())
    (folder / "pf_buf.c").write_text((ROOT / "ext/c/pf_buf.c").read_text())
    (folder / "setup.py").write_text(BUILD.format(c=str(ROOT / "ext/c"), ext=str(ROOT / "ext")))
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("loop_probe.*.so")
    spec = importlib.util.spec_from_file_location("loop_probe", built)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    loop = EventLoop()
    yield loop
    loop.close()


@pytest.fixture
def errors(loop: EventLoop) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda loop, context: seen.append(context))
    return seen


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    a, b = socket.socketpair()
    a.setblocking(False)
    b.setblocking(False)
    with a, b:
        yield a, b
