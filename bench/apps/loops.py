"""Small programs on asyncio's API, without a network peer: NAME SECONDS LOOP. Prints how often a second it did it.

LOOP is asyncio, uvloop or pyframework.
"""

import asyncio
import sys
import time

BATCH = 2000


async def call_soon(loop):
    """BATCH callbacks, 100 of them waiting at a time."""
    done = loop.create_future()
    left = BATCH

    def step():
        nonlocal left
        left -= 1
        if left >= 100:
            loop.call_soon(step)
        elif not left:
            done.set_result(None)

    for _ in range(100):
        loop.call_soon(step)
    await done


async def call_later(loop):
    """BATCH timers set and cancelled, among a hundred that stay."""
    staying = [loop.call_later(60 + number, print) for number in range(100)]
    for number in range(BATCH):
        loop.call_later(30 + number % 60, print).cancel()
        if number % 100 == 99:
            await asyncio.sleep(0)
    for timer in staying:
        timer.cancel()


async def tasks(loop):
    """Two Tasks that wake each other, BATCH times."""
    ping, pong = asyncio.Queue(), asyncio.Queue()

    async def answer():
        for _ in range(BATCH):
            pong.put_nowait(await ping.get())

    answering = loop.create_task(answer())
    for number in range(BATCH):
        ping.put_nowait(number)
        await pong.get()
    await answering


async def executor(loop):
    """BATCH functions in another thread, one after the other."""
    for _ in range(BATCH):
        await loop.run_in_executor(None, int)


PROGRAMS = {"call_soon": call_soon, "call_later": call_later, "tasks": tasks, "executor": executor}


async def main(program, seconds):
    loop = asyncio.get_running_loop()
    kind = type(loop)
    print(asyncio.__file__, f"{kind.__module__}.{kind.__qualname__}")
    await program(loop)
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        await program(loop)
        count += BATCH
    print(count / (time.perf_counter() - start))


if __name__ == "__main__":
    name, seconds, loop = sys.argv[1], float(sys.argv[2]), sys.argv[3]
    if loop == "asyncio":
        asyncio.run(main(PROGRAMS[name], seconds))
    elif loop == "uvloop":
        import uvloop

        uvloop.run(main(PROGRAMS[name], seconds))
    else:
        import pyframework

        pyframework.run(main(PROGRAMS[name], seconds))
