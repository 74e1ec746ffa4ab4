"""`import tornado` in a process of the upstream run: pyframework, with `tornado.test` from the real Tornado's files."""

import os
import sys
from importlib.machinery import ModuleSpec, PathFinder

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


sys.modules[__name__] = pyframework
pyframework.alias.install()
sys.meta_path.insert(0, SuiteFinder)
