"""The reader of answers: whole, in parts, several at once, and wrong."""

import socket
import threading

import pytest

from bench.answers import Answer, BadAnswer, exchange, parse_answer

PLAIN = b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: "x"\r\n\r\nhello'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (PLAIN, Answer(200, {"content-length": "5", "etag": '"x"'}, b"hello", 0)),
        (CHUNKED, Answer(200, {"transfer-encoding": "chunked"}, b"hello!", 2)),
    ],
)
def test_answer_is_complete_only_at_its_last_byte(data: bytes, answer: Answer) -> None:
    assert [parse_answer(data[:end]) for end in range(len(data))] == [None] * len(data)
    assert parse_answer(data) == (answer, len(data))
    assert parse_answer(data + b"HTTP/1.1 404") == (answer, len(data))


def test_what_is_not_http() -> None:
    with pytest.raises(BadAnswer, match="not an HTTP/1.1 status line"):
        parse_answer(b"SSH-2.0-OpenSSH\r\n\r\n")


def test_answer_that_ends_with_the_connection() -> None:
    with pytest.raises(BadAnswer, match="cannot keep its connection"):
        parse_answer(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")


def answer_once(listener: socket.socket, answer: bytes) -> threading.Thread:
    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(100)
            connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def test_exchange_reads_all_pipelined_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = answer_once(listener, PLAIN * 3)
        answers = exchange(listener.getsockname()[1], b"GET", 3)
        thread.join()
    assert [answer.body for answer in answers] == [b"hello"] * 3


def test_exchange_counts_missing_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = answer_once(listener, PLAIN * 2)
        with pytest.raises(BadAnswer, match="after 2 of 3 answers"):
            exchange(listener.getsockname()[1], b"GET", 3)
        thread.join()
