"""httpx's AsyncClient against our server."""

import asyncio

import pytest

from pyframework.web import Application, RequestHandler
from tests.libraries.conftest import Play

httpx = pytest.importorskip("httpx")


class Echo(RequestHandler):
    def get(self) -> None:
        self.write(self.get_argument("q"))

    def post(self) -> None:
        self.write(self.request.body)


class Count(RequestHandler):
    async def get(self) -> None:
        for number in range(5):
            self.write(f"{number}\n")
            await self.flush()


def test_client(play: Play) -> None:
    async def main() -> None:
        server = Application([("/", Echo), ("/count", Count)]).listen(0, "127.0.0.1")
        port = next(iter(server._sockets.values())).getsockname()[1]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            answers = await asyncio.gather(*(client.get("/", params={"q": str(n)}) for n in range(20)))
            assert [answer.text for answer in answers] == [str(n) for n in range(20)]
            assert (await client.post("/", content=b"x" * 200_000)).content == b"x" * 200_000
            async with client.stream("GET", "/count") as response:
                assert [line async for line in response.aiter_lines()] == ["0", "1", "2", "3", "4"]
        server.stop()
        await server.close_all_connections()

    play(main())
