"""Small programs on Tornado's API, without a network peer: NAME SECONDS. Prints how often a second it did it."""

import asyncio
import socket
import sys
import time

import tornado
from tornado import gen, locks, queues
from tornado.ioloop import IOLoop
from tornado.iostream import IOStream

BATCH = 2000


def tcp_pair():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return socket.create_connection(listener.getsockname()), listener.accept()[0]


async def messages(seconds, pair=tcp_pair):
    """1 MiB at a time from one stream into the buffer of another."""
    near, far = map(IOStream, pair())
    data, buffer = memoryview(bytes(1 << 20)), bytearray(1 << 20)
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        sent = near.write(data)
        await far.read_into(buffer)
        await sent
        count += 1
    rate = count / (time.perf_counter() - start)
    near.close()
    far.close()
    return rate


def repeated(batch):
    """A program that runs `batch`, a coroutine function for BATCH operations, again and again."""

    async def run(seconds):
        await batch()
        count, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds:
            await batch()
            count += BATCH
        return count / (time.perf_counter() - start)

    return run


@gen.coroutine
def yield_done():
    done = asyncio.Future()
    done.set_result(None)
    for _ in range(BATCH):
        yield done


@gen.coroutine
def returning(value):
    if value is None:
        yield gen.moment
    return value


@gen.coroutine
def call_coroutine():
    for number in range(BATCH):
        yield returning(number)


async def put_and_get():
    queue = queues.Queue()
    for number in range(BATCH):
        await queue.put(number)
        await queue.get()


async def acquire_and_release():
    lock = locks.Lock()
    for _ in range(BATCH):
        async with lock:
            pass


PROGRAMS = {
    "messages": messages,
    "messages-unix": lambda seconds: messages(seconds, socket.socketpair),
    "yield": repeated(yield_done),
    "coroutine": repeated(call_coroutine),
    "queue": repeated(put_and_get),
    "lock": repeated(acquire_and_release),
}

if __name__ == "__main__":
    program, seconds = PROGRAMS[sys.argv[1]], float(sys.argv[2])
    print(tornado.__file__)
    print(IOLoop.current().run_sync(lambda: program(seconds)))
