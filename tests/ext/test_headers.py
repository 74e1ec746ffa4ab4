"""The compiled side of HTTPHeaders, driven through a small extension that is compiled for the tests."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from pyframework import httputil
from pyframework.httputil import HTTPHeaders

ROOT = Path(__file__).parents[2]
BUILD = """
from Cython.Build import cythonize
from setuptools import Extension, setup
modules = [Extension("headers_probe", [{probe!r}, {buf!r}], include_dirs=[{c!r}])]
setup(name="headers_probe", ext_modules=cythonize(modules, include_path=[{ext!r}], build_dir="c", language_level=3))
"""


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    pytest.importorskip("Cython")
    folder = tmp_path_factory.mktemp("probe")
    (folder / "headers_probe.pyx").write_text((ROOT / "tests/ext/headers_probe.pyx").read_text())
    (folder / "pf_buf.c").write_text((ROOT / "ext/c/pf_buf.c").read_text())
    build = BUILD.format(probe="headers_probe.pyx", buf="pf_buf.c", c=str(ROOT / "ext/c"), ext=str(ROOT / "ext"))
    (folder / "setup.py").write_text(build)
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("headers_probe.*.so")
    spec = importlib.util.spec_from_file_location("headers_probe", built)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HEAD = b"Host: example.com\r\nX-two: 1\r\nACCEPT:\r\nx-TWO:  2 \r\nX-Latin: \xe9\r\n"


def test_a_look_up_builds_nothing(probe: ModuleType) -> None:
    headers = probe.filled(HEAD)
    assert isinstance(headers, HTTPHeaders)
    assert headers["hOST"] == "example.com"
    assert headers.get("X-Two") == "1,2"
    assert headers["accept"] == ""
    assert headers["X-Latin"] == "\xe9"
    assert headers.get("Hos") is None
    assert headers.get("Hosts", "no") == "no"
    assert "HOST" in headers
    assert "X-\u0130" not in headers
    with pytest.raises(KeyError, match="No-Such"):
        headers["no-such"]
    assert probe.is_folded(headers)


@pytest.mark.parametrize("unfold", [False, True])
def test_look_up(probe: ModuleType, unfold: bool) -> None:
    headers = probe.filled(HEAD)
    if unfold:
        headers["New"] = "3"
    assert probe.lookup(headers, "x-two") == "1,2"
    assert probe.lookup(headers, "accept") == ""
    assert probe.lookup(headers, "nothing") is None
    assert probe.lookup(headers, "hos") is None
    assert probe.is_folded(headers) is not unfold


def test_an_empty_head(probe: ModuleType) -> None:
    headers = probe.filled(b"")
    assert probe.lookup(headers, "host") is None
    assert len(headers) == 0
    assert probe.written(headers) == (b"", None)


@pytest.mark.parametrize(
    "use",
    [
        lambda headers: list(headers),
        lambda headers: len(headers),
        lambda headers: headers.copy(),
        lambda headers: headers.get_list("x-two"),
        lambda headers: headers.pop("accept"),
    ],
)
def test_what_unfolds(probe: ModuleType, use: object) -> None:
    headers = probe.filled(HEAD)
    use(headers)  # type: ignore[operator]
    assert not probe.is_folded(headers)
    assert headers.get_list("X-TWO") == ["1", "2"]
    assert headers["host"] == "example.com"


def test_written_as_it_came_in_but_for_the_names(probe: ModuleType) -> None:
    lines = b"Host: example.com\r\nX-Two: 1\r\nX-Two: 2\r\nAccept: \r\nX-Latin: \xe9\r\n"
    assert probe.written(probe.filled(HEAD), b"GET / HTTP/1.1\r\n") == (b"GET / HTTP/1.1\r\n" + lines, None)


def test_many_lines_are_written(probe: ModuleType) -> None:
    headers = HTTPHeaders({f"X-{number}": "v" * 100 for number in range(200)})
    text, error = probe.written(headers)
    assert error is None
    assert text == str(headers).replace("\n", "\r\n").encode()


def test_bytes_are_written_as_text(probe: ModuleType) -> None:
    assert probe.written(HTTPHeaders({"A": b"x"})) == (b"A: x\r\n", None)  # type: ignore[dict-item]


@pytest.mark.parametrize("value", ["a\r\nB: c", "\n", "a\r", "\0", "\x01", "\x7f", "\u65e5", "a\u65e5\r"])
def test_a_value_that_must_not_be_written(probe: ModuleType, value: str) -> None:
    headers = HTTPHeaders({"First": "1", "Second": value})
    text, error = probe.written(headers, b"before")
    assert isinstance(error, ValueError)
    assert text == b"before"


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\nb", "\xe9", "\u65e5", "a\0"])
def test_a_name_that_must_not_be_written(probe: ModuleType, name: str) -> None:
    text, error = probe.written(HTTPHeaders({name: "1"}), b"before")
    assert isinstance(error, ValueError)
    assert text == b"before"


@pytest.mark.parametrize("value", [3, None, ["x"], 1.5])
def test_a_value_that_is_no_text(probe: ModuleType, value: object) -> None:
    text, error = probe.written(HTTPHeaders({"A": value}))  # type: ignore[dict-item]
    assert isinstance(error, TypeError)
    assert text == b""


def test_all_bytes_that_may_stand_in_a_value_are_written(probe: ModuleType) -> None:
    value = "\t" + "".join(map(chr, [*range(0x20, 0x7F), *range(0x80, 0x100)]))
    assert probe.written(HTTPHeaders({"A": value})) == (b"A: " + value.encode("latin-1") + b"\r\n", None)


def test_a_patched_normalizer_is_used_at_once(monkeypatch: pytest.MonkeyPatch, probe: ModuleType) -> None:
    original = httputil._normalize_header
    before = HTTPHeaders({"x-agent-id": "1"})
    assert list(before) == ["X-Agent-Id"]

    monkeypatch.setattr(httputil, "_normalize_header", lambda name: name if name == "x-agent-id" else original(name))
    assert list(HTTPHeaders({"x-agent-id": "1", "x-other": "2"})) == ["x-agent-id", "X-Other"]
    assert list(probe.filled(b"x-agent-id: 1\r\n")) == ["x-agent-id"]

    monkeypatch.undo()
    assert list(HTTPHeaders({"x-agent-id": "1"})) == ["X-Agent-Id"]


def test_many_spellings_and_long_names() -> None:
    names = [f"X-{number}" for number in range(3000)] + ["x-" + "y" * 1000]
    headers = HTTPHeaders({name: "1" for name in names})
    assert len(headers) == len(names)
    assert all(name.lower() in headers for name in names)
