import asyncio
from collections.abc import Callable, Generator
from typing import Any

class Steps:
    ctx_run: Callable[..., Any]
    gen: Generator[Any, Any, Any]
    result_future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    future: Any
    running: bool
    finished: bool
    def wake(self, future: object = None) -> None: ...
    def run(self) -> None: ...

def start_coroutine(
    runner: type[Steps], function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> asyncio.Future[Any]: ...
