"""The peers' own Python environment, `.bench-venv`, with the C floor beside it; made once and kept."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from bench import workloads
from bench.peers import (
    APPS,
    DISCARD_LOAD,
    ECHO_LOAD,
    ENVIRONMENT,
    FLOOR,
    MESSAGES,
    PYTHON,
    STATIC_FILES,
    UVLOOP,
    WS_LOAD,
    Peer,
)

PROGRAMS = {
    APPS / "floor.c": FLOOR,
    APPS / "echo_load.c": ECHO_LOAD,
    APPS / "discard_load.c": DISCARD_LOAD,
    APPS / "messages.c": MESSAGES,
    APPS / "ws_load.c": WS_LOAD,
}
REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def requirement_lines() -> list[list[str]]:
    """The requirements as lists of `name==version`, one list a line, all of which belong together."""
    lines = (line.partition("#")[0].split() for line in REQUIREMENTS.read_text().splitlines())
    return [line for line in lines if line]


def prepare(peers: list[Peer]) -> dict[str, str]:
    """Install what `peers` need and return the reason for each peer that cannot be had, by its name."""
    if not Path(PYTHON).exists():
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
    problems: dict[str, str] = {}
    if any(peer.name == "nginx" for peer in peers) and not shutil.which("nginx"):
        problems["nginx"] = "nginx is not here; on Debian and Ubuntu: apt-get install nginx-light"
    for line in requirement_lines():
        names = {requirement.partition("==")[0] for requirement in line}
        wanting = [peer for peer in peers if names & set(peer.packages)]
        if wanting and not _is_installed(line) and (reason := _install(line)):
            problems |= {peer.name: reason for peer in wanting}
        if "uvloop" in names and any(peer.name == "pyframework-uvloop" for peer in wanting) and not UVLOOP.exists():
            _install([*line, "--no-deps", "--target", str(UVLOOP)])
    STATIC_FILES.mkdir(exist_ok=True)
    for name, content in workloads.FILES.items():
        (STATIC_FILES / name).write_bytes(content)
    reasons = [_compile(source, program) for source, program in PROGRAMS.items()]
    if any(reasons):
        problems["floor"] = next(filter(None, reasons))
    return problems


def _is_installed(line: list[str]) -> bool:
    installed = {f"{name}=={version}" for name, version in versions().items()}
    return installed.issuperset(line)


def _install(arguments: list[str]) -> str | None:
    print("installing", *arguments, flush=True)
    command = [PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check", *arguments]
    finished = subprocess.run(command, capture_output=True, text=True)
    if finished.returncode == 0:
        return None
    errors = [line for line in finished.stderr.splitlines() if line.startswith("ERROR")]
    return f"pip could not install {arguments[0]}: {errors[-1] if errors else 'no reason given'}"


def _compile(source: Path, program: str) -> str | None:
    if sys.platform != "linux":
        return f"{source.name} needs epoll, so Linux"
    newest = max(path.stat().st_mtime for path in (source, *APPS.glob("*.h")))
    if Path(program).exists() and Path(program).stat().st_mtime >= newest:
        return None
    compiler = shutil.which("cc")
    if compiler is None:
        return f"no C compiler (cc) to build {source.name} with"
    finished = subprocess.run(
        [compiler, "-O2", "-Wall", "-o", program, str(source), "-lz"], capture_output=True, text=True
    )
    return None if finished.returncode == 0 else f"{source.name} does not compile: {finished.stderr[:200]}"


def versions() -> dict[str, str]:
    """Name and version of each package in `.bench-venv`."""
    found: dict[str, str] = {}
    for path in ENVIRONMENT.glob("lib/python*/site-packages/*.dist-info"):
        name, _, version = path.name.removesuffix(".dist-info").rpartition("-")
        found[re.sub(r"[-_.]+", "-", name).lower()] = version
    return found
