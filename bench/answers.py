"""Reads HTTP/1.1 answers off bytes, plainly and slowly, so that a peer can be judged before it is measured."""

import socket
import ssl
from dataclasses import dataclass

TIMEOUT = 10.0


class BadAnswer(Exception):
    """The peer did not answer, or not with HTTP/1.1."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    chunks: int


def parse_answer(data: bytes) -> tuple[Answer, int] | None:
    """Return the first answer in `data` and its length in bytes, or None if more bytes are needed."""
    head, separator, rest = data.partition(b"\r\n\r\n")
    if not separator:
        return None
    status_line, *lines = head.decode("latin-1").split("\r\n")
    if not status_line.startswith("HTTP/1.1 "):
        raise BadAnswer(f"not an HTTP/1.1 status line: {status_line[:60]!r}")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if "chunked" in headers.get("transfer-encoding", ""):
        body, chunks, size = _parse_chunks(rest)
    elif "content-length" in headers:
        size = int(headers["content-length"])
        body, chunks = rest[:size], 0
    else:
        raise BadAnswer("an answer without Content-Length or chunks cannot keep its connection")
    if size < 0 or len(rest) < size:
        return None
    return Answer(int(status_line.split()[1]), headers, body, chunks), len(head) + 4 + size


def _parse_chunks(data: bytes) -> tuple[bytes, int, int]:
    """Return body, number of chunks and length on the wire; the length is -1 if more bytes are needed."""
    body, chunks, at = b"", 0, 0
    while (end := data.find(b"\r\n", at)) >= 0:
        size = int(data[at:end], 16)
        following = end + 2 + size + 2
        if len(data) < following:
            break
        if size == 0:
            return body, chunks, following
        body += data[end + 2 : end + 2 + size]
        chunks += 1
        at = following
    return body, chunks, -1


def _connect(port: int, certificate: str | None) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
    if certificate is None:
        return connection
    return ssl.create_default_context(cafile=certificate).wrap_socket(connection, server_hostname="localhost")


def exchange(port: int, request: bytes, count: int = 1, certificate: str | None = None) -> list[Answer]:
    """Send `request`, over TLS if there is a `certificate` to trust, and return the `count` answers to it.
    Raises:
        BadAnswer: the peer closed early, was silent for `TIMEOUT` seconds, or did not speak HTTP/1.1.
    """
    answers: list[Answer] = []
    data = b""
    try:
        with _connect(port, certificate) as connection:
            connection.sendall(request)
            while len(answers) < count:
                received = connection.recv(1 << 20)
                if not received:
                    raise BadAnswer(f"closed the connection after {len(answers)} of {count} answers")
                data += received
                while parsed := parse_answer(data):
                    answers.append(parsed[0])
                    data = data[parsed[1] :]
    except (OSError, ValueError) as error:
        raise BadAnswer(f"{type(error).__name__}: {error}") from error
    return answers
