"""Jars."""

import http.cookiejar

from pyframework.simple_httpclient import SimpleAsyncHTTPClient
from tests.unit.client.raw import OK, Conversation, Server, play, redirect


def test_a_jar_keeps_cookies_and_gives_them_back() -> None:
    seen = []

    async def main(client: SimpleAsyncHTTPClient) -> None:
        async def talk(conversation: Conversation) -> None:
            while True:
                start_line, headers, _ = await conversation.request()
                seen.append(headers.get("Cookie"))
                if "/login" in start_line:
                    await conversation.stream.write(redirect(302, "/in", "Set-Cookie: user=me; Path=/\r\n"))
                else:
                    await conversation.stream.write(OK)

        client.cookie_jar = http.cookiejar.CookieJar()
        server = Server(talk)
        await client.fetch(server.url("/login"))
        await client.fetch(server.url("/again"))
        await client.fetch(server.url("/mine"), headers={"Cookie": "other=1"})
        server.stop()

    play(main)
    assert seen == [None, "user=me", "user=me", "other=1"] * 2


def test_the_callers_own_cookie_goes_along() -> None:
    seen = []

    async def main(client: SimpleAsyncHTTPClient) -> None:
        async def talk(conversation: Conversation) -> None:
            while True:
                start_line, headers, _ = await conversation.request()
                seen.append(headers.get("Cookie"))
                await conversation.stream.write(redirect(302, "/there") if "/here" in start_line else OK)

        server = Server(talk)
        await client.fetch(server.url("/here"), headers={"Cookie": "mine=1"})
        server.stop()

    play(main, cookie_jar=http.cookiejar.CookieJar())
    assert seen == ["mine=1", "mine=1"] * 2


def test_a_jar_gives_no_cookie_to_another_host() -> None:
    seen = []

    async def main(client: SimpleAsyncHTTPClient) -> None:
        async def talk(conversation: Conversation) -> None:
            while True:
                _, headers, _ = await conversation.request()
                seen.append(headers.get("Cookie"))
                await conversation.stream.write(OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=1\r\n\r\n"))

        server = Server(talk)
        for host in ("127.0.0.1", "127.0.0.1", "localhost"):
            await client.fetch(server.url().replace("127.0.0.1", host))
        server.stop()

    play(main, cookie_jar=http.cookiejar.CookieJar())
    assert seen[:3] == [None, "a=1", None]
