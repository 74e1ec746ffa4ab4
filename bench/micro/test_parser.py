"""What it costs to parse a request's head in C, beside httptools (llhttp) where that is installed."""

import ctypes
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bench.workloads import BY_NAME

ROOT = Path(__file__).resolve().parent.parent.parent
COUNT = 1000
HEADS = {"hello": (BY_NAME["hello"].request(), 1), "browser": (BY_NAME["browser"].request(), 14)}


@pytest.fixture(scope="module")
def parse_many(tmp_path_factory: pytest.TempPathFactory) -> Any:
    library = tmp_path_factory.mktemp("parser") / "parser.so"
    sources = [str(ROOT / "bench/micro/parser.c"), str(ROOT / "ext/c/pf_http1.c")]
    command = ["cc", "-std=c11", "-O3", "-shared", "-fPIC", f"-I{ROOT / 'ext/c'}", "-o", str(library), *sources]
    subprocess.run(command, check=True)
    function = ctypes.CDLL(str(library)).parse_many
    function.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
    function.restype = ctypes.c_int64
    return function


@pytest.mark.parametrize("name", HEADS)
def test_parse(benchmark: Any, parse_many: Any, name: str) -> None:
    head, fields = HEADS[name]
    assert benchmark(parse_many, head, len(head), COUNT) == COUNT * fields


@pytest.mark.parametrize("name", HEADS)
def test_parse_with_httptools(benchmark: Any, name: str) -> None:
    """The same bytes; no callbacks, so that next to no Python is timed."""
    httptools = pytest.importorskip("httptools")
    head, _ = HEADS[name]
    parser = httptools.HttpRequestParser(object())

    def feed() -> None:
        for _ in range(COUNT):
            parser.feed_data(head)

    benchmark(feed)
    assert parser.get_method() == b"GET"
