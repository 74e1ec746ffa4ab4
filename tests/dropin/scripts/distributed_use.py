"""What programs do with distributed: frames over IOStream, TLS and WebSockets, clusters in threads and processes."""

import asyncio
import json
import urllib.request
from operator import add

import numpy
import pytest
from distributed import (
    Client,
    Event,
    LocalCluster,
    Lock,
    Nanny,
    Queue,
    Scheduler,
    Semaphore,
    Variable,
    Worker,
    as_completed,
    wait,
)
from distributed.comm import connect, listen
from distributed.comm.core import CommClosedError
from distributed.protocol import to_serialize
from distributed.security import Security
from distributed.utils_test import div, inc, slowinc

TRANSPORTS = ["tcp", "tls", "ws", "wss", "inproc"]


@pytest.fixture(params=TRANSPORTS)
def transport(request):
    """A scheme, and the arguments that a listener and a client of it want."""
    if request.param not in ("tls", "wss"):
        return request.param, {}, {}
    security = Security.temporary()
    return request.param, security.get_listen_args("scheduler"), security.get_connection_args("client")


@pytest.fixture
async def echo(transport):
    """The address of a server that sends back what it gets, and the arguments to connect to it."""
    scheme, listening, connecting = transport

    async def handle(comm):
        try:
            while True:
                await comm.write(await comm.read())
        except CommClosedError:
            pass

    address = f"{scheme}://" if scheme == "inproc" else f"{scheme}://127.0.0.1:0"
    async with listen(address, handle, deserialize=True, **listening) as listener:
        yield listener.contact_address, connecting


@pytest.mark.parametrize("size", [0, 1, 1000, 65_536, 1_000_000, 30_000_000])
async def test_arrays_there_and_back(echo, size):
    address, options = echo
    comm = await connect(address, **options)
    array = numpy.random.default_rng(1).integers(0, 255, size, dtype="u1")
    await comm.write({"op": "put", "data": to_serialize(array)})
    assert (numpy.asarray((await comm.read())["data"]) == array).all()
    await comm.close()


async def test_many_small_messages(echo):
    address, options = echo
    comm = await connect(address, **options)
    for number in range(300):
        await comm.write({"number": number})
        assert await comm.read() == {"number": number}
    await comm.close()


async def test_messages_ahead_of_their_answers(echo):
    address, options = echo
    comm = await connect(address, **options)
    for number in range(20):
        await comm.write({"number": number, "data": to_serialize(numpy.full(1000, number))})
    assert [(await comm.read())["number"] for _ in range(20)] == list(range(20))
    await comm.close()


async def test_many_arrays_in_one_message(echo):
    address, options = echo
    comm = await connect(address, **options)
    arrays = [to_serialize(numpy.full(n, n, dtype="i8")) for n in range(200)]
    await comm.write({"data": arrays})
    assert [len(numpy.asarray(array)) for array in (await comm.read())["data"]] == list(range(200))
    await comm.close()


async def test_several_clients(echo):
    address, options = echo

    async def talk(number):
        comm = await connect(address, **options)
        await comm.write(number)
        got = await comm.read()
        await comm.close()
        return got

    assert await asyncio.gather(*map(talk, range(20))) == list(range(20))


async def test_a_peer_that_goes(transport):
    scheme, listening, connecting = transport

    async def handle(comm):
        await comm.read()
        comm.abort()

    address = f"{scheme}://" if scheme == "inproc" else f"{scheme}://127.0.0.1:0"
    async with listen(address, handle, **listening) as listener:
        comm = await connect(listener.contact_address, **connecting)
        await comm.write("go")
        with pytest.raises(CommClosedError):
            await comm.read()
        assert comm.closed()
        with pytest.raises(CommClosedError):
            await comm.write("more")


async def test_addresses(echo):
    address, options = echo
    comm = await connect(address, **options)
    assert comm.peer_address.partition("://")[0] == address.partition("://")[0]
    assert comm.local_address
    comm.abort()
    assert comm.closed()


async def test_nobody_listens():
    with pytest.raises(OSError):
        await connect("tcp://127.0.0.1:1", timeout=0.5)


@pytest.fixture(params=["tcp", "ws", "tls"])
async def cluster(request):
    """A client of a scheduler and two workers, all in this process."""
    security = Security.temporary() if request.param == "tls" else None
    options = {"protocol": request.param, "host": "127.0.0.1", "port": 0, "dashboard_address": ":0"}
    async with Scheduler(**options, security=security) as s:
        async with (
            Worker(s.address, nthreads=1, security=security) as a,
            Worker(s.address, nthreads=2, security=security) as b,
            Client(s.address, asynchronous=True, security=security) as c,
        ):
            yield c, s, a, b


async def test_map_and_gather(cluster):
    c, *_ = cluster
    assert await c.gather(c.map(inc, range(100))) == list(range(1, 101))
    assert await c.submit(sum, c.map(inc, range(10))) == 55


async def test_data_goes_from_worker_to_worker(cluster):
    c, s, a, b = cluster
    x = c.submit(numpy.ones, 2_000_000, workers=a.address, key="x")
    y = c.submit(numpy.sum, x, workers=b.address, key="y", allow_other_workers=False)
    assert await y == 2_000_000
    assert "x" in b.data


async def test_scatter_and_broadcast(cluster):
    c, s, a, b = cluster
    array = numpy.arange(1_000_000)
    [future] = await c.scatter([array], broadcast=True)
    assert (await c.gather(future) == array).all()
    assert len(await c.who_has([future]))


async def test_errors_come_back(cluster):
    c, *_ = cluster
    with pytest.raises(ZeroDivisionError):
        await c.submit(div, 1, 0)


async def test_cancel(cluster):
    c, s, a, b = cluster
    futures = c.map(slowinc, range(20), delay=0.1)
    await c.cancel(futures)
    assert all(future.cancelled() for future in futures)


async def test_as_completed_and_wait(cluster):
    c, *_ = cluster
    assert sorted([await f async for f in as_completed(c.map(inc, range(10)))]) == list(range(1, 11))
    done, waiting = await wait(c.map(inc, range(5)))
    assert len(done) == 5 and not waiting


async def test_coordination(cluster):
    c, *_ = cluster
    queue, variable, event = await Queue("q", client=c), Variable("v", client=c), Event("e", client=c)
    await queue.put(1)
    assert await queue.get() == 1
    await variable.set(2)
    assert await variable.get() == 2
    await event.set()
    assert await event.wait(5)
    async with Lock("l", client=c), Semaphore(2, name="s"):
        pass


async def test_publish_and_events(cluster):
    c, *_ = cluster
    await c.publish_dataset(c.submit(inc, 1), name="n")
    assert await (await c.get_dataset("n")) == 2
    await c.log_event("topic", {"a": 1})
    assert (await c.get_events("topic"))[0][1] == {"a": 1}


async def test_run_everywhere(cluster):
    c, s, a, b = cluster
    assert await c.run(lambda dask_worker: dask_worker.address) == {a.address: a.address, b.address: b.address}
    assert await c.run_on_scheduler(lambda dask_scheduler: dask_scheduler.address) == s.address


async def test_actors(cluster):
    class Counter:
        n = 0

        def add(self, by):
            self.n += by
            return self.n

    c, *_ = cluster
    counter = await c.submit(Counter, actor=True)
    assert [await counter.add(2) for _ in range(3)] == [2, 4, 6]


async def test_a_worker_leaves(cluster):
    c, s, a, b = cluster
    futures = await c.scatter(list(range(20)))
    await s.retire_workers([a.address])
    assert await c.gather(futures) == list(range(20))
    assert list(s.workers) == [b.address]


PAGES = ["status", "health", "info/main/workers.html", "json/counts.json", "individual-plots.json"]


@pytest.mark.parametrize("page", PAGES)
async def test_dashboard(page):
    async with Scheduler(host="127.0.0.1", port=0, dashboard_address="127.0.0.1:0") as s, Worker(s.address):
        url = f"http://127.0.0.1:{s.http_server.port}/{page}"
        with await asyncio.to_thread(urllib.request.urlopen, url) as answer:
            body = answer.read()
        assert answer.status == 200 and body
        if page.endswith("json"):
            json.loads(body)


@pytest.mark.parametrize("processes", [False, True])
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_blocking_client(processes):
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=processes, dashboard_address=":0") as cluster:
        with Client(cluster) as client:
            assert client.submit(add, 1, 2).result() == 3
            assert client.gather(client.map(inc, range(50))) == list(range(1, 51))
            [big] = client.scatter([b"x" * 5_000_000])
            assert client.submit(len, big).result() == 5_000_000
            assert client.ncores() and client.scheduler_info()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_a_nanny_starts_its_worker_again():
    async with Scheduler(host="127.0.0.1", port=0, dashboard_address=":0") as s, Nanny(s.address, nthreads=1) as nanny:
        async with Client(s.address, asynchronous=True) as c:
            before = nanny.pid
            await c.restart()
            assert nanny.pid != before
            assert await c.submit(inc, 1) == 2
