"""Content codings (RFC 9110 section 8.4.1), decoded piece by piece: gzip, and br and zstd where Python can do them."""

import functools
import importlib
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from pyframework.httputil._errors import HTTPInputError
from pyframework.util import GzipDecompressor

_ZSTD_WINDOW_LOG = 23  # RFC 9659: a sender must not ask for more than 8 MiB


class _Decoder(Protocol):
    """Undoes a coding; raises HTTPInputError for input that is not of that coding."""

    def pieces(self, data: bytes, size: int) -> Iterator[bytes]:
        """Decode the next `data`, into pieces of at most `size` bytes."""

    def finish(self) -> None:
        """Check, after the last input, that nothing is missing."""


class _Gzip:
    def __init__(self) -> None:
        self._decompressor = GzipDecompressor()

    def pieces(self, data: bytes, size: int) -> Iterator[bytes]:
        while data:
            try:
                piece = self._decompressor.decompress(data, size)
            except zlib.error as error:
                raise HTTPInputError(f"invalid gzip data: {error}") from None
            data = self._decompressor.unconsumed_tail
            if piece:
                yield piece

    def finish(self) -> None:
        try:
            self._decompressor.flush()
        except zlib.error as error:
            raise HTTPInputError(f"invalid gzip data: {error}") from None


class _Brotli:
    """RFC 7932."""

    def __init__(self, module: Any) -> None:
        self._error = module.error
        self._decompressor = module.Decompressor()
        self._begun = False

    def pieces(self, data: bytes, size: int) -> Iterator[bytes]:
        self._begun = True
        while True:
            try:
                piece = self._decompressor.process(data, output_buffer_limit=size)
            except self._error as error:
                raise HTTPInputError(f"invalid br data: {error}") from None
            if piece:
                yield piece
            elif self._decompressor.is_finished() or self._decompressor.can_accept_more_data():
                return
            data = b""

    def finish(self) -> None:
        if self._begun and not self._decompressor.is_finished():
            raise HTTPInputError("invalid br data: it is cut short")


class _Zstd:
    """RFC 8878: one frame after another."""

    def __init__(self, module: Any) -> None:
        self._error = module.ZstdError
        options = {module.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
        self._new = functools.partial(module.ZstdDecompressor, options=options)
        self._decompressor: Any = None

    def pieces(self, data: bytes, size: int) -> Iterator[bytes]:
        while True:
            if self._decompressor is None or self._decompressor.eof:
                self._decompressor = self._new()
            try:
                piece = self._decompressor.decompress(data, size)
            except self._error as error:
                raise HTTPInputError(f"invalid zstd data: {error}") from None
            if piece:
                yield piece
            data = self._decompressor.unused_data if self._decompressor.eof else b""
            if not data and (self._decompressor.eof or self._decompressor.needs_input):
                return

    def finish(self) -> None:
        if self._decompressor is not None and not self._decompressor.eof:
            raise HTTPInputError("invalid zstd data: it is cut short")


@functools.cache
def _decoders() -> dict[str, Callable[[], _Decoder]]:
    """Return what makes a decoder, by coding; br takes the package brotli, zstd Python 3.14 or backports.zstd."""
    found: dict[str, Callable[[], _Decoder]] = {"gzip": _Gzip}
    brotli = _import("brotli")
    # Before 1.2 there is no limit to what a small input may become.
    if brotli is not None and hasattr(brotli.Decompressor, "can_accept_more_data"):
        found["br"] = functools.partial(_Brotli, brotli)
    zstd = _import("compression.zstd") or _import("backports.zstd")
    if zstd is not None:
        found["zstd"] = functools.partial(_Zstd, zstd)
    return found


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


@functools.cache
def _accepted_codings() -> str:
    """Return what a client that decodes says in Accept-Encoding."""
    return ", ".join(_decoders())
