"""The client that Autobahn's fuzzing server tries: PORT AGENT. Plays all cases, sending every message back."""

import asyncio
import sys

from pyframework.websocket import WebSocketClientConnection, WebSocketClosedError, websocket_connect

MAX_MESSAGE_SIZE = 64 * 1024 * 1024  # the longest cases are of 16 MiB


async def connect(url: str) -> WebSocketClientConnection:
    return await websocket_connect(url, compression_options={}, max_message_size=MAX_MESSAGE_SIZE)


async def play(url: str) -> None:
    connection = await connect(url)
    async for message in connection:
        try:
            await connection.write_message(message, isinstance(message, bytes))
        except WebSocketClosedError:
            break
    connection.close()


async def main(port: int, agent: str) -> None:
    server = f"ws://127.0.0.1:{port}"
    connection = await connect(f"{server}/getCaseCount")
    count = int(str(await connection.read_message()))
    connection.close()
    for case in range(1, count + 1):
        await play(f"{server}/runCase?case={case}&agent={agent}")
    await play(f"{server}/updateReports?agent={agent}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
