"""The permessage-deflate extension (RFC 7692): what is agreed on, and messages compressed and decompressed."""

import zlib
from typing import Any

from pyframework import httputil
from pyframework._core.websocket import _DecompressTooLargeError

_TAIL = b"\x00\x00\xff\xff"  # ends each compressed message, and is not sent (section 7.2.1)
_PARAMETERS = frozenset(
    {"server_no_context_takeover", "client_no_context_takeover", "server_max_window_bits", "client_max_window_bits"}
)
_LEVEL, _MEM_LEVEL = 6, 8


def _check_bits(max_wbits: int | None) -> int:
    bits = zlib.MAX_WBITS if max_wbits is None else max_wbits
    if not 8 <= bits <= zlib.MAX_WBITS:
        raise ValueError(f"Invalid max_wbits value {max_wbits!r}; allowed range 8-{zlib.MAX_WBITS}")
    return bits


class _PerMessageDeflateCompressor:
    """Compresses messages.

    persistent: each message may refer back to those before it.
    max_wbits: how far, as a power of two.
    """

    def __init__(
        self, persistent: bool, max_wbits: int | None, compression_options: dict[str, Any] | None = None
    ) -> None:
        options = compression_options or {}
        self._max_wbits = _check_bits(max_wbits)
        self._compression_level = options.get("compression_level", _LEVEL)
        self._mem_level = options.get("mem_level", _MEM_LEVEL)
        self._compressor = self._create_compressor() if persistent else None

    def _create_compressor(self) -> Any:
        return zlib.compressobj(self._compression_level, zlib.DEFLATED, -self._max_wbits, self._mem_level)

    def compress(self, data: bytes) -> bytes:
        compressor = self._compressor or self._create_compressor()
        compressed: bytes = compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)
        return compressed.removesuffix(_TAIL)


class _PerMessageDeflateDecompressor:
    """Decompresses messages of at most `max_message_size` bytes; the other arguments are the compressor's."""

    def __init__(
        self,
        persistent: bool,
        max_wbits: int | None,
        max_message_size: int,
        compression_options: dict[str, Any] | None = None,
    ) -> None:
        self._max_message_size = max_message_size
        self._max_wbits = _check_bits(max_wbits)
        self._decompressor = self._create_decompressor() if persistent else None

    def _create_decompressor(self) -> Any:
        return zlib.decompressobj(-self._max_wbits)

    def decompress(self, data: bytes) -> bytes:
        """Raise _DecompressTooLargeError if there is more than allowed; no more than that is made of `data`."""
        decompressor = self._decompressor or self._create_decompressor()
        message: bytes = decompressor.decompress(data + _TAIL, self._max_message_size + 1)
        if len(message) > self._max_message_size:
            raise _DecompressTooLargeError()
        if decompressor.eof and self._decompressor is not None:  # a final block: the next message begins anew
            self._decompressor = self._create_decompressor()
        return message


def parse_extensions(headers: httputil.HTTPHeaders) -> list[tuple[str, dict[str, str | None]]]:
    """Return the names and parameters that Sec-WebSocket-Extensions lists (RFC 6455 section 9.1).

    An extension that names a parameter twice, which RFC 7692 section 7.1 forbids, is left out.
    """
    extensions = []
    for part in headers.get("Sec-WebSocket-Extensions", "").split(","):
        name, *words = [word.strip() for word in part.split(";")]
        pairs = [word.partition("=") for word in words]
        parameters = {key.strip(): value.strip().strip('"') if equals else None for key, equals, value in pairs}
        if name and len(parameters) == len(pairs):
            extensions.append((name, parameters))
    return extensions


def check_parameters(parameters: dict[str, str | None], offered: bool) -> None:
    """Raise ValueError for parameters that RFC 7692 section 7.1 does not know.

    offered: by a client, which may name client_max_window_bits without a number.
    """
    for name, value in parameters.items():
        if name not in _PARAMETERS:
            raise ValueError(f"unsupported compression parameter {name!r}")
        if name.endswith("takeover"):
            valid = value is None
        elif value is None:
            valid = offered and name == "client_max_window_bits"
        else:
            valid = value.isdecimal() and 8 <= int(value) <= zlib.MAX_WBITS
        if not valid:
            raise ValueError(f"invalid value {value!r} of compression parameter {name}")


def side_options(side: str, parameters: dict[str, str | None]) -> dict[str, Any]:
    """Return how messages from `side`, "server" or "client", are compressed."""
    bits = parameters.get(side + "_max_window_bits")
    return {
        "persistent": side + "_no_context_takeover" not in parameters,
        "max_wbits": zlib.MAX_WBITS if bits is None else int(bits),
    }
