"""Where a response sends us, and what goes along."""

import base64

import pytest

from pyframework.simple_httpclient import SimpleAsyncHTTPClient
from tests.unit.client.raw import OK, Conversation, Server, play, redirect


@pytest.mark.parametrize("same_origin", [True, False])
def test_credentials_stay_with_their_origin(same_origin: bool) -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        seen: list[tuple[str | None, str | None, str | None]] = []

        async def end(conversation: Conversation) -> None:
            while True:
                _, headers, _ = await conversation.request()
                seen.append((headers.get("Authorization"), headers.get("Cookie"), headers.get("X-Mine")))
                await conversation.stream.write(OK)

        other = Server(end)
        server = Server()

        async def talk(conversation: Conversation) -> None:
            location = "/there" if same_origin else other.url("/there")
            await conversation.answer(redirect(302, location))
            await end(conversation)

        server.talk = talk
        response = await client.fetch(
            server.url("/here"),
            auth_username="me",
            auth_password="secret",
            headers={"Cookie": "a=b", "X-Mine": "yes"},
        )
        assert response.effective_url.endswith("/there")
        assert response.request.url.endswith("/here")
        assert seen == [("Basic bWU6c2VjcmV0", "a=b", "yes")] if same_origin else [(None, None, "yes")]
        server.stop()
        other.stop()

    play(main)


@pytest.mark.parametrize(
    ("code", "method", "then"),
    [
        (301, "POST", "GET"), (302, "POST", "GET"), (303, "POST", "GET"), (303, "PUT", "GET"), (302, "PUT", "PUT"),
        (307, "POST", "POST"), (308, "POST", "POST"), (303, "HEAD", "HEAD"), (301, "GET", "GET"),
    ],
)  # fmt: skip
def test_what_is_asked_after_a_redirect(code: int, method: str, then: str) -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        asked = []

        async def talk(conversation: Conversation) -> None:
            while True:
                start_line, headers, body = await conversation.request()
                asked.append((start_line.split()[0], body, headers.get("Content-Type")))
                if len(asked) == 1:
                    await conversation.stream.write(redirect(code, "/there"))
                else:
                    await conversation.stream.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        server = Server(talk)
        body = b"x=1" if method in ("POST", "PUT") else None
        await client.fetch(server.url(), method=method, body=body, headers={"Content-Type": "text/x"})
        kept = then == method
        assert asked[1] == (then, body or b"" if kept else b"", "text/x" if kept else None)
        server.stop()

    play(main)


def test_another_origin_does_not_choose_who_we_are() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        seen = []

        async def end(conversation: Conversation) -> None:
            _, headers, _ = await conversation.request()
            seen.append(headers.get("Authorization"))
            await conversation.stream.write(OK)

        other = Server(end)
        server = Server()
        server.talk = lambda conversation: conversation.answer(
            redirect(302, f"http://them:secret@127.0.0.1:{other.port}/there")
        )
        response = await client.fetch(server.url())
        assert seen == [None]
        assert response.effective_url == other.url("/there")
        server.stop()
        other.stop()

    play(main)


def test_credentials_of_the_url_go_where_it_leads_relative_to_it() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        seen = []

        async def talk(conversation: Conversation) -> None:
            while True:
                start_line, headers, _ = await conversation.request()
                seen.append(headers.get("Authorization"))
                await conversation.stream.write(redirect(302, "/there") if "/here" in start_line else OK)

        server = Server(talk)
        await client.fetch(server.url("/here").replace("//", "//me:a%3Ab@"))
        assert seen == ["Basic " + base64.b64encode(b"me:a:b").decode()] * 2
        server.stop()

    play(main)


def test_the_request_stays_as_it_was() -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        async def talk(conversation: Conversation) -> None:
            while True:
                start_line, *_ = await conversation.request()
                await conversation.stream.write(redirect(303, "/there") if "/here" in start_line else OK)

        server = Server(talk)
        response = await client.fetch(
            server.url("/here"), method="POST", body=b"x", headers={"X-Mine": "1"}, auth_username="me"
        )
        request = response.request
        assert (request.url, request.method, request.body) == (server.url("/here"), "POST", b"x")
        assert request.headers["X-Mine"] == "1" and request.headers["Content-Length"] == "1"
        assert not {"Connection", "Authorization"} & set(request.headers)
        assert (await client.fetch(request)).effective_url == server.url("/there")
        other = Server(talk)
        request.url = other.url("/elsewhere")
        assert (await client.fetch(request)).request.headers["Host"] == other.url("").removeprefix("http://").rstrip("/")
        server.stop()
        other.stop()

    play(main)


@pytest.mark.parametrize("location", ["ftp://127.0.0.1/", "http://[", "h:5"])
def test_a_location_that_leads_nowhere(location: str) -> None:
    async def main(client: SimpleAsyncHTTPClient) -> None:
        server = Server(lambda conversation: conversation.answer(redirect(302, location)))
        with pytest.raises(ValueError):
            await client.fetch(server.url())
        assert not client.active
        server.stop()

    play(main)
