"""The permessage-deflate extension (RFC 7692): what is agreed on."""

from typing import Any

from pyframework import httputil

_MAX_WINDOW_BITS = 15
_PARAMETERS = frozenset(
    {"server_no_context_takeover", "client_no_context_takeover", "server_max_window_bits", "client_max_window_bits"}
)


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
            valid = value.isdecimal() and 8 <= int(value) <= _MAX_WINDOW_BITS
        if not valid:
            raise ValueError(f"invalid value {value!r} of compression parameter {name}")


def side_options(side: str, parameters: dict[str, str | None]) -> dict[str, Any]:
    """Return how messages from `side`, "server" or "client", are compressed."""
    bits = parameters.get(side + "_max_window_bits")
    return {
        "persistent": side + "_no_context_takeover" not in parameters,
        "max_wbits": _MAX_WINDOW_BITS if bits is None else int(bits),
    }
