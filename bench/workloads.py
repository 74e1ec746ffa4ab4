"""What is asked of the servers: each workload's request, its right answer and its load; nothing is started here."""

import json
from dataclasses import dataclass, field

from bench.answers import Answer
from bench.apps import page

HELLO_ETAG = '"e02aa1b106d5c7c6a98def2b13005d5b84fd8dc8"'
BROWSER_HEADERS = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.7,de;q=0.3",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Referer": "http://127.0.0.1/start/page?from=bench",
    "Connection": "keep-alive",
    "Cookie": "theme=dark; session=abc123; consent=none",
    "Upgrade-Insecure-Requests": "1",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-User": "?1",
    "Priority": "u=0, i",
}
FILES = {"1k.txt": b"0123456789abcde\n" * 64, "1m.txt": b"0123456789abcde\n" * 65536}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Workload:
    """One kind of request under one kind of load.

    Args:
        name: short name, used on the command line and in result files.
        title: what the table shows.
        body, answer: of the request and of the right response.
        answer_headers: names (lower case) that must be in the response, with how their values begin.
        chunks: how many chunks the response must have.
        connections: how many are busy at the same time.
        depth: requests sent in a row before the first answer is awaited.
        idle: further connections that are open and silent during the load.
        beside_hello: also measure plain hello in each turn, to compare with.
        discard: the load drops the body unread; for answers so large that wrk, which reads them, would be the limit.
        tls: over https; the server is started with a certificate.
        agent: the server runs with the patches of an instrumentation agent, `apps/agent.py`.
    """

    name: str
    title: str
    method: str = "GET"
    path: str = "/"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    answer: bytes = b"Hello, world"
    answer_headers: dict[str, str] = field(default_factory=dict)
    chunks: int = 0
    connections: int = 64
    depth: int = 1
    idle: int = 0
    beside_hello: bool = False
    discard: bool = False
    tls: bool = False
    agent: bool = False

    def request(self) -> bytes:
        """The request as bytes, `depth` times."""
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: 127.0.0.1"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.body:
            lines.append(f"Content-Length: {len(self.body)}")
        head = "\r\n".join(lines) + "\r\n\r\n"
        return (head.encode() + self.body) * self.depth

    def complaint(self, answer: Answer) -> str | None:
        """Say what is wrong with `answer`, or None if it is right."""
        if answer.status != 200:
            return f"status {answer.status} instead of 200"
        if not _same_body(answer, self.answer):
            return f"body {answer.body[:40]!r} instead of {self.answer[:40]!r}"
        for name, start in self.answer_headers.items():
            if not answer.headers.get(name, "").startswith(start):
                return f"header {name}: {answer.headers.get(name)!r} does not begin with {start!r}"
        if self.chunks and answer.chunks != self.chunks:
            return f"{answer.chunks} chunks instead of {self.chunks}"
        return None


def _same_body(answer: Answer, expected: bytes) -> bool:
    if answer.headers.get("content-type", "").startswith("application/json"):
        try:
            return bool(json.loads(answer.body) == json.loads(expected))
        except ValueError:
            return False
    return answer.body == expected


HTML = {"content-type": "text/html"}
LOADS = (
    Workload("hello", "hello, 64 connections", answer_headers=HTML),
    Workload("async", "hello as async def", path="/async"),
    Workload("sleep", "hello after asyncio.sleep(0)", path="/sleep"),
    Workload("browser", "hello, a browser's headers", headers=BROWSER_HEADERS),
    Workload("c1", "hello, 1 connection", connections=1),
    Workload("c512", "hello, 512 connections", connections=512),
    Workload("pipelined", "hello, pipelined 16 deep", depth=16, beside_hello=True),
    Workload(
        "json",
        "JSON, path and query argument",
        path="/json/42?name=x",
        answer=b'{"id": 42, "name": "x"}',
        answer_headers={"content-type": "application/json"},
    ),
    Workload("routes", "the last of 200 routes", path="/resource199/7", answer=b"7"),
    Workload(
        "cookies",
        "one cookie read, one set",
        path="/cookies",
        headers={"Cookie": "theme=dark; session=abc123"},
        answer_headers={"set-cookie": "seen=abc123"},
    ),
    Workload("agent", "hello with an instrumentation agent", answer_headers={**HTML, "x-trace": ""}, agent=True),
    Workload("https", "hello over https", answer_headers=HTML, tls=True),
    Workload("form", "form POST", "POST", "/form", headers=FORM, body=b"name=x&age=7", answer=b"x 7"),
    Workload(
        "form10",
        "form POST of 10 fields",
        "POST",
        "/form10",
        headers=FORM,
        body="&".join(f"field{n}=value{n}" for n in range(10)).encode(),
        answer="".join(f"value{n}" for n in range(10)).encode(),
    ),
    Workload(
        "multipart",
        "multipart form with a file of 1 MiB",
        "POST",
        "/multipart",
        headers={"Content-Type": "multipart/form-data; boundary=boundary"},
        body=b"--boundary\r\n"
        b'Content-Disposition: form-data; name="file"; filename="file.bin"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n" + b"x" * 1048576 + b"\r\n--boundary--\r\n",
        answer=b"1048576",
        connections=16,
    ),
    Workload("file1k", "file of 1 KiB", path="/files/1k.txt", answer=FILES["1k.txt"]),
    Workload("file1m", "file of 1 MiB", path="/files/1m.txt", answer=FILES["1m.txt"], connections=16, discard=True),
    Workload("upload", "1 MiB upload", "POST", "/upload", body=b"x" * 1048576, answer=b"1048576", connections=16),
    Workload("large", "64 KiB answer", path="/large", answer=b"x" * 65536, discard=True),
    Workload("chunks", "10 flushed chunks", path="/chunks", answer=b"0123456789abcdef" * 40, chunks=10),
    Workload("page", "page of 100 rows by a template", path="/page", answer=page.answer()),
    Workload("flask", "Flask's hello", answer_headers=HTML),
    Workload("idle10000", "hello, 10,000 open, 64 busy", idle=10_000 - 64, beside_hello=True),
)
HELLO = LOADS[0]
BY_NAME = {workload.name: workload for workload in LOADS}
ECHOES = {"echo": "echo of 64-byte lines, 64 connections", "echo-tls": "the same over TLS"}
TEMPLATES = {"template": "rendering of a page of 100 rows"}
WEBSOCKETS = {
    "ws32": "WebSocket, echo of 32 bytes, 64 connections",
    "ws16k": "WebSocket, echo of 16 KiB",
    "ws-deflate": "WebSocket, echo of 16 KiB, compressed",
    "publish": "WebSocket, one message to 5,000 connections",
}
LIBRARY = {
    "messages": "1 MiB messages between two streams, TCP",
    "messages-unix": "1 MiB messages between two streams, socketpair",
    "yield": "yield of a done Future",
    "coroutine": "call of a @gen.coroutine",
    "queue": "Queue.put and get",
    "lock": "async with Lock",
}
LOOP = {
    "call_soon": "call_soon",
    "call_later": "call_later and cancel",
    "tasks": "two Tasks that wake each other",
    "executor": "run_in_executor, there and back",
}
PROGRAMS = {**LIBRARY, **TEMPLATES, **LOOP}
CLIENTS = {"fetch": "HTTP client, 32 requests at a time"}
MEMORY = "memory"
WS_IDLE = "ws-idle"
STARTUP = "import"
ALL = (*BY_NAME, *ECHOES, *WEBSOCKETS, *PROGRAMS, *CLIENTS, MEMORY, WS_IDLE, STARTUP)
TITLES = {
    **{workload.name: workload.title for workload in LOADS},
    **ECHOES,
    **WEBSOCKETS,
    **PROGRAMS,
    **CLIENTS,
    MEMORY: "memory per idle keep-alive connection",
    WS_IDLE: "memory per idle WebSocket",
    STARTUP: "time to import the web module",
}
