"""Requests with an HTTP client, CONCURRENT at a time: PORT SECONDS LIBRARY. Prints the responses a second.

LIBRARY is tornado, which pyframework can stand in for, or aiohttp (on uvloop).
"""

import asyncio
import sys
import time

CONCURRENT = 32
ANSWER = b"Hello, world"


async def repeat(fetch, seconds):
    """Run `fetch` in CONCURRENT Tasks; return how often a second it gave the answer."""
    end = time.perf_counter() + seconds
    count = 0

    async def one_after_another():
        nonlocal count
        while time.perf_counter() < end:
            if await fetch() != ANSWER:
                sys.exit("a wrong answer came back")
            count += 1

    await asyncio.gather(*(one_after_another() for _ in range(CONCURRENT)))
    return count / seconds


async def with_tornado(url, seconds):
    import tornado
    from tornado.httpclient import AsyncHTTPClient

    print(tornado.__file__)
    client = AsyncHTTPClient(max_clients=CONCURRENT)

    async def fetch():
        return (await client.fetch(url)).body

    return await repeat(fetch, seconds)


async def with_aiohttp(url, seconds):
    import aiohttp

    print(aiohttp.__file__)
    async with aiohttp.ClientSession() as session:

        async def fetch():
            async with session.get(url) as response:
                return await response.read()

        return await repeat(fetch, seconds)


if __name__ == "__main__":
    url, seconds, library = f"http://127.0.0.1:{sys.argv[1]}/", float(sys.argv[2]), sys.argv[3]
    if library == "aiohttp":
        import uvloop

        print(uvloop.run(with_aiohttp(url, seconds)))
    else:
        from tornado.ioloop import IOLoop

        print(IOLoop.current().run_sync(lambda: with_tornado(url, seconds)))
