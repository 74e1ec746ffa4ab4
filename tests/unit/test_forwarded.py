"""What forwarding headers say, and whose word counts."""

import pytest

from pyframework import httputil
from pyframework._forwarded import (
    TrustedProxies,
    forwarded_origin,
    node_address,
    parse_forwarded,
    x_forwarded_origin,
)

PROXIES = TrustedProxies(["10.0.0.0/8", "fd00::/8", "127.0.0.1"])


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("10.1.2.3", True),
        ("11.1.2.3", False),
        ("fd00::1", True),
        ("fd00::1%eth0", True),
        ("fe80::1", False),
        ("::ffff:10.0.0.1", True),
        ("127.0.0.1", True),
        ("127.0.0.2", False),
        ("x", False),
        (None, False),
    ],
)
def test_networks(address: str, inside: bool) -> None:
    assert (address in PROXIES) is (address in PROXIES) is inside


def test_unix_sockets_and_bad_networks() -> None:
    assert TrustedProxies(["unix"]).trusts("") and not PROXIES.trusts("") and not PROXIES.trusts(None)
    assert PROXIES.trusts(("10.0.0.1", 5)) and not PROXIES.trusts(("1.1.1.1", 5))
    assert "10.0.0.1" in TrustedProxies("10.0.0.0/8")
    with pytest.raises(ValueError):
        TrustedProxies(["10.0.0.1/8"])


def test_what_is_known_of_addresses_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyframework._forwarded._MAX_KNOWN", 3)
    proxies = TrustedProxies(["10.0.0.0/8"])
    assert [f"10.0.0.{i}" in proxies for i in range(9)] == [True] * 9
    assert len(proxies._known) <= 3


@pytest.mark.parametrize(
    ("node", "address"),
    [
        ("1.2.3.4", "1.2.3.4"),
        (" 1.2.3.4:80 ", "1.2.3.4"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("unknown", None),
        ("_hidden", None),
        ("1.2.3", None),
        ("1.2.3.4:x", None),
        ("[1.2.3.4", None),
        ("", None),
    ],
)
def test_nodes(node: str, address: str | None) -> None:
    assert node_address(node) == address


@pytest.mark.parametrize(
    ("value", "elements"),
    [
        ("", []),
        ("for=1.2.3.4", [{"for": "1.2.3.4"}]),
        ('For="[2001:db8::1]:80";Proto=https', [{"for": "[2001:db8::1]:80", "proto": "https"}]),
        ("for=1.2.3.4;by=x, for=5.6.7.8", [{"for": "1.2.3.4", "by": "x"}, {"for": "5.6.7.8"}]),
        (r'for="a\"b,c;d"', [{"for": 'a"b,c;d'}]),
        (" for=a ; proto=b ,, for=c", [{"for": "a", "proto": "b"}, {"for": "c"}]),
        ("for=1.2.3.4;for=5.6.7.8", None),
        ("for", None),
        ("for=", None),
        ('for="a', None),
        ("for=a b", None),
        ("for=[::1]", None),
    ],
)
def test_forwarded(value: str, elements: list[dict[str, str]] | None) -> None:
    assert parse_forwarded(value) == elements


@pytest.mark.parametrize(
    ("peer", "value", "origin"),
    [
        ("10.0.0.1", "for=1.1.1.1;proto=https", ("1.1.1.1", "https")),
        ("9.9.9.9", "for=1.1.1.1;proto=https", ("9.9.9.9", None)),
        ("10.0.0.1", "for=6.6.6.6, for=1.1.1.1;proto=https, for=10.0.0.2;proto=http", ("1.1.1.1", "https")),
        ("10.0.0.1", "for=10.0.0.3;proto=https, for=10.0.0.2", ("10.0.0.3", "https")),
        ("10.0.0.1", "for=1.1.1.1, for=unknown", ("10.0.0.1", None)),
        ("10.0.0.1", "proto=https", ("10.0.0.1", "https")),
        ("10.0.0.1", "for=1.1.1.1;proto=ftp", ("1.1.1.1", None)),
        ("10.0.0.1", "for=", ("10.0.0.1", None)),
    ],
)
def test_origin_by_forwarded(peer: str, value: str, origin: tuple[str, str | None]) -> None:
    headers = httputil.HTTPHeaders({"Forwarded": value})
    assert forwarded_origin(PROXIES, peer, peer in PROXIES, headers) == origin


@pytest.mark.parametrize(
    ("peer", "headers", "origin"),
    [
        ("10.0.0.1", {"X-Forwarded-For": "6.6.6.6, 1.1.1.1, 10.0.0.2"}, ("1.1.1.1", None)),
        ("10.0.0.1", {"X-Forwarded-For": "<script>"}, ("10.0.0.1", None)),
        ("10.0.0.1", {"X-Real-Ip": "1.1.1.1", "X-Scheme": "https"}, ("1.1.1.1", "https")),
        ("10.0.0.1", {"X-Forwarded-For": "1.1.1.1", "X-Real-Ip": "2.2.2.2"}, ("1.1.1.1", None)),
        ("10.0.0.1", {"X-Forwarded-Proto": "http, HTTPS"}, ("10.0.0.1", "https")),
        ("9.9.9.9", {"X-Forwarded-For": "1.1.1.1", "X-Scheme": "https"}, ("9.9.9.9", None)),
        ("10.0.0.1", {}, ("10.0.0.1", None)),
    ],
)
def test_origin_by_x_headers(peer: str, headers: dict[str, str], origin: tuple[str, str | None]) -> None:
    assert x_forwarded_origin(PROXIES, peer, peer in PROXIES, httputil.HTTPHeaders(headers)) == origin
