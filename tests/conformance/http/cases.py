"""Requests and what an origin server must do with them, as data: `*.json`, with the section of the RFC for each.

A row has `name`, `rfc`, `send`, `expect` and `then`; with `values` it stands for a case for each of them, in the place
of `{value}`. Optional are `server`, arguments of HTTPServer, and `end`: "half" (the client shuts down its side) or
"reset".

`send` holds bytes, one character each (latin-1, else UTF-8): a string, or a list of lines; a line may be a list of
strings and of [string, count]. $GET, $POST and $CHUNKED stand for the beginnings in BEGINNINGS.

`expect` lists the answers: a status (or `*`), then nothing, `Name=value` (a field; `*` for any value), `!Name` (no such
field) or the whole content. HEAD in front says that this answers a HEAD. [text, count] stands for several.

`then` says what must be true behind these answers: "open", the next request is served, or "close".
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BEGINNINGS = {
    "$GET": "GET / HTTP/1.1\r\nHost: a",
    "$POST": "POST / HTTP/1.1\r\nHost: a",
    "$CHUNKED": "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n",
}


@dataclass(frozen=True)
class Case:
    theme: str
    name: str
    rfc: str
    send: bytes
    expect: list[str]
    then: str
    server: dict[str, Any]
    end: str

    def __str__(self) -> str:
        return f"{self.theme}: {self.name}".encode("ascii", "backslashreplace").decode()


def cases() -> Iterator[Case]:
    """Yield every case of every table."""
    for path in sorted(Path(__file__).parent.glob("*.json")):
        for row in json.loads(path.read_text(encoding="ascii")):
            for value in row.get("values", [""]):
                yield Case(
                    path.stem,
                    _name(row["name"], value),
                    row["rfc"],
                    _bytes(_text(row["send"], "\r\n").replace("{value}", value)),
                    [text.replace("{value}", value) for text in _repeated(row["expect"])],
                    row["then"],
                    row.get("server", {}),
                    row.get("end", ""),
                )


def _text(parts: Any, separator: str = "") -> str:
    if isinstance(parts, str):
        for name, beginning in BEGINNINGS.items():
            parts = parts.replace(name, beginning)
        return parts
    if len(parts) == 2 and isinstance(parts[1], int):
        return _text(parts[0]) * int(parts[1])
    return separator.join(_text(part) for part in parts)


def _repeated(texts: list[Any]) -> Iterator[str]:
    for text in texts:
        yield from [text] if isinstance(text, str) else [text[0]] * text[1]


def _bytes(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


def _name(name: str, value: str) -> str:
    if value and "{value}" not in name:
        return f"{name}: {value!r}"
    return name.replace("{value}", repr(value))
