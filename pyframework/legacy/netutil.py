"""Resolvers with callbacks, and the names of certificate checks."""

import importlib.util
import ipaddress
import ssl
from typing import Any

from pyframework import netutil
from pyframework.legacy._arguments import add, ignoring_loop, replace
from pyframework.legacy._delivery import delivering
from pyframework.legacy._notes import note
from pyframework.netutil import Resolver

_RESOLVERS = {
    "ExecutorResolver": "[io_loop] executor close_executor",
    "ThreadedResolver": "[io_loop] num_threads",
    "OverrideResolver": "resolver mapping *[io_loop]",
}

SSLCertificateError = ssl.CertificateError


def ssl_match_hostname(cert: dict[str, Any], hostname: str) -> None:
    """Check that a certificate, as of `ssl.SSLSocket.getpeercert`, is one for ``hostname`` (RFC 6125, section 6).

    :raises SSLCertificateError: it is not
    """
    note("netutil.ssl_match_hostname", "the ssl module does it: SSLContext.check_hostname")
    names = cert.get("subjectAltName", ())
    try:
        wanted = ipaddress.ip_address(hostname)
    except ValueError:
        matches = any(kind == "DNS" and _dns_matches(name, hostname) for kind, name in names)
    else:
        matches = any(kind == "IP Address" and ipaddress.ip_address(name.strip()) == wanted for kind, name in names)
    if not matches:
        known = ", ".join(name for _, name in names) or "nobody"
        raise SSLCertificateError(f"the certificate is for {known}, not {hostname}")


def _dns_matches(pattern: str, hostname: str) -> bool:
    first, _, rest = pattern.lower().partition(".")
    host_first, _, host_rest = hostname.lower().partition(".")
    return rest == host_rest and (first == host_first or (first == "*" and bool(host_first) and bool(rest)))


def install() -> None:
    add(netutil, ssl_match_hostname=ssl_match_hostname, SSLCertificateError=SSLCertificateError)
    if importlib.util.find_spec("pycares") is not None:
        importlib.import_module("pyframework.platform.caresresolver")
    for kind in _and_subclasses(Resolver):
        if "resolve" in vars(kind):
            replace(kind, "resolve", "host port family [callback]", delivering("Resolver.resolve"))
        if "initialize" in vars(kind) or kind is Resolver:
            replace(kind, "initialize", _RESOLVERS.get(kind.__name__, "[io_loop]"), ignoring_loop("Resolver"))
    replace(netutil, "add_accept_handler", "sock callback [io_loop]", ignoring_loop("add_accept_handler"))


def _and_subclasses(kind: type) -> list[type]:
    found = [kind]
    children: list[type] = kind.__subclasses__()
    for child in children:
        found += _and_subclasses(child)
    return found
