"""Requests as bytes, and which answers are right."""

import pytest

from bench.answers import Answer
from bench.workloads import BY_NAME, HELLO

HTML = {"content-type": "text/html; charset=UTF-8"}


def test_request_with_a_body() -> None:
    assert BY_NAME["form"].request() == (
        b"POST /form HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: 12\r\n\r\nname=x&age=7"
    )


def test_pipelined_request_is_repeated() -> None:
    assert BY_NAME["pipelined"].request() == HELLO.request() * 16


def test_right_answer() -> None:
    assert HELLO.complaint(Answer(200, HTML, b"Hello, world", 0)) is None


@pytest.mark.parametrize(
    ("name", "answer", "complaint"),
    [
        ("hello", Answer(500, HTML, b"Hello, world", 0), "status 500"),
        ("hello", Answer(200, HTML, b"Hello, World", 0), "body b'Hello, World'"),
        ("hello", Answer(200, {"content-type": "text/plain"}, b"Hello, world", 0), "header content-type"),
        ("cookies", Answer(200, HTML, b"Hello, world", 0), "header set-cookie: None"),
        ("chunks", Answer(200, HTML, b"0123456789abcdef" * 40, 1), "1 chunks instead of 10"),
        ("json", Answer(200, {"content-type": "application/json"}, b'{"id": 42}', 0), "body"),
        ("json", Answer(200, {"content-type": "application/json"}, b"oops", 0), "body"),
    ],
)
def test_wrong_answer(name: str, answer: Answer, complaint: str) -> None:
    assert (BY_NAME[name].complaint(answer) or "").startswith(complaint)


def test_json_may_be_written_in_any_way() -> None:
    answer = Answer(200, {"content-type": "application/json; charset=utf-8"}, b'{"name":"x","id":42}', 0)
    assert BY_NAME["json"].complaint(answer) is None
