"""Listening sockets, accepting from them, names to addresses, and TLS contexts."""

import asyncio
import collections
import encodings.idna  # noqa: F401  (looked up by getaddrinfo; from a thread, that may hang while a module is imported)
import errno
import os
import socket
import ssl
import stat
import sys
from collections.abc import Awaitable, Callable
from concurrent import futures
from functools import lru_cache
from typing import Any

from pyframework.concurrent import dummy_executor, run_on_executor
from pyframework.ioloop import IOLoop
from pyframework.log import gen_log
from pyframework.util import Configurable

# Connections that may wait in the kernel's queue, and that are accepted in one turn of the loop.
_DEFAULT_BACKLOG = 128

# Errors of accept: the process, or the machine, has no room for one more connection.
_ERRNO_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

# Seconds without accepting after such an error.
_ACCEPT_PAUSE = 1.0

_SSL_CONTEXT_KEYWORDS = frozenset(["ssl_version", "certfile", "keyfile", "cert_reqs", "ca_certs", "ciphers"])


@lru_cache(maxsize=1)
def _client_ssl_defaults() -> ssl.SSLContext:
    return _without_compression(ssl.create_default_context(ssl.Purpose.SERVER_AUTH))


@lru_cache(maxsize=1)
def _server_ssl_defaults() -> ssl.SSLContext:
    return _without_compression(ssl.create_default_context(ssl.Purpose.CLIENT_AUTH))


def _without_compression(context: ssl.SSLContext) -> ssl.SSLContext:
    context.options |= ssl.OP_NO_COMPRESSION
    return context


def bind_sockets(
    port: int,
    address: str | None = None,
    family: socket.AddressFamily = socket.AF_UNSPEC,
    backlog: int = _DEFAULT_BACKLOG,
    flags: int | None = None,
    reuse_port: bool = False,
) -> list[socket.socket]:
    """Make a listening socket, not blocking, for each address that `address` stands for.

    :arg port: 0 for one that the kernel chooses, the same for all addresses
    :arg address: an IP address or a host name; None or "" for all interfaces
    :arg family: `socket.AF_INET` or `socket.AF_INET6` to have only these
    :arg backlog: as of `socket.listen`
    :arg flags: AI_* flags for `socket.getaddrinfo`
    :arg reuse_port: let other sockets listen on the same port; raises ValueError where the system cannot do that
    """
    if reuse_port and not hasattr(socket, "SO_REUSEPORT"):
        raise ValueError("this system does not support SO_REUSEPORT")
    if family == socket.AF_UNSPEC and not socket.has_ipv6:
        family = socket.AF_INET
    flags = socket.AI_PASSIVE if flags is None else flags
    found = socket.getaddrinfo(address or None, port, family, socket.SOCK_STREAM, 0, flags)
    sockets: list[socket.socket] = []
    try:
        for af, kind, protocol, _, sockaddr in sorted(set(found)):
            if port == 0 and sockets:
                sockaddr = (sockaddr[0], sockets[0].getsockname()[1], *sockaddr[2:])
            sock = _listening(af, kind, protocol, sockaddr, backlog, reuse_port, address)
            if sock is not None:
                sockets.append(sock)
    except OSError:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def _listening(
    family: int, kind: int, protocol: int, sockaddr: Any, backlog: int, reuse_port: bool, address: str | None
) -> socket.socket | None:
    # None for an address that the system knows by name but cannot serve.
    try:
        sock = socket.socket(family, kind, protocol)
    except OSError as error:
        if error.errno == errno.EAFNOSUPPORT:
            return None
        raise
    try:
        if sys.platform != "win32":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            # IPv4 has a socket of its own.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setblocking(False)
        sock.bind(sockaddr)
        sock.listen(backlog)
    except OSError as error:
        sock.close()
        # Containers often resolve localhost to ::1, too, and have no IPv6.
        if error.errno == errno.EADDRNOTAVAIL and address == "localhost" and family == socket.AF_INET6:
            return None
        raise
    return sock


if hasattr(socket, "AF_UNIX"):

    def bind_unix_socket(file: str, mode: int = 0o600, backlog: int = _DEFAULT_BACKLOG) -> socket.socket:
        """Make a listening Unix socket, not blocking; an old socket of that name is replaced.

        :arg file: its path, or a name in Linux's abstract namespace, which starts with a NUL
        :arg mode: permissions of the path
        :arg backlog: as of `socket.listen`

        Raises ValueError if the path exists and is no socket.
        """
        in_file_system = not file.startswith("\0")
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            if in_file_system:
                _remove_old_socket(file)
            sock.bind(file)
            if in_file_system:
                os.chmod(file, mode)
            sock.listen(backlog)
        except BaseException:
            sock.close()
            raise
        return sock


def _remove_old_socket(file: str) -> None:
    try:
        mode = os.stat(file).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ValueError(f"File {file} exists and is not a socket")
    os.remove(file)


def add_accept_handler(sock: socket.socket, callback: Callable[[socket.socket, Any], None]) -> Callable[[], None]:
    """Call `callback(connection, address)` for each connection to a listening socket, on the current IOLoop.

    When no more files can be opened, accepting pauses for a second.

    Returns:
        A function that ends accepting; the socket stays open.
    """
    acceptor = _Acceptor(sock, callback)
    acceptor.resume()
    return acceptor.stop


# The ports on which this process accepts connections, each as often as it does.
_accepting: "collections.Counter[int]" = collections.Counter()


def _accepts_here(host: str, port: int) -> bool:
    """Return whether a server of this very process is meant."""
    return _accepting[port] > 0 and (host in ("localhost", "::1") or host.startswith("127."))


class _Acceptor:
    def __init__(self, sock: socket.socket, callback: Callable[[socket.socket, Any], None]) -> None:
        name = sock.getsockname()
        self.port: int = name[1] if isinstance(name, tuple) else 0
        _accepting[self.port] += 1
        self.io_loop = IOLoop.current()
        self.sock = sock
        self.callback = callback
        self.stopped = False
        self.exhausted = False
        self.timeout: object | None = None

    def accept(self, fd: socket.socket, events: int) -> None:
        for _ in range(_DEFAULT_BACKLOG):
            if self.stopped:
                return
            try:
                connection, address = self.sock.accept()
            except BlockingIOError:
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:
                if error.errno not in _ERRNO_EXHAUSTED:
                    raise
                self.pause(error)
                return
            self.exhausted = False
            self.callback(connection, address)

    def pause(self, error: OSError) -> None:
        # The waiting connection would wake the loop again at once, and again.
        if not self.exhausted:
            self.exhausted = True
            gen_log.warning("Cannot accept connections on %s, retrying: %s", self.sock.getsockname(), error)
        self.io_loop.remove_handler(self.sock)
        self.timeout = self.io_loop.call_later(_ACCEPT_PAUSE, self.resume)

    def resume(self) -> None:
        self.timeout = None
        self.io_loop.add_handler(self.sock, self.accept, IOLoop.READ)

    def stop(self) -> None:
        if not self.stopped:
            _accepting[self.port] -= 1
        self.stopped = True
        if self.timeout is None:
            self.io_loop.remove_handler(self.sock)
        else:
            self.io_loop.remove_timeout(self.timeout)
            self.timeout = None


def is_valid_ip(ip: str) -> bool:
    """Whether `ip` is an IPv4 or IPv6 address in numbers."""
    if not ip or "\0" in ip:
        return False
    try:
        socket.getaddrinfo(ip, 0, socket.AF_UNSPEC, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
    except socket.gaierror as error:
        if error.errno == socket.EAI_NONAME:
            return False
        raise
    except UnicodeError:
        return False
    return True


class Resolver(Configurable):
    """Finds the addresses of host names; `Resolver.configure` chooses how, `DefaultLoopResolver` by default."""

    @classmethod
    def configurable_base(cls) -> type["Resolver"]:
        return Resolver

    @classmethod
    def configurable_default(cls) -> type["Resolver"]:
        return DefaultLoopResolver

    def resolve(
        self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> Awaitable[list[tuple[int, Any]]]:
        """Find the addresses of a host: pairs of a family and an address for `socket.connect`.

        Raises OSError if there is none.
        """
        raise NotImplementedError()

    def close(self) -> None:
        """Let go of what the resolver uses; it cannot be used any more."""


def _resolve_addr(host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[tuple[int, Any]]:
    found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
    return [(af, address) for af, _, _, _, address in found]


class DefaultExecutorResolver(Resolver):
    """Runs `socket.getaddrinfo` on the IOLoop's default executor. Deprecated."""

    async def resolve(
        self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[tuple[int, Any]]:
        return await IOLoop.current().run_in_executor(None, _resolve_addr, host, port, family)


class DefaultLoopResolver(Resolver):
    """Asks the asyncio event loop."""

    async def resolve(
        self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[tuple[int, Any]]:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        return [(af, address) for af, _, _, _, address in found]


class ExecutorResolver(Resolver):
    """Runs `socket.getaddrinfo` on an executor. Deprecated.

    :arg executor: default: the calling thread, which blocks
    :arg close_executor: shut the executor down when the resolver is closed
    """

    def initialize(self, executor: futures.Executor | None = None, close_executor: bool = True) -> None:
        self.executor: futures.Executor | None = dummy_executor if executor is None else executor
        self.close_executor = close_executor and executor is not None

    def close(self) -> None:
        if self.close_executor and self.executor is not None:
            self.executor.shutdown()
        self.executor = None

    @run_on_executor
    def resolve(self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[tuple[int, Any]]:
        return _resolve_addr(host, port, family)


class BlockingResolver(ExecutorResolver):
    """Blocks the loop in `socket.getaddrinfo`. Deprecated."""

    def initialize(self) -> None:  # type: ignore[override]
        super().initialize()


class ThreadedResolver(ExecutorResolver):
    """Runs `socket.getaddrinfo` on threads that all resolvers of this class share. Deprecated.

    :arg num_threads: how many; the first resolver's number counts
    """

    _threadpool: futures.ThreadPoolExecutor | None = None
    _threadpool_pid: int | None = None

    def initialize(self, num_threads: int = 10) -> None:  # type: ignore[override]
        super().initialize(executor=self._create_threadpool(num_threads), close_executor=False)

    @classmethod
    def _create_threadpool(cls, num_threads: int) -> futures.ThreadPoolExecutor:
        # Threads do not survive a fork.
        if cls._threadpool is None or cls._threadpool_pid != os.getpid():
            cls._threadpool = futures.ThreadPoolExecutor(num_threads)
            cls._threadpool_pid = os.getpid()
        return cls._threadpool


class OverrideResolver(Resolver):
    """Replaces some hosts before it asks another resolver.

    :arg resolver: the other one
    :arg mapping: `host: host`, `(host, port): (host, port)` or `(host, port, family): (host, port)`
    """

    def initialize(self, resolver: Resolver, mapping: dict[Any, Any]) -> None:
        self.resolver = resolver
        self.mapping = mapping

    def close(self) -> None:
        self.resolver.close()

    def resolve(
        self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> Awaitable[list[tuple[int, Any]]]:
        for key in ((host, port, family), (host, port)):
            if key in self.mapping:
                host, port = self.mapping[key]
                break
        else:
            host = self.mapping.get(host, host)
        return self.resolver.resolve(host, port, family)


def ssl_options_to_context(
    ssl_options: dict[str, Any] | ssl.SSLContext, server_side: bool | None = None
) -> ssl.SSLContext:
    """Make an SSLContext of the old keywords of `ssl.wrap_socket`; one that comes in goes out as it is.

    :arg ssl_options: `ssl_version`, `certfile`, `keyfile`, `cert_reqs`, `ca_certs`, `ciphers`, or a context
    :arg server_side: which side the context is for; None is deprecated
    """
    if isinstance(ssl_options, ssl.SSLContext):
        return ssl_options
    if not isinstance(ssl_options, dict):
        raise AssertionError(f"ssl_options must be a dict or an SSLContext, not {type(ssl_options).__name__}")
    unknown = ssl_options.keys() - _SSL_CONTEXT_KEYWORDS
    if unknown:
        raise AssertionError(f"unknown ssl_options: {sorted(unknown)}; known are {sorted(_SSL_CONTEXT_KEYWORDS)}")
    protocols = {None: ssl.PROTOCOL_TLS, True: ssl.PROTOCOL_TLS_SERVER, False: ssl.PROTOCOL_TLS_CLIENT}
    context = ssl.SSLContext(ssl_options.get("ssl_version", protocols[server_side]))
    if "certfile" in ssl_options:
        context.load_cert_chain(ssl_options["certfile"], ssl_options.get("keyfile"))
    if ssl_options.get("cert_reqs") == ssl.CERT_NONE:
        context.check_hostname = False  # a client's context checks the name, which takes a certificate
    context.verify_mode = ssl_options.get("cert_reqs", context.verify_mode)
    for keyword, apply in (("ca_certs", context.load_verify_locations), ("ciphers", context.set_ciphers)):
        if keyword in ssl_options:
            apply(ssl_options[keyword])
    return _without_compression(context)


def ssl_wrap_socket(
    socket: socket.socket,
    ssl_options: dict[str, Any] | ssl.SSLContext,
    server_hostname: str | None = None,
    server_side: bool | None = None,
    **kwargs: Any,
) -> ssl.SSLSocket:
    """Put TLS on a socket.

    :arg ssl_options: as of `ssl_options_to_context`
    :arg server_hostname: for SNI and the check of the certificate
    :arg server_side: which side this is; None (a client) is deprecated
    :arg kwargs: for `ssl.SSLContext.wrap_socket`
    """
    context = ssl_options_to_context(ssl_options, server_side=server_side)
    if server_hostname is not None:
        kwargs["server_hostname"] = server_hostname
    return context.wrap_socket(socket, server_side=bool(server_side), **kwargs)
