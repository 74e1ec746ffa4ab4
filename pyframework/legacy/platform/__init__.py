"""The modules of `platform` for each system: names that give the one loop there is; and for Twisted, where it is."""

import importlib
import importlib.util
import sys

_MODULES = ("interface", "common", "posix", "windows", "auto", "epoll", "kqueue", "select")


def install() -> None:
    from pyframework import platform

    for name in _MODULES:
        module = importlib.import_module(f"{__name__}.{name}")
        sys.modules[f"pyframework.platform.{name}"] = module
        setattr(platform, name, module)
    if importlib.util.find_spec("twisted") is not None:
        importlib.import_module(f"{__name__}.twisted").install()
