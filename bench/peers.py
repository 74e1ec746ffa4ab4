"""Who is measured: each peer's command line, what it can answer, and how to see that it is who it says."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

from bench import workloads

ROOT = Path(__file__).resolve().parent.parent
APPS = ROOT / "bench" / "apps"
ENVIRONMENT = ROOT / ".bench-venv"
PYTHON = str(ENVIRONMENT / "bin" / "python")
FLOOR = str(ENVIRONMENT / "floor")
ECHO_LOAD = str(ENVIRONMENT / "echo_load")
WS_LOAD = str(ENVIRONMENT / "ws_load")
DISCARD_LOAD = str(ENVIRONMENT / "discard_load")
STATIC_FILES = ENVIRONMENT / "files"
CERTIFICATE = str(ROOT / "pyframework" / "testing.crt")
KEY = str(ROOT / "pyframework" / "testing.key")
MESSAGES = str(ENVIRONMENT / "messages")
UVLOOP = ENVIRONMENT / "uvloop-only"
ALIASED = (sys.executable, "-m", "pyframework", "run")

HELLO_LOADS = frozenset({"hello", "async", "browser", "c1", "c512", "pipelined", "idle10000"})
BARE = HELLO_LOADS | {"sleep"}
TORNADO_ONLY = frozenset({"agent", "https", "form10", "multipart", "file1k", "file1m", "page"})
FRAMEWORK = frozenset(workloads.BY_NAME) - TORNADO_ONLY - {"flask"}
ECHOES = frozenset(workloads.ECHOES)
WS_ECHOES = frozenset({"ws32", "ws16k", "ws-deflate"})
WEBSOCKETS = frozenset(workloads.WEBSOCKETS)
LIBRARY = frozenset(workloads.LIBRARY)
LOOP = frozenset(workloads.LOOP)
CLIENTS = frozenset(workloads.CLIENTS)
TEMPLATES = frozenset(workloads.TEMPLATES)
ALONE = frozenset({workloads.MEMORY, workloads.WS_IDLE, workloads.STARTUP})
EVERYTHING = FRAMEWORK | TORNADO_ONLY | ECHOES | WEBSOCKETS | LIBRARY | TEMPLATES | CLIENTS | ALONE


@dataclass(frozen=True)
class Peer:
    """One server.

    Args:
        command: how it is started; `{port}` becomes the port.
        serves: names of the workloads that it can answer.
        packages: what it needs of the requirements.
        implementation: (library, event loop), as its `/implementation` must name them; `None` if it has no such page.
        import_command: Python statements whose time is the workload "import".
        echo: how its echo server is started; `{port}` becomes the port, certificate and key follow for TLS.
        websocket: how its WebSocket server is started; `{port}` becomes the port.
        programs: how it runs each workload without a network peer; `{name}` and `{seconds}` are filled in.
        environment: extra environment variables.
    """

    name: str
    title: str
    command: tuple[str, ...]
    serves: frozenset[str]
    packages: tuple[str, ...] = ()
    implementation: tuple[str, str] | None = None
    import_command: str = ""
    echo: tuple[str, ...] = ()
    websocket: tuple[str, ...] = ()
    programs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)


def _programs(python: tuple[str, ...], app: str, names: frozenset[str], *arguments: str) -> dict[str, tuple[str, ...]]:
    return {name: (*python, str(APPS / app), "{name}", "{seconds}", *arguments) for name in names}


def _client(python: tuple[str, ...], library: str) -> tuple[str, ...]:
    return (*python, str(APPS / "client.py"), "{port}", "{seconds}", library)


def _page(python: tuple[str, ...], library: str) -> tuple[str, ...]:
    return (*python, str(APPS / "page.py"), library, "{seconds}")


def _pyframework(name: str, title: str, loop: str, loop_class: str, serves: frozenset[str]) -> Peer:
    app = str(APPS / "tornado_app.py")
    return Peer(
        name,
        title,
        (*ALIASED, app, "{port}", loop),
        serves,
        packages=("uvloop",) if loop == "uvloop" else (),
        implementation=("/pyframework/web/", loop_class),
        import_command="import pyframework.web",
        echo=(*ALIASED, str(APPS / "echo_tornado.py"), "{port}", loop),
        websocket=(*ALIASED, str(APPS / "ws_tornado.py"), "{port}", loop),
        programs={
            **_programs(ALIASED, "library.py", LIBRARY),
            "fetch": _client(ALIASED, "tornado"),
            "template": _page(ALIASED, "tornado"),
            **_programs((sys.executable,), "loops.py", LOOP, "pyframework"),
        },
        environment={"PYTHONPATH": f"{ROOT}:{UVLOOP}" if loop == "uvloop" else str(ROOT)},
    )


def _tornado(name: str, title: str, loop: str, loop_class: str, serves: frozenset[str]) -> Peer:
    return Peer(
        name,
        title,
        (PYTHON, str(APPS / "tornado_app.py"), "{port}", loop),
        serves,
        packages=("tornado", "uvloop") if loop == "uvloop" else ("tornado",),
        implementation=("/tornado/web.py", loop_class),
        import_command="import tornado.web",
        echo=(PYTHON, str(APPS / "echo_tornado.py"), "{port}", loop),
        websocket=(PYTHON, str(APPS / "ws_tornado.py"), "{port}", loop),
        programs={
            **_programs((PYTHON,), "library.py", LIBRARY),
            "fetch": _client((PYTHON,), "tornado"),
            "template": _page((PYTHON,), "tornado"),
        },
    )


def _loop(name: str, title: str, *packages: str) -> Peer:
    return Peer(
        name,
        title,
        (),
        ECHOES | LOOP,
        packages,
        echo=(PYTHON, str(APPS / "echo_asyncio.py"), "{port}", name),
        programs=_programs((PYTHON,), "loops.py", LOOP, name),
    )


def _python(name: str, title: str, serves: frozenset[str], *packages: str) -> Peer:
    return Peer(name, title, (PYTHON, str(APPS / f"{name}_app.py"), "{port}"), serves, packages)


PEERS = (
    _pyframework("pyframework", "pyframework", "ioloop", "pyframework.", EVERYTHING | LOOP),
    _pyframework(
        "pyframework-asyncio", "pyframework, asyncio.run", "asyncio", "asyncio.", FRAMEWORK | ECHOES | WS_ECHOES
    ),
    _pyframework("pyframework-uvloop", "pyframework on uvloop", "uvloop", "uvloop.", FRAMEWORK | ECHOES | WS_ECHOES),
    _tornado("tornado", "Tornado", "ioloop", "asyncio.", EVERYTHING),
    _tornado("tornado-uvloop", "Tornado on uvloop", "uvloop", "uvloop.", FRAMEWORK),
    Peer(
        "aiohttp",
        "aiohttp on uvloop",
        (PYTHON, str(APPS / "aiohttp_app.py"), "{port}"),
        FRAMEWORK | CLIENTS | WS_ECHOES,
        ("aiohttp", "uvloop"),
        websocket=(PYTHON, str(APPS / "ws_aiohttp.py"), "{port}"),
        programs={"fetch": _client((PYTHON,), "aiohttp")},
    ),
    _python("uvicorn", "uvicorn, bare ASGI", BARE, "uvicorn", "httptools", "uvloop"),
    _python("starlette", "Starlette on uvicorn", FRAMEWORK, "starlette", "uvicorn", "httptools", "uvloop"),
    _python("granian", "Granian, bare RSGI", BARE, "granian", "uvloop"),
    _python("socketify", "socketify", BARE | {"json"}, "socketify"),
    _python("sanic", "Sanic", FRAMEWORK, "sanic", "uvloop"),
    _python("blacksheep", "BlackSheep on uvicorn", FRAMEWORK, "blacksheep", "uvicorn", "httptools", "uvloop"),
    Peer(
        "flask",
        "Flask on WSGIContainer",
        (PYTHON, "-m", "pyframework", "run", str(APPS / "flask_app.py"), "{port}"),
        frozenset({"flask"}),
        ("flask",),
        environment={"PYTHONPATH": str(ROOT)},
    ),
    Peer(
        "gunicorn",
        "Flask on gunicorn, one sync worker",
        (PYTHON, "-m", "gunicorn", "--chdir", str(APPS), "--bind", "127.0.0.1:{port}", "flask_app:app"),
        frozenset({"flask"}),
        ("flask", "gunicorn"),
    ),
    Peer("nginx", "nginx, sendfile", (PYTHON, str(APPS / "nginx_app.py"), "{port}"), frozenset({"file1k", "file1m"})),
    Peer("jinja2", "Jinja2", (), TEMPLATES, ("jinja2",), programs={"template": _page((PYTHON,), "jinja2")}),
    Peer(
        "picows",
        "picows on uvloop",
        (),
        frozenset({"ws32", "ws16k"}),
        ("picows", "uvloop"),
        websocket=(PYTHON, str(APPS / "ws_picows.py"), "{port}"),
    ),
    _loop("asyncio", "asyncio"),
    _loop("uvloop", "uvloop", "uvloop"),
    Peer(
        "floor",
        "C floor, parses nothing",
        (FLOOR, "{port}"),
        (HELLO_LOADS - {"async"}) | {"messages", "messages-unix"},
        programs={name: (MESSAGES, name, "{seconds}") for name in ("messages", "messages-unix")},
    ),
)
BY_NAME = {peer.name: peer for peer in PEERS}
TITLES = {peer.name: peer.title for peer in PEERS}
