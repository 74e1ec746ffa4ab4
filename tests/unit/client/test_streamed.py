"""Responses in pieces."""

import asyncio
import gc

import pytest

from pyframework.httpclient import HTTPClientError, HTTPRequest
from pyframework.simple_httpclient import HTTPStreamClosedError, SimpleAsyncHTTPClient
from tests.unit.client.raw import OK, Conversation, Server, answering, play, redirect


def test_the_pieces_of_a_response() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        head = b"HTTP/1.1 200 Fine\r\nX-Mine: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
        server = Server(answering(head + b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"))
        for _ in range(2):
            async with client.stream(server.url()) as response:
                assert (response.code, response.reason, response.headers["X-Mine"]) == (200, "Fine", "1")
                assert b"".join([piece async for piece in response]) == b"abc"
        assert len(server.conversations) == 1
        server.stop()

    play(main)


def test_a_slow_reader_holds_the_server_back() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        size, sent = 64 << 20, 0

        async def talk(conversation: Conversation) -> None:
            nonlocal sent
            await conversation.answer(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
            while sent < size:
                await conversation.stream.write(bytes(1 << 20))
                sent += 1 << 20

        server = Server(talk)
        async with client.stream(server.url()) as response:
            received = len(await anext(aiter(response)))
            before = -1
            while before != sent:  # until the server gets no further
                before = sent
                for _ in range(100):
                    await asyncio.sleep(0)
            assert sent < size
            async for piece in response:
                received += len(piece)
        assert received == size
        server.stop()

    play(main, max_body_size=1 << 30)


def test_leaving_early_ends_the_request() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        closed = asyncio.Event()

        async def talk(conversation: Conversation) -> None:
            await conversation.answer(b"HTTP/1.1 200 OK\r\n\r\nfirst")
            await conversation.stream.read_until_close()
            closed.set()

        server = Server(talk)
        async with client.stream(server.url()) as response:
            assert await anext(aiter(response)) == b"first"
        await closed.wait()
        assert not client.active
        server.stop()

    play(main)


def test_a_stream_of_no_success() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        server = Server(answering(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone"))
        with pytest.raises(HTTPClientError, match="HTTP 404: Not Found"):
            async with client.stream(server.url()):
                raise AssertionError("entered")
        async with client.stream(server.url(), raise_error=False) as response:
            assert response.code == 404
            assert [piece async for piece in response] == [b"gone"]
        server.stop()
        with pytest.raises(OSError):
            async with client.stream(server.url(), keep_alive=False):
                raise AssertionError("entered")

    play(main)


def test_a_stream_that_is_cut() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        async def talk(conversation: Conversation) -> None:
            await conversation.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfirst")

        server = Server(talk)
        with pytest.raises(HTTPStreamClosedError):
            async with client.stream(server.url()) as response:
                async for _ in response:
                    pass
        server.stop()

    play(main)


def test_the_rest_at_once_after_a_redirect() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        server = Server(answering(redirect(302, "/there"), OK))
        async with client.stream(HTTPRequest(server.url("/here"))) as response:
            assert response.effective_url == server.url("/there")
            assert await response.read() == b"ok"
            assert await response.read() == b""
        server.stop()

    play(main)


def test_the_error_has_the_head() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        server = Server(answering(b"HTTP/1.1 429 Slow\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n"))
        with pytest.raises(HTTPClientError) as caught:
            async with client.stream(server.url()):
                raise AssertionError("entered")
        response = caught.value.response
        assert response is not None and response.headers["Retry-After"] == "9"
        assert response.effective_url == server.url()
        with pytest.raises(HTTPClientError, match="429"):
            await client.fetch(response.request)  # like any other
        server.stop()

    play(main)


def test_leaving_before_its_turn() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        asked = []
        go_on = asyncio.Event()

        async def talk(conversation: Conversation) -> None:
            while True:
                start_line, *_ = await conversation.request()
                asked.append(start_line.split()[1])
                await go_on.wait()
                await conversation.stream.write(OK)

        server = Server(talk)
        first = client.fetch(server.url("/first"))

        async def enter() -> None:
            async with client.stream(server.url("/second")):
                raise AssertionError("entered")

        entering = asyncio.create_task(enter())
        while not client.queue:
            await asyncio.sleep(0)
        entering.cancel()
        await asyncio.wait([entering])
        assert entering.cancelled()
        go_on.set()
        await first
        await client.fetch(server.url("/third"))
        assert asked == ["/first", "/third"]
        server.stop()

    play(main, max_clients=1)


def test_leaving_while_connecting() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        server = Server()

        async def enter() -> None:
            async with client.stream(server.url()):
                raise AssertionError("entered")

        entering = asyncio.create_task(enter())
        while not client.active:
            await asyncio.sleep(0)
        entering.cancel()
        await asyncio.wait([entering])
        assert entering.cancelled() and not client.active
        server.stop()

    play(main)


def test_only_inside_of_the_block() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        server = Server(answering(b"HTTP/1.1 200 OK\r\n\r\nfirst"))
        response = client.stream(server.url())
        with pytest.raises(RuntimeError, match="inside"):
            await anext(aiter(response))
        async with response:
            pass
        with pytest.raises(RuntimeError, match="inside"):
            await response.read()
        with pytest.raises(RuntimeError, match="once"):
            async with response:
                raise AssertionError("entered")
        with pytest.raises(ValueError, match="method"):
            client.stream(HTTPRequest(server.url()), method="GET")
        server.stop()

    play(main)


def test_who_has_left_hears_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        server = Server(lambda conversation: conversation.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfirst"))
        async with client.stream(server.url()):
            while client.active:
                await asyncio.sleep(0)
        server.stop()

    play(main)
    gc.collect()
    assert not caplog.records
