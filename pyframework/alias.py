"""`import tornado` gives pyframework: one module object under both names.

It knows nothing of what the modules contain. Start-up files import it in every Python process of an
environment (`python -m pyframework enable`), so it imports little.
"""

import os
import sys
from importlib.machinery import ModuleSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import CodeType, ModuleType

REAL = "pyframework"
ALIAS = "tornado"

# A folder for PYTHONPATH: it holds a `tornado` package whose import installs the alias.
SHADOW = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_shadow")


class AliasLoader:
    """Loads `tornado.X` by importing `pyframework.X`; the module keeps its own name and spec."""

    def __init__(self, real: ModuleSpec) -> None:
        self._real = real

    def create_module(self, spec: ModuleSpec) -> "ModuleType":
        from importlib import import_module

        module = import_module(self._real.name)
        assert module.__spec__ is not None
        self._real = module.__spec__
        return module

    def exec_module(self, module: "ModuleType") -> None:
        # The import system has just written the alias's spec into the module: reload and pickle need the real one.
        module.__spec__ = self._real
        mirror()

    def is_package(self, fullname: str) -> bool:
        return self._real.submodule_search_locations is not None

    def get_code(self, fullname: str) -> "CodeType | None":
        """Return the code object, which `python -m tornado.X` runs."""
        source = self.get_source(fullname)
        return None if source is None else compile(source, self._real.origin or "", "exec", dont_inherit=True)

    def get_source(self, fullname: str) -> str | None:
        from importlib.util import decode_source

        # Not from the real loader: pytest's, which rewrites assertions, has no sources.
        origin = self._real.origin or ""
        if not origin.endswith(".py"):
            return None
        with open(origin, "rb") as file:
            return decode_source(file.read())


class AliasFinder:
    """Finds `tornado` and `tornado.X` where pyframework has an X; leaves every other name alone."""

    def find_spec(
        self, fullname: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] != ALIAS:
            return None
        from importlib.util import find_spec

        real = find_spec(REAL + fullname[len(ALIAS) :])
        if real is None or real.origin is None:
            return None  # a folder without __init__.py is no module of ours
        is_package = real.submodule_search_locations is not None
        return ModuleSpec(fullname, AliasLoader(real), origin=real.origin, is_package=is_package)  # type: ignore[arg-type]


def mirror() -> None:
    """Enter the public modules of pyframework that are fully loaded in `sys.modules` as `tornado.X` too."""
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{REAL}.") and "._" not in name:
            alias = ALIAS + name[len(REAL) :]
            if alias not in sys.modules and not getattr(module.__spec__, "_initializing", False):
                sys.modules[alias] = module
                name_classes(module, name, alias)


def name_classes(module: "ModuleType", real: str, alias: str) -> None:
    """Let the public classes of a module say that they are of `tornado.X`: agents and logs show that."""
    for name, value in vars(module).items():
        if isinstance(value, type) and not name.startswith("_"):
            if value.__module__ == real or value.__module__.startswith(f"{real}._"):
                value.__module__ = alias


def install(*, children: bool = False) -> None:
    """Make `import tornado` and `import tornado.X` give pyframework's modules in this process.

    With `children`, Python processes that this one starts with its environment get the alias as well.
    Raises RuntimeError if another `tornado` has been imported already.
    """
    imported = sys.modules.get(ALIAS)
    if imported is not None and imported is not sys.modules[REAL]:
        where = getattr(imported, "__file__", None)
        raise RuntimeError(f"tornado is already imported from {where}: install the alias before the first import of it")
    if not any(isinstance(finder, AliasFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, AliasFinder())
    if children:
        os.environ.update(environment(os.environ))
        if SHADOW not in sys.path:
            # multiprocessing hands sys.path, not PYTHONPATH, to the processes that it spawns.
            sys.path.insert(1, SHADOW)


def environment(base: "Mapping[str, str]") -> dict[str, str]:
    """Return a copy of an environment with which a Python process has the alias from its start."""
    path = [part for part in base.get("PYTHONPATH", "").split(os.pathsep) if part and part != SHADOW]
    return {**base, "PYTHONPATH": os.pathsep.join([SHADOW, *path])}
