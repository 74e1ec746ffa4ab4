"""Whom to believe about where a request came from: proxies by network, X-Forwarded-For and RFC 7239 Forwarded."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyframework.httputil import HTTPHeaders

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PAIR = re.compile(rf'[ \t]*(?:({_TOKEN})=({_TOKEN}|"(?:[^"\\]|\\.)*"))?[ \t]*(;|,|$)')
_NODE = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?|([0-9.]+)(?::[0-9]{1,5})?|([0-9A-Fa-f:.]+)")
_MAX_KNOWN = 1000


class TrustedProxies:
    """The networks whose word about others counts.

    networks: such as "10.0.0.0/8", "fd00::/8" or a single address; "unix" for whoever connects by a unix socket.

    Raises ValueError for what is no network.
    """

    def __init__(self, networks: Iterable[str]) -> None:
        names = [networks] if isinstance(networks, str) else list(networks)
        self.networks = [ipaddress.ip_network(name) for name in names if name != "unix"]
        self.unix = "unix" in names
        self._known: dict[str, bool] = {}

    def __contains__(self, address: object) -> bool:
        """Whether an address, as text, lies in one of the networks."""
        if not isinstance(address, str):
            return False
        known = self._known.get(address)
        if known is None:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            known = self._known[address] = self._is_inside(address)
        return known

    def _is_inside(self, text: str) -> bool:
        try:
            address = ipaddress.ip_address(text.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None) or address  # an IPv4 peer of an IPv6 socket
        return any(mapped in network for network in self.networks)

    def trusts(self, address: object) -> bool:
        """Whether a peer is trusted, by its address as `socket.accept` returns it."""
        return address[0] in self if isinstance(address, tuple) else self.unix

    def walk(self, peer: str, trusted: bool, hops: Iterable[str]) -> tuple[str, int]:
        """Return the nearest address that is not trusted, or the farthest, and how many of the hops lie before it.

        peer: who connected, trusted or not. hops: those that each proxy saw, the nearest one last.
        """
        count = 0
        for hop in reversed(list(hops)):
            if not trusted or (address := node_address(hop)) is None:
                break
            peer, trusted, count = address, address in self, count + 1
        return peer, count


def node_address(node: str) -> str | None:
    """Return the IP address of a node (RFC 7239 section 6), without brackets and port; None for other names."""
    match = _NODE.fullmatch(node.strip())
    if match is None:
        return None
    text = match[1] or match[2] or match[3]
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return None
    return text


def parse_forwarded(value: str) -> list[dict[str, str]] | None:
    """Read a Forwarded field (RFC 7239 section 4): the parameters of each proxy, in lower case; None if malformed."""
    elements: list[dict[str, str]] = [{}]
    at = 0
    while True:
        match = _PAIR.match(value, at)
        if match is None:
            return None
        name, text, end = match.groups()
        if name is not None:
            if name.lower() in elements[-1]:
                return None
            quoted = text.startswith('"')
            elements[-1][name.lower()] = re.sub(r"\\(.)", r"\1", text[1:-1]) if quoted else text
        if end == "":
            return [element for element in elements if element]
        if end == ",":
            elements.append({})
        at = match.end()


def forwarded_origin(
    proxies: TrustedProxies, peer: str, trusted: bool, headers: HTTPHeaders
) -> tuple[str, str | None]:
    """Return who sent a request and by which scheme, as `Forwarded` says it; the scheme is None if nobody does."""
    elements = parse_forwarded(headers.get("Forwarded", "")) if trusted else None
    if not elements:
        return peer, None
    address, count = proxies.walk(peer, trusted, [element.get("for", "") for element in elements])
    scheme = elements[-count].get("proto", "").lower() if count else elements[-1].get("proto", "").lower()
    return address, scheme if scheme in ("http", "https") else None


def x_forwarded_origin(
    proxies: TrustedProxies, peer: str, trusted: bool, headers: HTTPHeaders
) -> tuple[str, str | None]:
    """As `forwarded_origin`, of X-Forwarded-For or X-Real-Ip, and X-Forwarded-Proto or X-Scheme."""
    if not trusted:
        return peer, None
    hops = headers.get("X-Forwarded-For", headers.get("X-Real-Ip"))
    address, _ = proxies.walk(peer, trusted, hops.split(",") if hops else [])
    scheme = headers.get("X-Scheme", headers.get("X-Forwarded-Proto", "")).split(",")[-1].strip().lower()
    return address, scheme if scheme in ("http", "https") else None
