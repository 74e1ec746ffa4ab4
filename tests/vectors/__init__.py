"""Wire cases as data: what goes in, and what must come out, for every parser of the same bytes to be held against.

A case is an object with `name`, `rfc` (the section that asks for it), `kind` (request, response or chunked), `input`
and `expect`. Strings hold bytes, one character each (latin-1). `input` may be a list of strings and of [string, count]
pairs. `expect` is {"error": NAME} or holds those parts of the result that the case is about.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "http1"


@dataclass(frozen=True)
class Case:
    theme: str
    name: str
    rfc: str
    kind: str
    input: bytes
    expect: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.theme}: {self.name}"


def cases(kind: str | None = None) -> Iterator[Case]:
    """Yield the HTTP/1 cases of one kind, or of all."""
    for path in sorted(FOLDER.glob("*.json")):
        for case in json.loads(path.read_text(encoding="ascii")):
            if kind in (None, case["kind"]):
                yield Case(path.stem, case["name"], case["rfc"], case["kind"], _bytes(case["input"]), case["expect"])


def _bytes(parts: str | list[str | list[Any]]) -> bytes:
    if isinstance(parts, str):
        return parts.encode("latin-1")
    return b"".join(_bytes(part) if isinstance(part, str) else _bytes(part[0]) * part[1] for part in parts)
