"""The modules of `platform` for each system: names that give the one loop there is."""

import importlib
import sys

_MODULES = ("interface", "common", "posix", "windows", "auto", "epoll", "kqueue", "select")


def install() -> None:
    from pyframework import platform

    for name in _MODULES:
        module = importlib.import_module(f"{__name__}.{name}")
        sys.modules[f"pyframework.platform.{name}"] = module
        setattr(platform, name, module)
