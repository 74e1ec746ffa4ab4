"""The test classes: what they report for good and bad tests, run in a unittest runner of their own."""

import asyncio
import io
import logging
import os
import socket
import ssl
import subprocess
import sys
import textwrap
import unittest
import warnings

import pytest

from pyframework import gen
from pyframework.ioloop import IOLoop
from pyframework.testing import (
    AsyncHTTPSTestCase,
    AsyncHTTPTestCase,
    AsyncTestCase,
    ExpectLog,
    bind_unused_port,
    gen_test,
    get_async_test_timeout,
    setup_with_context_manager,
)


def run_case(case_class, name="test"):
    """Run one test; return the result."""
    result = unittest.TestResult()
    case_class(name).run(result)
    return result


def passes(case_class):
    result = run_case(case_class)
    return result.wasSuccessful() and result.testsRun == 1


class TestAsyncTestCase:
    def test_each_test_has_a_loop_that_is_closed_after_it(self):
        loops = []

        class Case(AsyncTestCase):
            def test(self):
                loops.append(self.io_loop)
                assert IOLoop.current() is self.io_loop
                assert not self.io_loop.asyncio_loop.is_closed()

        assert passes(Case) and passes(Case)
        assert loops[0] is not loops[1]
        assert all(io_loop.asyncio_loop.is_closed() for io_loop in loops)
        assert IOLoop.current(instance=False) is None

    def test_wait_returns_what_stop_was_given(self):
        class Case(AsyncTestCase):
            def test(self):
                self.stop("before")
                assert self.wait() == "before"
                self.io_loop.add_callback(self.stop, "after")
                assert self.wait() == "after"
                self.io_loop.add_callback(self.stop, a=1)
                assert self.wait() == {"a": 1}
                self.io_loop.add_callback(self.stop)
                assert self.wait() is None
                with pytest.raises(TypeError):
                    self.stop(1, a=1)

        assert passes(Case)

    def test_wait_for_a_condition(self):
        class Case(AsyncTestCase):
            def test(self):
                count = []

                def step():
                    count.append(1)
                    self.stop()
                    self.io_loop.add_callback(step)

                self.io_loop.add_callback(step)
                self.wait(condition=lambda: len(count) >= 3)
                assert len(count) == 3

        assert passes(Case)

    def test_wait_times_out(self):
        class Case(AsyncTestCase):
            def test(self):
                self.wait(timeout=0.001)

        [(_, text)] = run_case(Case).failures
        assert "timed out after 0.001 seconds" in text

    def test_a_wait_ends_its_timeout(self):
        class Case(AsyncTestCase):
            def test(self):
                self.io_loop.add_callback(self.stop)
                self.wait(timeout=0.005)
                self.io_loop.call_later(0.02, self.stop)
                self.wait()

        assert passes(Case)

    def test_a_loop_stopped_by_other_means(self):
        class Case(AsyncTestCase):
            def test(self):
                self.io_loop.add_callback(self.io_loop.stop)
                self.wait()

        assert "other means" in run_case(Case).errors[0][1]

    def test_tasks_left_behind_are_cancelled(self, caplog):
        ends = []

        class Case(AsyncTestCase):
            def test(self):
                async def waits():
                    try:
                        await asyncio.Event().wait()
                    finally:
                        ends.append("ended")

                self.io_loop.add_callback(waits)
                self.io_loop.add_callback(self.io_loop.add_callback, self.stop)
                self.wait()

        assert passes(Case)
        assert ends == ["ended"]
        assert not caplog.records

    def test_a_task_that_fails_at_the_end_fails_the_test(self):
        class Case(AsyncTestCase):
            def test(self):
                async def fails():
                    try:
                        await asyncio.Event().wait()
                    except asyncio.CancelledError:
                        raise KeyError("late") from None

                self.task = self.io_loop.asyncio_loop.create_task(fails())
                self.io_loop.add_callback(self.stop)
                self.wait()

        assert "KeyError: 'late'" in run_case(Case).errors[0][1]

    @pytest.mark.parametrize(
        ("body", "text"),
        [
            ("def test(self):\n    yield", "should be decorated"),
            ("async def test(self):\n    pass", "should be decorated"),
            ("def test(self):\n    return 42", "Return value from test method ignored"),
        ],
    )
    def test_undecorated_methods(self, body, text):
        namespace = {}
        exec(body, namespace)
        case = type("Case", (AsyncTestCase,), {"test": namespace["test"]})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            assert text in run_case(case).errors[0][1]

    def test_bases_beside_it_are_set_up_too(self):
        events = []

        class Other(unittest.TestCase):
            def setUp(self):
                events.append("setUp")

            def tearDown(self):
                events.append("tearDown")

        class Case(AsyncTestCase, Other):
            def test(self):
                events.append("test")

        assert passes(Case)
        assert events == ["setUp", "test", "tearDown"]

    def test_a_shared_loop_is_left_open(self):
        shared = asyncio.new_event_loop()
        asyncio.set_event_loop(shared)

        class Case(AsyncTestCase):
            def get_new_ioloop(self):
                return IOLoop.current()

            def test(self):
                assert self.io_loop.asyncio_loop is shared

        with pytest.warns(DeprecationWarning, match="get_new_ioloop"):
            assert passes(Case)
        assert not shared.is_closed()
        shared.close()


class TestGenTest:
    def test_both_kinds_of_coroutine(self):
        seen = []

        class Case(AsyncTestCase):
            @gen_test
            def test(self):
                yield gen.moment
                seen.append("generator")

            @gen_test(timeout=10)
            async def test_native(self):
                """Native."""
                await gen.sleep(0)
                seen.append("native")

            @gen_test
            def test_plain(self):
                seen.append("plain")

        for name in ("test", "test_native", "test_plain"):
            assert run_case(Case, name).wasSuccessful()
        assert seen == ["generator", "native", "plain"]
        assert (Case.test_native.__name__, Case.test_native.__doc__) == ("test_native", "Native.")

    def test_failures(self):
        class Case(AsyncTestCase):
            @gen_test
            def test(self):
                yield gen.moment
                raise KeyError("generator")

            @gen_test
            async def test_native(self):
                self.assertEqual(1, 2)

        assert "KeyError: 'generator'" in run_case(Case).errors[0][1]
        assert "1 != 2" in run_case(Case, "test_native").failures[0][1]

    def test_arguments(self):
        class Case(AsyncTestCase):
            def test(self):
                @gen_test
                async def inner(self, a, *, b):
                    seen.append((a, b))

                seen = []
                inner(self, 1, b=2)
                assert seen == [(1, 2)]

        assert passes(Case)

    def test_a_timeout_shows_where_the_test_waits(self):
        class Case(AsyncTestCase):
            @gen_test(timeout=0.001)
            def test(self):
                yield asyncio.Event().wait()  # here it waits

            @gen_test(timeout=0.001)
            async def test_native(self):
                await asyncio.Event().wait()

        assert "here it waits" in run_case(Case).errors[0][1]
        assert "TimeoutError" in run_case(Case, "test_native").errors[0][1]

    def test_a_timeout_error_of_the_test_itself(self):
        class Case(AsyncTestCase):
            @gen_test
            def test(self):
                yield gen.moment
                raise TimeoutError("its own")

        assert "TimeoutError: its own" in run_case(Case).errors[0][1]

    def test_the_default_comes_from_the_environment(self, monkeypatch):
        monkeypatch.setenv("ASYNC_TEST_TIMEOUT", "0.001")

        class Case(AsyncTestCase):
            @gen_test
            async def test(self):
                await asyncio.Event().wait()

        assert "0.001 seconds" in run_case(Case).errors[0][1]


@pytest.mark.parametrize(("value", "seconds"), [(None, 5), ("12.5", 12.5), ("soon", 5), ("", 5)])
def test_get_async_test_timeout(monkeypatch, value, seconds):
    monkeypatch.delenv("ASYNC_TEST_TIMEOUT", raising=False)
    if value is not None:
        monkeypatch.setenv("ASYNC_TEST_TIMEOUT", value)
    assert get_async_test_timeout() == seconds


class TestBindUnusedPort:
    def test_listens_without_blocking(self):
        sock, port = bind_unused_port()
        with sock, socket.create_connection(("127.0.0.1", port)):
            assert sock.getsockname() == ("127.0.0.1", port)
            assert not sock.getblocking()

    @pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="no SO_REUSEPORT")
    def test_reuse_port(self):
        sock, port = bind_unused_port(reuse_port=True)
        with sock, socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            other.bind(("127.0.0.1", port))

    def test_an_address_of_another_machine(self):
        with pytest.raises(OSError):
            bind_unused_port(address="192.0.2.1")


class TestExpectLog:
    @pytest.fixture
    def logger(self):
        logger = logging.getLogger("pyframework.test_testing")
        logger.setLevel(logging.WARNING)
        yield logger
        logger.setLevel(logging.NOTSET)
        assert not logger.filters

    def test_swallows_what_matches(self, logger, caplog):
        with ExpectLog(logger, "one .* three") as expected:
            logger.warning("one %s three", "two")
            logger.warning("four")
        assert [record.getMessage() for record in caplog.records] == ["four"]
        assert expected.matched == 1
        assert not expected.logged_stack

    def test_by_name(self, logger, caplog):
        with ExpectLog(logger.name, "x"):
            logger.error("x")
        assert not caplog.records

    def test_nothing_logged(self, logger):
        with pytest.raises(Exception, match="did not get expected log message"):
            with ExpectLog(logger, "x"):
                logger.warning("y")
        with ExpectLog(logger, "x", required=False):
            pass

    def test_an_exception_in_the_block_goes_first(self, logger):
        with pytest.raises(KeyError):
            with ExpectLog(logger, "x"):
                raise KeyError

    def test_stacks(self, logger):
        with ExpectLog(logger, "x", required=False) as expected:
            try:
                raise KeyError
            except KeyError:
                logger.exception("something else")
        assert expected.logged_stack

    def test_level(self, logger, caplog):
        with ExpectLog(logger, "x", level=logging.INFO):
            logger.info("x")
            logger.warning("x")
        assert [record.levelno for record in caplog.records] == [logging.WARNING]
        assert logger.level == logging.WARNING

    def test_low_levels_are_to_be_named(self, logger):
        logger.setLevel(logging.INFO)
        with pytest.warns(DeprecationWarning, match="level"):
            with ExpectLog(logger, "x"):
                logger.info("x")
        with ExpectLog(logger, "x"):
            logger.info("x")
            logger.warning("x")

    def test_low_levels_need_no_name_where_no_message_is_required(self, logger):
        logger.setLevel(logging.INFO)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with ExpectLog(logger, "x", required=False) as expected:
                logger.info("x")
        assert expected.matched == expected.deprecated_level_matched == 1

    def test_bad_pattern(self, logger):
        with pytest.raises(Exception, match="unterminated"):
            ExpectLog(logger, "[")


def test_setup_with_context_manager():
    class Case(unittest.TestCase):
        def test(self):
            stream = setup_with_context_manager(self, io.StringIO("x"))
            assert stream.read() == "x"
            streams.append(stream)

    streams = []
    assert passes(Case)
    assert streams[0].closed


class FakeServer:
    def __init__(self, app, **options):
        self.app, self.options = app, options
        self.calls = []

    def add_sockets(self, sockets):
        [self.socket] = sockets

    def stop(self):
        self.calls.append("stop")
        self.socket.close()

    async def close_all_connections(self):
        self.calls.append("close_all_connections")


class FakeClient:
    closed = False

    async def fetch(self, url, **kwargs):
        return url, kwargs

    def close(self):
        self.closed = True


class FakeHTTP:
    """Puts stand-ins in the place of server and client: here it is about what the test case does with them."""

    def get_http_client(self):
        return FakeClient()

    def get_http_server(self):
        return FakeServer(self._app, **self.get_httpserver_options())

    def get_app(self):
        return "the app"


class TestHTTPTestCases:
    def test_life_of_server_and_client(self):
        class Case(FakeHTTP, AsyncHTTPTestCase):
            def test(self):
                made.extend([self.http_server, self.http_client])
                assert self.http_server.app == "the app"
                assert self.http_server.socket.getsockname()[1] == self.get_http_port()

        made = []
        case = Case("test")
        result = unittest.TestResult()
        case.run(result)
        assert result.wasSuccessful()
        server, client = made
        assert server.calls == ["stop", "close_all_connections"]
        assert client.closed
        assert not hasattr(case, "http_server")
        assert not hasattr(case, "_app")

    def test_fetch(self):
        class Case(FakeHTTP, AsyncHTTPTestCase):
            def test(self):
                url = f"http://127.0.0.1:{self.get_http_port()}/path"
                assert self.get_url("/path") == url
                assert self.fetch("/path", method="PUT") == (url, {"raise_error": False, "method": "PUT"})
                assert self.fetch("HTTPS://example.com/", True) == ("HTTPS://example.com/", {"raise_error": True})

        assert passes(Case)

    def test_get_app_must_be_defined(self):
        class Case(AsyncHTTPTestCase):
            def get_http_client(self):
                return FakeClient()

            def test(self):
                pass

        [(_, text)] = run_case(Case).errors
        assert "NotImplementedError" in text

    def test_https(self):
        class Case(FakeHTTP, AsyncHTTPSTestCase):
            def test(self):
                assert self.get_url("/").startswith("https://127.0.0.1:")
                options = self.http_server.options["ssl_options"]
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(options["certfile"], options["keyfile"])

        assert passes(Case)


class TestMain:
    def run(self, tmp_path, *arguments):
        (tmp_path / "some_test.py").write_text(
            textwrap.dedent(
                """
                import unittest
                class Good(unittest.TestCase):
                    def test(self): pass
                class Bad(unittest.TestCase):
                    def test_a(self): self.fail()
                    def test_b(self): self.fail()
                """
            )
        )
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
        command = [sys.executable, "-m", "pyframework.testing", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)

    def test_success_and_options(self, tmp_path):
        done = self.run(tmp_path, "--verbose", "some_test.Good")
        assert done.returncode == 0, done.stderr
        assert "test (some_test.Good.test) ... ok" in done.stderr

    def test_failure(self, tmp_path):
        done = self.run(tmp_path, "some_test")
        assert done.returncode == 1
        assert "failures=2" in done.stderr
        assert "failures=1" in self.run(tmp_path, "--failfast", "some_test").stderr

    def test_no_tests_named(self, tmp_path):
        done = self.run(tmp_path)
        assert done.returncode == 1
        assert "No tests specified" in done.stderr

    def test_unknown_options(self, tmp_path):
        done = self.run(tmp_path, "--nonsense", "some_test")
        assert done.returncode != 0


def test_traceback_of_a_failure_names_the_test():
    class Case(AsyncTestCase):
        @gen_test
        async def test(self):
            await fails()

    async def fails():
        raise KeyError("deep")

    [(_, text)] = run_case(Case).errors
    assert "await fails()" in text
