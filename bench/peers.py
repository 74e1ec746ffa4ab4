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
UVLOOP = ENVIRONMENT / "uvloop-only"

HELLO_LOADS = frozenset({"hello", "async", "browser", "c1", "c512", "pipelined", "idle10000"})
BARE = HELLO_LOADS | {"sleep"}
FRAMEWORK = frozenset(workloads.BY_NAME)
EVERYTHING = frozenset(workloads.ALL)


@dataclass(frozen=True)
class Peer:
    """One server.

    Args:
        command: how it is started; `{port}` becomes the port.
        serves: names of the workloads that it can answer.
        packages: what it needs of the requirements.
        implementation: (library, event loop), as its `/implementation` must name them; `None` if it has no such page.
        import_command: Python statements whose time is the workload "import".
        environment: extra environment variables.
    """

    name: str
    title: str
    command: tuple[str, ...]
    serves: frozenset[str]
    packages: tuple[str, ...] = ()
    implementation: tuple[str, str] | None = None
    import_command: str = ""
    environment: dict[str, str] = field(default_factory=dict)


def _pyframework(name: str, title: str, loop: str, loop_class: str, serves: frozenset[str]) -> Peer:
    app = str(APPS / "tornado_app.py")
    return Peer(
        name,
        title,
        (sys.executable, "-m", "pyframework", "run", app, "{port}", loop),
        serves,
        packages=("uvloop",) if loop == "uvloop" else (),
        implementation=("/pyframework/web/", loop_class),
        import_command="import pyframework.web",
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
    )


def _python(name: str, title: str, serves: frozenset[str], *packages: str) -> Peer:
    return Peer(name, title, (PYTHON, str(APPS / f"{name}_app.py"), "{port}"), serves, packages)


PEERS = (
    _pyframework("pyframework", "pyframework", "ioloop", "pyframework.", EVERYTHING),
    _pyframework("pyframework-asyncio", "pyframework, asyncio.run", "asyncio", "asyncio.", FRAMEWORK),
    _pyframework("pyframework-uvloop", "pyframework on uvloop", "uvloop", "uvloop.", FRAMEWORK),
    _tornado("tornado", "Tornado", "ioloop", "asyncio.", EVERYTHING),
    _tornado("tornado-uvloop", "Tornado on uvloop", "uvloop", "uvloop.", FRAMEWORK),
    _python("aiohttp", "aiohttp on uvloop", FRAMEWORK, "aiohttp", "uvloop"),
    _python("uvicorn", "uvicorn, bare ASGI", BARE, "uvicorn", "httptools", "uvloop"),
    _python("starlette", "Starlette on uvicorn", FRAMEWORK, "starlette", "uvicorn", "httptools", "uvloop"),
    _python("granian", "Granian, bare RSGI", BARE, "granian", "uvloop"),
    _python("socketify", "socketify", BARE | {"json"}, "socketify"),
    _python("sanic", "Sanic", FRAMEWORK, "sanic", "uvloop"),
    _python("blacksheep", "BlackSheep on uvicorn", FRAMEWORK, "blacksheep", "uvicorn", "httptools", "uvloop"),
    Peer("floor", "C floor, parses nothing", (FLOOR, "{port}"), HELLO_LOADS - {"async"}),
)
BY_NAME = {peer.name: peer for peer in PEERS}
TITLES = {peer.name: peer.title for peer in PEERS}
