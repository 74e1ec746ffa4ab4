"""Content codings of answers (RFC 9110, section 8.4.1): which a client accepts, and how a body gets them."""

import functools
import zlib
from collections.abc import Callable, Iterable
from typing import Any

from pyframework.httputil._codings import _import

# (chunk, whether it is the last one) -> the bytes to send, from which the client can decode the whole chunk
Encode = Callable[[bytes, bool], bytes]

_GZIP = zlib.MAX_WBITS | 16  # the largest window, in the format of RFC 1952
# Of 11 and of 22: higher ones cost much time for few bytes.
_BROTLI_QUALITY = 4
_ZSTD_LEVEL = 3


def gzip_encoder(level: int = 6) -> Encode:
    compressor = zlib.compressobj(level, wbits=_GZIP)

    def encode(chunk: bytes, last: bool) -> bytes:
        return compressor.compress(chunk) + compressor.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)

    return encode


def _brotli_encoder(module: Any) -> Encode:
    compressor = module.Compressor(quality=_BROTLI_QUALITY)

    def encode(chunk: bytes, last: bool) -> bytes:
        pieces = compressor.process(chunk), compressor.finish() if last else compressor.flush()
        return b"".join(pieces)

    return encode


def _zstd_encoder(module: Any) -> Encode:
    compressor = module.ZstdCompressor(level=_ZSTD_LEVEL)

    def encode(chunk: bytes, last: bool) -> bytes:
        encoded: bytes = compressor.compress(chunk, compressor.FLUSH_FRAME if last else compressor.FLUSH_BLOCK)
        return encoded

    return encode


@functools.cache
def encoders() -> dict[str, Callable[[], Encode] | None]:
    """Return what makes an encoder, by coding; None where the package for it is not installed."""
    brotli = _import("brotli")
    zstd = _import("compression.zstd") or _import("backports.zstd")
    return {
        "br": None if brotli is None else functools.partial(_brotli_encoder, brotli),
        "zstd": None if zstd is None else functools.partial(_zstd_encoder, zstd),
        "gzip": gzip_encoder,
    }


def accepted_codings(header: str, offered: Iterable[str]) -> list[str]:
    """Return those of the offered codings, in their order, that a client accepts (RFC 9110, section 12.5.3).

    :arg header: Accept-Encoding
    """
    accepted: dict[str, bool] = {}
    for item in header.lower().split(","):
        coding, _, parameter = item.partition(";")
        weight = parameter.strip().removeprefix("q=").strip("0.")
        accepted[coding.strip()] = not parameter or bool(weight)
    return [coding for coding in offered if accepted.get(coding, accepted.get("*", False))]
