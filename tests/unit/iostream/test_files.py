"""IOStream.write_file: parts of files between other writes, from where they are mapped, by sendfile, and without."""

import asyncio
import errno
import os
import random
import socket
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from pyframework import web
from pyframework.httpserver import HTTPServer
from pyframework.iostream import IOStream, StreamClosedError
from tests.unit.iostream.test_socket import pair
from tests.unit.iostream.test_tls import tls_pair

Play = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]

CONTENT = random.Random(1).randbytes(5_000_000)


class HookedStream(IOStream):
    """Not a plain socket's: whatever is sent passes this method."""

    def write_to_fd(self, data: memoryview) -> int:
        return super().write_to_fd(data[:50_000])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(CONTENT)
    return tmp_path / "file"


async def send_all(near: Any, far: Any, path: Path) -> None:
    reading = asyncio.ensure_future(far.read_bytes(len(CONTENT) + 10 + 3_000_000 + 4))
    with path.open("rb") as file:
        near.write(b"head")
        near.write_file(file.fileno(), 0, len(CONTENT))
        near.write(b"middle")
        near.write_file(file.fileno(), 7, 0)
        last = near.write_file(file.fileno(), 1_000_000, 3_000_000)
        near.write(b"tail")
    await last
    assert await reading == b"head" + CONTENT + b"middle" + CONTENT[1_000_000:4_000_000] + b"tail"
    assert not near.writing()


@pytest.mark.parametrize("mapped", [True, False])
def test_plain(play: Play, path: Path, mapped: bool) -> None:
    async def main() -> None:
        with pair() as (near, far):
            near._near = mapped
            await send_all(near, far, path)

    play(main)


def test_peers_on_this_machine(play: Play, path: Path) -> None:
    async def main() -> None:
        with pair() as (near, far), path.open("rb") as file:
            assert near._near is None
            near.write_file(file.fileno(), 0, 10)
            assert near._near is True
            assert await far.read_bytes(10) == CONTENT[:10]

    play(main)


def test_what_waits_of_files_is_no_memory(play: Play, path: Path) -> None:
    async def main() -> None:
        class Site(web.RequestHandler):
            async def get(self) -> None:
                with path.open("rb") as file:
                    for _ in range(20):  # of which the kernel takes only some
                        self.write_file(file)
                    self.flush()

        server = HTTPServer(web.Application([("/", Site)]), max_unsent_size=1_000_000)
        near, far = socket.socketpair()
        server.handle_stream(IOStream(near), None)
        client = IOStream(far, max_buffer_size=200_000_000)
        await client.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert len(await client.read_until_close()) > 20 * len(CONTENT)
        await server.close_all_connections()

    play(main)


def test_a_file_that_changes_between_two_writes(play: Play, path: Path) -> None:
    async def main() -> None:
        with pair() as (near, far), path.open("r+b") as file:
            near.write_file(file.fileno(), 0, len(CONTENT))
            assert await far.read_bytes(len(CONTENT)) == CONTENT
            file.write(b"other")
            file.seek(0, os.SEEK_END)
            file.write(b"longer")
            file.flush()
            near.write_file(file.fileno(), 0, len(CONTENT) + 6)
            assert await far.read_bytes(len(CONTENT) + 6) == b"other" + CONTENT[5:] + b"longer"

    play(main)


def test_a_file_that_becomes_shorter_while_it_is_mapped(
    play: Play, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        with pair() as (near, far), path.open("r+b") as file:
            near.write(bytes(20_000_000))  # more than the kernel takes
            sent = near.write_file(file.fileno(), 0, len(CONTENT))
            file.truncate(10)
            reading = asyncio.ensure_future(far.read_until_close())
            with pytest.raises(StreamClosedError):
                await sent
            assert len(await reading) < 20_000_000 + len(CONTENT)

    play(main)
    assert ["shorter" in record.getMessage() for record in caplog.records] == [True]


def test_a_mapping_goes_when_nobody_needs_it(play: Play, path: Path) -> None:
    def mapped() -> bool:
        return str(path) in Path("/proc/self/maps").read_text()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        timers: list[Any] = []
        call_later, loop.call_later = loop.call_later, lambda *timer: timers.append(timer)  # type: ignore[method-assign,assignment]
        try:
            with pair() as (near, far), path.open("rb") as file:
                near.write_file(file.fileno(), 0, 10)
                await far.read_bytes(10)
                assert mapped()
                (timer,) = timers
                timers.clear()
                del timer
                assert not mapped()
        finally:
            loop.call_later = call_later  # type: ignore[method-assign]

    if sys.platform != "linux":
        pytest.skip("reads /proc")
    play(main)


def test_tls(play: Play, path: Path) -> None:
    async def main() -> None:
        near, far = await tls_pair()
        await send_all(near, far, path)
        near.close()
        far.close()

    play(main)


def test_a_subclass_with_its_own_way_to_write(play: Play, path: Path) -> None:
    async def main() -> None:
        with pair() as (plain, far):
            near = HookedStream(plain.socket.dup())
            await send_all(near, far, path)
            near.close()

    play(main)


def test_a_file_that_sendfile_does_not_take(play: Play, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def sendfile(*args: object) -> int:
        raise OSError(errno.EINVAL, "no pages")

    monkeypatch.setattr(os, "sendfile", sendfile)

    async def main() -> None:
        with pair() as (near, far):
            near._near = False
            await send_all(near, far, path)

    play(main)


@pytest.mark.parametrize("secure", [False, True])
def test_a_file_that_becomes_shorter(
    play: Play, path: Path, caplog: pytest.LogCaptureFixture, secure: bool
) -> None:
    async def main() -> None:
        streams: Any
        with pair() as (near, far):
            streams = await tls_pair() if secure else (near, far)
            reading = asyncio.ensure_future(streams[1].read_until_close())
            with path.open("rb") as file:
                with pytest.raises(StreamClosedError):
                    await streams[0].write_file(file.fileno(), 4_000_000, 1_000_001)
            assert len(await reading) == 1_000_000
            for stream in streams:
                stream.close()

    play(main)
    assert ["shorter" in record.getMessage() for record in caplog.records] == [True]


def test_the_descriptor_is_closed(play: Play, path: Path) -> None:
    async def main() -> None:
        with pair() as (near, far):
            near._near = False
            before = len(os.listdir("/dev/fd"))
            with path.open("rb") as file:
                near.write_file(file.fileno(), 0, len(CONTENT))
            assert len(os.listdir("/dev/fd")) == before + 1
            near.close()
            await asyncio.sleep(0)
            assert len(os.listdir("/dev/fd")) == before - 1
            with pytest.raises(StreamClosedError):
                near.write_file(0, 0, 1)
            with pytest.raises(ValueError, match="-1 bytes"):
                far.write_file(0, 0, -1)

    play(main)
