"""The client that Autobahn's fuzzing server tries: PORT AGENT. Plays all cases, sending every message back.

Messages are answered by a callback, so that an answer has left before the next frame, which may be wrong, is looked at.
"""

import asyncio
import sys

from pyframework.websocket import websocket_connect

MAX_MESSAGE_SIZE = 64 * 1024 * 1024  # the longest cases are of 16 MiB


async def play(url: str) -> None:
    """Send back what comes, until the server closes."""
    ended = asyncio.Event()

    def answer(message: str | bytes | None) -> None:
        if message is None:
            ended.set()
        else:
            connection.write_message(message, isinstance(message, bytes))

    connection = await websocket_connect(
        url, on_message_callback=answer, compression_options={}, max_message_size=MAX_MESSAGE_SIZE
    )
    await ended.wait()
    connection.close()


async def main(port: int, agent: str) -> None:
    server = f"ws://127.0.0.1:{port}"
    connection = await websocket_connect(f"{server}/getCaseCount")
    count = int(str(await connection.read_message()))
    connection.close()
    for case in range(1, count + 1):
        await play(f"{server}/runCase?case={case}&agent={agent}")
    await play(f"{server}/updateReports?agent={agent}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
