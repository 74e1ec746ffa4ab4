"""Small names: util, netutil, wsgi, testing, platform, process, autoreload; and the notes."""

import importlib
import select
import ssl
import sys
import warnings
from typing import Any

import pytest

from pyframework import legacy, netutil, testing, util, wsgi
from pyframework.ioloop import IOLoop
from pyframework.legacy import LegacyNote, _notes
from pyframework.legacy._arguments import OldSignature
from pyframework.process import Subprocess
from pyframework.testing import AsyncTestCase


def test_util() -> None:
    assert util.u("text") == "text" and util.b("\xff") == b"\xff"
    assert util.xrange is range and util.PY3 is True
    assert wsgi.from_wsgi_str("\xff") == b"\xff"


@pytest.mark.parametrize(
    "name, host, good",
    [
        (("DNS", "example.com"), "EXAMPLE.com", True),
        (("DNS", "example.com"), "www.example.com", False),
        (("DNS", "*.example.com"), "www.example.com", True),
        (("DNS", "*.example.com"), "a.b.example.com", False),
        (("DNS", "*"), "localhost", False),
        (("IP Address", "127.0.0.1"), "127.0.0.1", True),
        (("DNS", "127.0.0.1"), "127.0.0.1", False),
    ],
)
def test_ssl_match_hostname(name: Any, host: str, good: bool) -> None:
    certificate = {"subjectAltName": (name,)}
    assert netutil.SSLCertificateError is ssl.CertificateError
    if good:
        netutil.ssl_match_hostname(certificate, host)
    else:
        with pytest.raises(netutil.SSLCertificateError):
            netutil.ssl_match_hostname(certificate, host)


def test_unused_port_can_be_taken() -> None:
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", testing.get_unused_port()))


def test_log_trap() -> None:
    program = """
import logging, unittest
from pyframework import legacy
legacy.install(notes=False)
from pyframework.testing import LogTrapTestCase
logging.basicConfig()
class Tests(LogTrapTestCase):
    def test_good(self): logging.error("nobody sees this")
    def test_bad(self):
        logging.error("look at this")
        self.fail()
unittest.main()
"""
    import subprocess

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "look at this" in done.stderr and "nobody" not in done.stderr


@pytest.mark.parametrize("name", ["auto", "common", "posix", "windows", "interface"])
def test_waker(name: str) -> None:
    module = importlib.import_module(f"pyframework.platform.{name}")
    waker = module.Waker()
    module.set_close_exec(waker.fileno())
    assert select.select([waker], [], [], 0)[0] == []
    waker.wake()
    assert select.select([waker], [], [], 0)[0] == [waker]
    waker.consume()
    assert select.select([waker], [], [], 0)[0] == []
    assert waker.write_fileno() != waker.fileno()
    waker.close()


@pytest.mark.parametrize("name", ["epoll.EPollIOLoop", "kqueue.KQueueIOLoop", "select.SelectIOLoop"])
def test_loops_by_name(name: str) -> None:
    saved = IOLoop._save_configuration()
    try:
        IOLoop.configure(f"pyframework.platform.{name}")
        loop = IOLoop(make_current=False)
        assert type(loop).__name__ == name.partition(".")[2]
        loop.run_sync(lambda: None)
        loop.close()
    finally:
        IOLoop._restore_configuration(saved)


class ProcessTest(AsyncTestCase):
    def test_subprocess(self) -> None:
        process = Subprocess([sys.executable, "-c", "import sys; sys.exit(3)"], io_loop=self.io_loop)
        process.set_exit_callback(self.stop)
        assert self.wait(timeout=30) == 3
        Subprocess.initialize(self.io_loop)
        Subprocess.initialize(io_loop=self.io_loop)


def test_old_signature() -> None:
    signature = OldSignature("delimiter [callback] max_bytes")
    assert signature.split((b"x",), {}) == ((b"x",), {}, {})
    assert signature.split((b"x", 5), {}) == ((b"x", 5), {}, {})
    assert signature.split((b"x", print), {}) == ((), {"delimiter": b"x"}, {"callback": print})
    assert signature.split((b"x", None, 5), {}) == ((), {"delimiter": b"x", "max_bytes": 5}, {"callback": None})
    assert signature.split((b"x",), {"callback": print})[2] == {"callback": print}
    assert signature.split((1, 2, 3, 4), {})[0] == (1, 2, 3, 4)
    free = OldSignature("* [io_loop]")
    assert free.split((1, 2, 3), {"io_loop": None, "a": 1}) == ((1, 2, 3), {"a": 1}, {"io_loop": None})
    assert free.split((1, 2, 3), {}) == ((1, 2, 3), {}, {})


def test_each_name_is_noted_once_and_only_if_that_is_on() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        util.u("quiet")
        legacy.install(notes=True)
        try:
            util.u("a")
            util.u("b")
        finally:
            legacy.install(notes=False)
    assert [(w.category, w.filename) for w in caught] == [(LegacyNote, __file__)]
    assert "util.u() is of Tornado 4 and 5: today every literal is text" in str(caught[0].message)
    _notes._shown.discard("util.u()")


def test_the_environment_switches_notes_off(monkeypatch: Any) -> None:
    monkeypatch.setenv("PYFRAMEWORK_LEGACY_NOTES", "0")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        legacy.install(notes=True)
        util.b("x")
    legacy.install(notes=False)


