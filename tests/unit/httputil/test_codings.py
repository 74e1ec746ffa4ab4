"""Content codings: what is decoded, in which pieces, and what is no such coding."""

import functools
import gzip
import importlib
import tracemalloc
from collections.abc import Callable

import pytest

from pyframework import httputil
from pyframework.httputil import HTTPInputError, _codings

BODY = b"".join(b"%d " % number for number in range(50_000))


def encoder(coding: str) -> Callable[[bytes], bytes]:
    if coding == "gzip":
        return gzip.compress
    if coding not in httputil._decoders():
        pytest.skip(f"nothing here decodes {coding}")
    if coding == "br":
        compress: Callable[[bytes], bytes] = functools.partial(importlib.import_module("brotli").compress, quality=5)
    else:
        compress = (_codings._import("compression.zstd") or _codings._import("backports.zstd")).compress
    return compress


def decode(coding: str, data: bytes, step: int, size: int = 1000) -> bytes:
    decoder = httputil._decoders()[coding]()
    decoded = []
    for start in range(0, len(data), step):
        decoded += decoder.pieces(data[start : start + step], size)
    decoder.finish()
    assert all(decoded)
    return b"".join(decoded)


codings = pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])


@codings
@pytest.mark.parametrize("step", [1, 7, 1000, 1 << 20])
def test_whole_and_in_steps(coding: str, step: int) -> None:
    body = BODY[:2000] if step == 1 else BODY
    assert decode(coding, encoder(coding)(body), step) == body


@codings
def test_of_nothing_comes_nothing(coding: str) -> None:
    data = encoder(coding)(b"")
    assert decode(coding, data, 1) == b""
    httputil._decoders()[coding]().finish()  # an answer to HEAD has no body


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_one_after_another(coding: str) -> None:
    data = encoder(coding)(b"one") + encoder(coding)(b"two")
    assert decode(coding, data, 1) == decode(coding, data, len(data)) == b"onetwo"


@codings
@pytest.mark.parametrize("wrong", ["other", "cut", "garbage"])
def test_what_is_no_such_coding(coding: str, wrong: str) -> None:
    data = encoder(coding)(BODY)
    data = {"other": b"\x00\xff nonsense", "cut": data[:-1], "garbage": data + b"\xff\xff\xff\xff nonsense"}[wrong]
    for step in (11, len(data)):
        with pytest.raises(HTTPInputError, match=f"invalid {coding} data"):
            decode(coding, data, step)


@codings
def test_a_bomb_bursts_piece_by_piece(coding: str) -> None:
    size = 64 << 20
    data = encoder(coding)(bytes(size))
    decoder = httputil._decoders()[coding]()
    tracemalloc.start()
    try:
        assert sum(len(piece) for piece in decoder.pieces(data, 65536)) == size
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_nothing_is_accepted_that_cannot_be_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_codings, "_import", lambda name: None)
    for function in (_codings._decoders, _codings._accepted_codings):
        function.cache_clear()
    try:
        assert list(httputil._decoders()) == ["gzip"]
        assert httputil._accepted_codings() == "gzip"
    finally:
        for function in (_codings._decoders, _codings._accepted_codings):
            function.cache_clear()
