"""What HTTPHeaders costs: parsing a browser's head, look-up, copy, and building an answer's head."""

from typing import Any

from bench.workloads import BROWSER_HEADERS

HEAD = "".join(f"{name}: {value}\r\n" for name, value in BROWSER_HEADERS.items())


def test_parse(benchmark: Any, headers_class: Any) -> None:
    assert len(benchmark(headers_class.parse, HEAD)) == len(BROWSER_HEADERS)


def test_look_up(benchmark: Any, headers_class: Any) -> None:
    """One name as it was sent, one in other letters, one that is not there."""
    headers = headers_class.parse(HEAD)

    def look_up() -> tuple[str | None, str | None, str | None]:
        return headers.get("Cookie"), headers.get("accept-encoding"), headers.get("If-None-Match")

    assert benchmark(look_up) == (BROWSER_HEADERS["Cookie"], BROWSER_HEADERS["Accept-Encoding"], None)


def test_copy(benchmark: Any, headers_class: Any) -> None:
    headers = headers_class.parse(HEAD)
    assert benchmark(headers.copy) == headers


def test_write(benchmark: Any, headers_class: Any) -> None:
    """The head of an answer: four headers set, two cookies added, then all written out."""

    def write() -> str:
        headers = headers_class({"Server": "bench", "Content-Type": "text/html; charset=UTF-8"})
        headers["Content-Length"] = "12"
        headers["Etag"] = '"e02aa1b106d5"'
        headers.add("Set-Cookie", "a=1; Path=/")
        headers.add("Set-Cookie", "b=2; Path=/")
        return str(headers)

    assert benchmark(write).count("Set-Cookie: ") == 2
