"""`import tornado` in a process of the upstream run: pyframework, with `tornado.test` from the real Tornado's files."""

import os
import sys
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

import pyframework
import pyframework.alias

REAL_TORNADO = os.environ["PYFRAMEWORK_UPSTREAM"]


class SuiteFinder:
    """Finds `tornado.test` and what is below it, before the alias would deny that it exists."""

    @staticmethod
    def find_spec(fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if fullname == "tornado.test":
            return PathFinder.find_spec(fullname, [os.path.join(REAL_TORNADO, "tornado")])
        if fullname.startswith("tornado.test."):
            return PathFinder.find_spec(fullname, path)  # type: ignore[arg-type]
        return None


class FillFinder:
    """With --fill: lends the real Tornado's modules, on top of ours, for what pyframework lacks or the option names."""

    forced = frozenset(os.environ.get("PYFRAMEWORK_UPSTREAM_FILL", "").split(","))

    @staticmethod
    def find_spec(fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        package, *rest = fullname.split(".")
        if package not in ("tornado", "pyframework") or not rest or "_core" in rest:
            return None
        ours = PathFinder.find_spec(fullname, [os.path.join(pyframework.__path__[0], *rest[:-1])])
        if ours is not None and ours.origin is not None and rest[0] not in FillFinder.forced:
            return None
        theirs = PathFinder.find_spec(fullname, [os.path.join(REAL_TORNADO, "tornado", *rest[:-1])])
        if theirs is None or package == "tornado":
            return theirs
        return ModuleSpec(fullname, FillFinder())  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return import_module(spec.name.replace("pyframework", "tornado"))

    def exec_module(self, module: ModuleType) -> None:
        pass


sys.modules[__name__] = pyframework
pyframework.alias.install()
sys.meta_path.insert(0, SuiteFinder)
if "PYFRAMEWORK_UPSTREAM_FILL" in os.environ:
    sys.meta_path.insert(0, FillFinder)
