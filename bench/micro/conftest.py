"""The event loops and header classes that the micro-benchmarks compare; one that is not installed is skipped.

uvloop and Tornado stand in the benchmark's own environment: set PYTHONPATH to its site-packages to compare with them.
"""

import asyncio
import importlib
from collections.abc import Iterator
from typing import Any

import pytest

LOOPS = {
    "pyframework": ("pyframework._core.loop", "EventLoop"),
    "asyncio": ("asyncio", "SelectorEventLoop"),
    "uvloop": ("uvloop", "Loop"),
}


def imported(module: str) -> Any:
    """Import ours; skip the test if another's is not installed."""
    return importlib.import_module(module) if module.startswith("pyframework") else pytest.importorskip(module)


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    module, name = LOOPS[request.param]
    new_loop = getattr(imported(module), name)()
    yield new_loop
    new_loop.close()


@pytest.fixture(params=["pyframework", "tornado"])
def headers_class(request: pytest.FixtureRequest) -> Any:
    return imported(f"{request.param}.httputil").HTTPHeaders
