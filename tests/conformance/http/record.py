"""Puts the table's requests to other servers too and writes docs/conformance.md.

Usage: python -m tests.conformance.http.record

Needs the benchmark's environment with Tornado, aiohttp and uvicorn (`python -m bench.run --quick` makes it), and nginx.
Only statuses and whether the connection is served further are compared. A case for one of our handlers, or for an
argument of our server, is not put to servers that have nothing like it.
"""

import re
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench import environment, peers
from tests.conformance.http.answers import read_answers
from tests.conformance.http.cases import Case, cases

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "conformance.md"
SENTINEL = b"GET /sentinel HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
SILENCE = 0.5  # seconds after which nothing more is expected
STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r]")
OUR_HANDLERS = re.compile(rb" (http://[^/ ]*)?/(get|form|later|early|stream|close|chunks|204|tagged|error)[ ?]")

APPLICATION = str(Path(__file__).with_name("application.py"))
# The real Tornado runs the table's own handlers: our name stands for its.
TORNADO = f"""
import runpy, sys, tornado.web
sys.modules |= {{"pyframework": tornado, "pyframework.web": tornado.web}}
runpy.run_path({APPLICATION!r}, run_name="__main__")
"""
AIOHTTP = """
import sys
from aiohttp import web
async def echo(request):
    return web.Response(body=await request.read())
app = web.Application()
app.router.add_route("*", "/{path:.*}", echo)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
"""
UVICORN = """
import sys, uvicorn
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else b"ok"})
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="critical", http="httptools")
"""
NGINX = """
daemon off; master_process off; pid nginx.pid; error_log /dev/null;
events {{ }}
http {{
    access_log off; client_body_temp_path b; proxy_temp_path p;
    fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
    server {{ listen 127.0.0.1:{port}; location / {{ return 200 "ok"; }} }}
}}
"""
SERVERS = ("pyframework", "Tornado", "aiohttp", "uvicorn", "nginx")


def command(server: str, port: int, folder: Path) -> list[str]:
    if server == "nginx":
        (folder / "nginx.conf").write_text(NGINX.format(port=port))
        return ["nginx", "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]
    if server == "pyframework":
        return [sys.executable, APPLICATION, str(port)]
    return [peers.PYTHON, "-c", {"Tornado": TORNADO, "aiohttp": AIOHTTP, "uvicorn": UVICORN}[server], str(port)]


@contextmanager
def running(server: str) -> Iterator[int]:
    """Start a server, and give its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(command(server, port, Path(folder)), cwd=ROOT)
        try:
            deadline = time.monotonic() + 20
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    if time.monotonic() > deadline or process.poll() is not None:
                        raise SystemExit(f"{server} did not start") from None
                    time.sleep(0.02)
            yield port
        finally:
            process.terminate()
            process.wait()


def applies(case: Case, server: str) -> bool:
    if case.end:
        return False
    if server == "pyframework":
        return not case.server
    return not case.server and (server == "Tornado" or not OUR_HANDLERS.search(case.send))


def outcome(case: Case, port: int) -> list[str]:
    """The statuses that come back, the one of a request behind the case included; "silent" if the server then waits."""
    data = b""
    silent = False
    with socket.create_connection(("127.0.0.1", port), timeout=SILENCE) as connection:
        try:
            connection.sendall(case.send)
            data += connection.recv(65536)
            if case.then == "open" and data:
                connection.sendall(SENTINEL)
            while received := connection.recv(65536):
                data += received
        except TimeoutError:
            silent = True
        except OSError:
            pass  # a reset: what came before counts
    heads = [expected.startswith("HEAD") for expected in case.expect]
    try:
        statuses = [str(answer.status) for answer in read_answers(data, heads)]
    except AssertionError:
        statuses = [status.decode() for status in STATUS.findall(data)]
    return statuses + ["silent"] * silent


def expected(case: Case) -> list[str]:
    statuses = [(text.removeprefix("HEAD").split() or ["*"])[0] for text in case.expect]
    return statuses + ["200"] * (case.then == "open")


def judge(case: Case, found: list[str]) -> str:
    wanted = expected(case)
    good = len(found) == len(wanted) and all(w in ("*", f) for w, f in zip(wanted, found, strict=True))
    return "✓" if good else " ".join(found) or "closed"


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def page(rows: list[tuple[Case, list[str]]]) -> str:
    good = [Counter(case.theme for case, cells in rows if cells[at] == "✓") for at in range(len(SERVERS))]
    asked = [Counter(case.theme for case, cells in rows if cells[at]) for at in range(len(SERVERS))]
    themes = sorted({case.theme for case, _ in rows})
    head = [row("", *SERVERS), "|---" * (1 + len(SERVERS)) + "|"]
    versions = environment.versions()
    lines = [
        "# HTTP conformance",
        "",
        "Requests and what RFC 9110 and 9112 ask of an origin server that gets them, from the table in",
        "[tests/conformance/http](../tests/conformance/http), put to five servers as they come. Only statuses are",
        "compared, and whether a request behind the case is served. The table is ours, so it says most about us; it is",
        "here to show where the others decide otherwise. Cases for limits that are set by arguments, and for clients",
        "that end their side, are run in our tests only.",
        "",
        f"Tornado {versions['tornado']}, aiohttp {versions['aiohttp']}, uvicorn {versions['uvicorn']} with httptools",
        f"{versions['httptools']}, nginx as Debian has it. Written by `python -m tests.conformance.http.record`.",
        "",
        *head,
    ]
    for theme in themes:
        lines.append(row(theme, *(f"{g[theme]} of {a[theme]}" for g, a in zip(good, asked, strict=True))))
    head = [row("case", "RFC", "expected", *SERVERS), "|---" * (3 + len(SERVERS)) + "|"]
    lines += ["", "## Where they differ", "", *head]
    for case, cells in rows:
        if set(cells) - {"✓", ""}:
            name = str(case).replace("|", "\\|").replace("<", "&lt;")
            lines.append(row(name, case.rfc, " ".join(expected(case)), *(cell or "-" for cell in cells)))
    return "\n".join(lines) + "\n"


def main() -> None:
    problems = environment.prepare([peers.BY_NAME[name] for name in ("tornado", "aiohttp", "uvicorn")])
    if problems:
        raise SystemExit("\n".join(problems.values()))
    with ExitStack() as stack:
        ports = [stack.enter_context(running(server)) for server in SERVERS]
        rows = []
        for case in cases():
            cells = [
                judge(case, outcome(case, port)) if applies(case, server) else ""
                for server, port in zip(SERVERS, ports, strict=True)
            ]
            if any(cells):
                rows.append((case, cells))
    PAGE.write_text(page(rows), encoding="utf-8")
    for at, server in enumerate(SERVERS):
        print(server, sum(cells[at] == "✓" for _, cells in rows), "of", sum(bool(cells[at]) for _, cells in rows))


if __name__ == "__main__":
    main()
