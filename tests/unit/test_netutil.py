import asyncio
import errno
import logging
import os
import socket
import ssl
import stat
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pyframework import netutil
from pyframework.ioloop import IOLoop
from pyframework.netutil import (
    BlockingResolver,
    DefaultExecutorResolver,
    DefaultLoopResolver,
    ExecutorResolver,
    OverrideResolver,
    Resolver,
    ThreadedResolver,
    add_accept_handler,
    bind_sockets,
    bind_unix_socket,
    is_valid_ip,
    ssl_options_to_context,
    ssl_wrap_socket,
)

CERTIFICATE = str(Path(netutil.__file__).with_name("testing.crt"))
only_linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems have 127.0.0.1 alone, no abstract names")
KEY = str(Path(netutil.__file__).with_name("testing.key"))


@pytest.fixture
def closing() -> Iterator[Callable[[Any], Any]]:
    """Hands back what it is given, and closes it in the end."""
    opened: list[Any] = []

    def keep(it: Any) -> Any:
        opened.extend(it if isinstance(it, list) else [it])
        return it

    yield keep
    for it in opened:
        it.close()


def fake_getaddrinfo(monkeypatch: pytest.MonkeyPatch, *found: tuple[int, tuple[Any, ...]]) -> None:
    answers = [(family, socket.SOCK_STREAM, 6, "", address) for family, address in found]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: answers)


class TestBindSockets:
    def test_options(self, closing: Any) -> None:
        (sock,) = closing(bind_sockets(0, "127.0.0.1"))
        assert sock.getsockname()[0] == "127.0.0.1"
        assert sock.gettimeout() == 0
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)

    @only_linux
    def test_one_port_for_all_addresses(self, closing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        fake_getaddrinfo(monkeypatch, *[(socket.AF_INET, (address, 0)) for address in ("127.0.0.2", "127.0.0.1")])
        first, second = closing(bind_sockets(0, "somewhere"))
        assert first.getsockname()[0] == "127.0.0.1"
        assert first.getsockname()[1] == second.getsockname()[1] != 0

    def test_an_address_that_is_found_twice(self, closing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        fake_getaddrinfo(monkeypatch, *[(socket.AF_INET, ("127.0.0.1", 0))] * 2)
        assert len(closing(bind_sockets(0, "somewhere"))) == 1

    def test_no_name_is_all_interfaces(self, closing: Any) -> None:
        for address in (None, ""):
            (sock,) = closing(bind_sockets(0, address, family=socket.AF_INET))
            assert sock.getsockname()[0] == "0.0.0.0"

    @only_linux
    def test_a_port_in_use(self, closing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        (sock,) = closing(bind_sockets(0, "127.0.0.2"))
        port = sock.getsockname()[1]
        fake_getaddrinfo(monkeypatch, *[(socket.AF_INET, (address, port)) for address in ("127.0.0.1", "127.0.0.2")])
        with pytest.raises(OSError):
            bind_sockets(port, "somewhere")

    @pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="needs SO_REUSEPORT")
    def test_reuse_port(self, closing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        (sock,) = closing(bind_sockets(0, "127.0.0.1", reuse_port=True))
        port = sock.getsockname()[1]
        (other,) = closing(bind_sockets(port, "127.0.0.1", reuse_port=True))
        assert other.getsockname()[1] == port
        monkeypatch.delattr(socket, "SO_REUSEPORT")
        with pytest.raises(ValueError, match="SO_REUSEPORT"):
            bind_sockets(0, "127.0.0.1", reuse_port=True)

    def test_a_system_without_ipv6(self, closing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        local = [(socket.AF_INET, ("127.0.0.1", 0)), (socket.AF_INET6, ("::1", 0, 0, 0))]
        fake_getaddrinfo(monkeypatch, *local)
        make = socket.socket

        def without(family: int, *args: Any) -> socket.socket:
            if family == socket.AF_INET6:
                raise OSError(errno.EAFNOSUPPORT, "no IPv6 here")
            return make(family, *args)

        monkeypatch.setattr(netutil.socket, "socket", without)
        assert len(closing(bind_sockets(0, "localhost"))) == 1

    def test_localhost_has_an_address_that_is_not_there(self, closing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        # These are for documentation (RFC 3849, RFC 5737): no interface has them.
        fake_getaddrinfo(monkeypatch, (socket.AF_INET, ("127.0.0.1", 0)), (socket.AF_INET6, ("2001:db8::1", 0, 0, 0)))
        assert len(closing(bind_sockets(0, "localhost"))) == 1
        fake_getaddrinfo(monkeypatch, (socket.AF_INET, ("192.0.2.1", 0)))
        with pytest.raises(OSError):
            bind_sockets(0, "localhost")


class TestBindUnixSocket:
    def test_mode_and_replacement(self, closing: Any, tmp_path: Path) -> None:
        path = tmp_path / "s"
        assert closing(bind_unix_socket(str(path))).gettimeout() == 0
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        closing(bind_unix_socket(str(path), mode=0o666))
        assert stat.S_IMODE(path.stat().st_mode) == 0o666

    def test_another_file_is_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "f"
        path.write_text("x")
        with pytest.raises(ValueError, match="is not a socket"):
            bind_unix_socket(str(path))
        assert path.read_text() == "x"

    def test_no_such_folder(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            bind_unix_socket(str(tmp_path / "no" / "s"))

    @only_linux
    def test_abstract_name(self, closing: Any) -> None:
        name = f"\0pyframework-{os.getpid()}"
        assert closing(bind_unix_socket(name)).getsockname() == name.encode()


class Listener:
    """A stand-in for a listening socket: readable when told so, with accept results by list."""

    def __init__(self, results: list[Any]) -> None:
        self.results = results
        self.near, self.far = socket.socketpair()
        self.far.send(b"x")

    def fileno(self) -> int:
        return self.near.fileno()

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", 1

    def accept(self) -> Any:
        result = self.results.pop(0) if self.results else BlockingIOError()
        if isinstance(result, OSError):
            raise result
        return result, "peer"

    def close(self) -> None:
        self.near.close()
        self.far.close()


def run(test: Callable[..., Coroutine[Any, Any, None]]) -> Any:
    """Run a coroutine test that takes `closing`, on a loop of its own and no longer than 20 seconds."""

    def wrapper(closing: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
        asyncio.run(asyncio.wait_for(test(closing, monkeypatch, caplog), 20))

    wrapper.__doc__ = test.__doc__
    return wrapper


@run
async def test_connections_are_accepted_until_told_to_stop(closing: Any, monkeypatch: Any, caplog: Any) -> None:
    (listener,) = closing(bind_sockets(0, "127.0.0.1"))
    accepted: asyncio.Queue[Any] = asyncio.Queue()

    def accept(connection: socket.socket, address: Any) -> None:
        accepted.put_nowait((closing(connection), address))

    stop = add_accept_handler(listener, accept)
    clients = [closing(socket.create_connection(listener.getsockname())) for _ in range(3)]
    addresses = [(await accepted.get())[1] for _ in clients]
    assert sorted(addresses) == sorted(client.getsockname() for client in clients)

    stop()
    closing(socket.create_connection(listener.getsockname()))
    again: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    other = closing(bind_sockets(0, "127.0.0.1"))[0]
    add_accept_handler(other, lambda connection, address: (closing(connection), again.set_result(None)) and None)
    closing(socket.create_connection(other.getsockname()))
    await again
    assert accepted.empty()
    assert listener.fileno() != -1


@run
async def test_stopping_from_the_callback(closing: Any, monkeypatch: Any, caplog: Any) -> None:
    listener = closing(Listener([1, 2, 3]))
    accepted: list[Any] = []
    done = asyncio.Event()

    def accept(connection: Any, address: Any) -> None:
        accepted.append(connection)
        if connection == 2:
            stop()
            done.set()

    stop = add_accept_handler(listener, accept)
    await done.wait()
    await asyncio.sleep(0)
    assert accepted == [1, 2]


@run
async def test_connections_that_are_gone_already_are_skipped(closing: Any, monkeypatch: Any, caplog: Any) -> None:
    listener = closing(Listener([ConnectionAbortedError(), 1]))
    done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    stop = add_accept_handler(listener, lambda connection, address: done.set_result((connection, address)))
    assert await done == (1, "peer")
    stop()


@run
async def test_accepting_pauses_when_files_run_out(closing: Any, monkeypatch: Any, caplog: Any) -> None:
    """Two pauses in a row are one warning; after a success the next one is worth a warning again."""
    monkeypatch.setattr(netutil, "_ACCEPT_PAUSE", 0.0)
    caplog.set_level(logging.WARNING)
    full = [OSError(number, "full") for number in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS)]
    listener = closing(Listener([full[0], full[1], 1, full[2], 2]))
    accepted: list[Any] = []
    done = asyncio.Event()

    def accept(connection: Any, address: Any) -> None:
        accepted.append(connection)
        if connection == 2:
            done.set()

    stop = add_accept_handler(listener, accept)
    await done.wait()
    stop()
    assert accepted == [1, 2]
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.levelname for record in warnings] == ["WARNING", "WARNING"]


@run
async def test_nothing_is_watched_during_a_pause(closing: Any, monkeypatch: Any, caplog: Any) -> None:
    listener = closing(Listener([OSError(errno.EMFILE, "full"), 1]))
    loop = IOLoop.current()
    called: list[Any] = []
    paused = asyncio.Event()
    later: list[Any] = []

    def call_later(delay: float, callback: Any) -> object:
        later.append((delay, callback))
        paused.set()
        return "timeout"

    removed: list[Any] = []
    monkeypatch.setattr(loop, "call_later", call_later)
    monkeypatch.setattr(loop, "remove_timeout", removed.append)
    stop = add_accept_handler(listener, lambda connection, address: called.append(connection))
    await paused.wait()
    loop.add_handler(listener, lambda fd, events: None, IOLoop.READ)
    loop.remove_handler(listener)
    assert [delay for delay, _ in later] == [netutil._ACCEPT_PAUSE] == [1.0]
    stop()
    assert removed == ["timeout"]
    assert called == []


class TestIsValidIp:
    @pytest.mark.parametrize("ip", ["127.0.0.1", "::1", "::ffff:1.2.3.4", "2620:0:1cfe:face:b00c::3"])
    def test_valid(self, ip: str) -> None:
        assert is_valid_ip(ip)

    @pytest.mark.parametrize(
        "ip",
        ["", " ", "\n", "localhost", "a" * 100, "1.2.3.4\0", "[::1]", "256.1.1.1", "1.2.3.4.5", "\xe9", " 1.2.3.4"],
    )
    def test_invalid(self, ip: str) -> None:
        assert not is_valid_ip(ip)

    def test_another_error_is_not_hidden(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*args: Any) -> None:
            raise socket.gaierror(socket.EAI_MEMORY, "no memory")

        monkeypatch.setattr(socket, "getaddrinfo", fail)
        with pytest.raises(socket.gaierror):
            is_valid_ip("1.2.3.4")


LOCAL = [(socket.AF_INET, ("127.0.0.1", 80))]


class TestResolvers:
    @pytest.mark.parametrize(
        "cls", [DefaultLoopResolver, DefaultExecutorResolver, BlockingResolver, ThreadedResolver, ExecutorResolver]
    )
    def test_resolve(self, cls: type[Resolver], monkeypatch: pytest.MonkeyPatch) -> None:
        async def main() -> None:
            resolver = cls()
            assert await resolver.resolve("127.0.0.1", 80) == LOCAL
            assert await resolver.resolve("127.0.0.1", 80, socket.AF_INET) == LOCAL

            def fail(*args: Any, **kwargs: Any) -> None:
                raise socket.gaierror(socket.EAI_NONAME, "no such name")

            with monkeypatch.context() as patch:
                patch.setattr(socket, "getaddrinfo", fail)
                with pytest.raises(OSError, match="no such name"):
                    await resolver.resolve("nowhere", 80)
            resolver.close()

        try:
            asyncio.run(main())
        finally:
            if ThreadedResolver._threadpool is not None:
                ThreadedResolver._threadpool.shutdown()
                ThreadedResolver._threadpool = None

    def test_configuration(self) -> None:
        assert type(Resolver()) is DefaultLoopResolver
        saved = Resolver._save_configuration()
        try:
            Resolver.configure("pyframework.netutil.BlockingResolver")
            assert type(Resolver()) is BlockingResolver
        finally:
            Resolver._restore_configuration(saved)

    def test_executors_are_closed_by_their_owner(self) -> None:
        for close in (True, False):
            with ThreadPoolExecutor(1) as executor:
                resolver = ExecutorResolver(executor=executor, close_executor=close)
                resolver.close()
                assert resolver.executor is None
                if close:
                    with pytest.raises(RuntimeError):
                        executor.submit(int)
                else:
                    assert executor.submit(int).result() == 0

    def test_threads_are_shared_and_made_anew_after_a_fork(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ThreadedResolver, "_threadpool", None)
        first, second = ThreadedResolver(num_threads=1), ThreadedResolver(num_threads=2)
        assert first.executor is second.executor
        monkeypatch.setattr(os, "getpid", lambda: -1)
        assert ThreadedResolver().executor is not first.executor

    def test_threaded_resolution_leaves_the_loop_s_thread(self, monkeypatch: pytest.MonkeyPatch) -> None:
        threads: list[int] = []

        def note(*args: Any) -> list[Any]:
            threads.append(threading.get_ident())
            return []

        async def main(resolver: Resolver) -> None:
            assert await resolver.resolve("h", 1) == []

        monkeypatch.setattr(socket, "getaddrinfo", note)
        with ThreadPoolExecutor(1) as executor:
            asyncio.run(main(ExecutorResolver(executor=executor)))
        asyncio.run(main(BlockingResolver()))
        assert threads[0] != threading.get_ident() == threads[1]

    def test_overrides(self) -> None:
        class Other(Resolver):
            closed = False

            async def resolve(self, host: str, port: int, family: Any = socket.AF_UNSPEC) -> Any:
                return host, port, family

            def close(self) -> None:
                self.closed = True

        six = socket.AF_INET6
        mapping = {"a": "x", ("b", 1): ("y", 2), ("b", 1, six): ("z", 3)}
        other = Other()
        resolver = OverrideResolver(other, mapping)

        async def main() -> list[Any]:
            asked = [("a", 1), ("b", 1), ("b", 1, six), ("b", 2), ("c", 1)]
            return [await resolver.resolve(*args) for args in asked]  # type: ignore[arg-type]

        assert [answer[:2] for answer in asyncio.run(main())] == [("x", 1), ("y", 2), ("z", 3), ("b", 2), ("c", 1)]
        resolver.close()
        assert other.closed


class TestSslOptions:
    def test_a_context_stays(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        assert ssl_options_to_context(context) is context

    def test_sides(self) -> None:
        server = ssl_options_to_context({}, server_side=True)
        client = ssl_options_to_context({}, server_side=False)
        assert (server.protocol, client.protocol) == (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT)
        assert server.options & client.options & ssl.OP_NO_COMPRESSION
        with pytest.warns(DeprecationWarning):
            assert ssl_options_to_context({}).protocol == ssl.PROTOCOL_TLS

    def test_all_keywords(self) -> None:
        options = {
            "ssl_version": ssl.PROTOCOL_TLS_CLIENT,
            "certfile": CERTIFICATE,
            "keyfile": KEY,
            "cert_reqs": ssl.CERT_NONE,
            "ca_certs": CERTIFICATE,
            "ciphers": "ECDHE-RSA-AES128-GCM-SHA256",
        }
        context = ssl_options_to_context(options, server_side=True)
        assert (context.protocol, context.verify_mode) == (ssl.PROTOCOL_TLS_CLIENT, ssl.CERT_NONE)
        assert context.cert_store_stats()["x509"] == 1
        assert "ECDHE-RSA-AES128-GCM-SHA256" in [cipher["name"] for cipher in context.get_ciphers()]

    @pytest.mark.parametrize("options", [{"nonsense": 1}, None, 3])
    def test_errors(self, options: Any) -> None:
        with pytest.raises(AssertionError, match="ssl_options"):
            ssl_options_to_context(options, server_side=True)

    def test_defaults(self) -> None:
        client, server = netutil._client_ssl_defaults(), netutil._server_ssl_defaults()
        assert client is netutil._client_ssl_defaults()
        assert (client.protocol, client.verify_mode) == (ssl.PROTOCOL_TLS_CLIENT, ssl.CERT_REQUIRED)
        assert (server.protocol, server.verify_mode) == (ssl.PROTOCOL_TLS_SERVER, ssl.CERT_NONE)

    def test_wrapping(self, closing: Any) -> None:
        near, far = closing(list(socket.socketpair()))
        server = closing(
            ssl_wrap_socket(
                near, {"certfile": CERTIFICATE, "keyfile": KEY}, server_side=True, do_handshake_on_connect=False
            )
        )
        client = closing(
            ssl_wrap_socket(
                far,
                {"cert_reqs": ssl.CERT_NONE},
                server_hostname="h",
                server_side=False,
                do_handshake_on_connect=False,
            )
        )
        assert (server.server_side, client.server_side, client.server_hostname) == (True, False, "h")
        with ThreadPoolExecutor(1) as executor:
            done = executor.submit(server.do_handshake)
            client.do_handshake()
            done.result()
        client.sendall(b"hello")
        assert server.recv(10) == b"hello"
