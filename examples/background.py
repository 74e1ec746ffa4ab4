"""Background work: a request queues a job and is answered at once; workers do the jobs in threads, two at a time.

    python examples/background.py [--port=8888]  then curl -d n=30 http://127.0.0.1:8888/jobs
"""

from typing import Any

from pyframework import web
from pyframework.ioloop import IOLoop
from pyframework.options import define, options, parse_command_line
from pyframework.queues import Queue, QueueFull

define("port", default=8888, help="the port to listen on")

WORKERS = 2
WAITING = 100
LARGEST = 35


def fibonacci(n: int) -> int:
    """A slow one, on purpose."""
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


class Jobs:
    """What is to be done, and what was."""

    def __init__(self) -> None:
        self.results: list[int | None] = []
        self.queue: Queue[tuple[int, int]] = Queue(maxsize=WAITING)

    def add(self, n: int) -> int:
        self.queue.put_nowait((len(self.results), n))
        self.results.append(None)
        return len(self.results) - 1

    async def work(self) -> None:
        async for number, n in self.queue:
            self.results[number] = await IOLoop.current().run_in_executor(None, fibonacci, n)
            self.queue.task_done()


class NewJob(web.RequestHandler):
    def initialize(self, jobs: Jobs) -> None:
        self.jobs = jobs

    def post(self) -> None:
        n = self.get_body_argument("n")
        if not n.isdecimal() or int(n) > LARGEST:
            raise web.HTTPError(400, reason=f"n is a number up to {LARGEST}")
        try:
            number = self.jobs.add(int(n))
        except QueueFull:
            raise web.HTTPError(503, reason="Too many jobs wait") from None
        self.set_status(202)
        self.set_header("Location", f"/jobs/{number}")
        self.write({"job": number})


class OneJob(web.RequestHandler):
    def initialize(self, jobs: Jobs) -> None:
        self.jobs = jobs

    def get(self, number: str) -> None:
        if int(number) >= len(self.jobs.results):
            raise web.HTTPError(404)
        result: Any = self.jobs.results[int(number)]
        self.write({"job": int(number), "done": result is not None, "result": result})


def make_app() -> web.Application:
    jobs = Jobs()
    for _ in range(WORKERS):
        IOLoop.current().spawn_callback(jobs.work)
    return web.Application([(r"/jobs", NewJob, {"jobs": jobs}), (r"/jobs/(\d{1,9})", OneJob, {"jobs": jobs})])


if __name__ == "__main__":
    parse_command_line()
    make_app().listen(options.port, "127.0.0.1")
    IOLoop.current().start()
