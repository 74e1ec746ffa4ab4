"""Reads a stream of answers to its end: simple, strict, and written without a look at the server's own code."""

import re
from dataclasses import dataclass

STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2}) [\t\x20-\x7e]*")


@dataclass
class Answer:
    status: int
    fields: dict[str, str]
    content: bytes


def read_answers(data: bytes, heads: list[bool]) -> list[Answer]:
    """Split what a server sent until it closed; heads[i] says whether the i-th answer is one to HEAD."""
    answers: list[Answer] = []
    while data:
        head, end, data = data.partition(b"\r\n\r\n")
        assert end, f"a head without end: {head!r}"
        first, *lines = head.split(b"\r\n")
        match = STATUS_LINE.fullmatch(first)
        assert match, f"no status line: {first!r}"
        fields: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.decode("latin-1").partition(": ")
            assert colon and name.lower() not in (known.lower() for known in fields), f"field {line!r}"
            fields[name] = value
        answer = Answer(int(match[1]), fields, b"")
        is_head = len(answers) < len(heads) and heads[len(answers)]
        if not is_head and answer.status >= 200 and answer.status not in (204, 304):
            answer.content, data = _content(fields, data)
        answers.append(answer)
    return answers


def _content(fields: dict[str, str], data: bytes) -> tuple[bytes, bytes]:
    if fields.get("Transfer-Encoding") == "chunked":
        assert "Content-Length" not in fields
        return _dechunked(data)
    if "Content-Length" in fields:
        size = int(fields["Content-Length"])
        assert len(data) >= size, "cut short"
        return data[:size], data[size:]
    return data, b""


def _dechunked(data: bytes) -> tuple[bytes, bytes]:
    content = b""
    while True:
        line, end, data = data.partition(b"\r\n")
        assert end, "chunks without end"
        size = int(line, 16)
        content += data[:size]
        assert data[size : size + 2] == b"\r\n", "a chunk without end"
        data = data[size + 2 :]
        if size == 0:
            return content, data
