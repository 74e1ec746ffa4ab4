"""Coroutines that the tests wait for."""

import asyncio

from pyframework import gen

LONG = 30  # seconds that a test never lasts unless it hangs


@gen.coroutine
def after_a_moment(result):
    yield gen.moment
    return result


@gen.coroutine
def fails_after_a_moment(error):
    yield gen.moment
    raise error


async def native(result):
    await asyncio.sleep(0)
    return result
