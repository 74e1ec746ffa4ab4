"""The package itself: its versions, its lazy submodules, its own loop under asyncio, and what the sdist holds."""

import fcntl
import importlib
import importlib.util
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest

import pyframework

ROOT = Path(pyframework.__file__).parents[1]


def python(code: str) -> str:
    """Run code in a fresh interpreter and return what it printed."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_versions() -> None:
    assert pyframework.version == "6.6.1"
    assert pyframework.version_info == (6, 6, 1, 0)
    assert pyframework.__version__.count(".") == 2


def test_no_dependencies() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["dependencies"] == []
    assert (ROOT / "pyframework" / "py.typed").exists()


def test_import_loads_nothing_else() -> None:
    code = "import sys, pyframework; print([m for m in sys.modules if m.startswith(('pyframework.', 'asyncio'))])"
    assert python(code) == "[]\n"


def test_submodules_load_on_first_use() -> None:
    assert python("import pyframework; print(pyframework.util.ObjectDict(a=1).a)") == "1\n"


@pytest.mark.parametrize("name", pyframework.__all__)
def test_every_public_submodule(name: str) -> None:
    assert getattr(pyframework, name) is importlib.import_module(f"pyframework.{name}")


def test_unknown_attribute() -> None:
    with pytest.raises(AttributeError, match="module 'pyframework' has no attribute 'nope'"):
        pyframework.nope  # noqa: B018


def test_dir_names_the_submodules() -> None:
    assert {"web", "httpserver", "version", "run"} <= set(dir(pyframework))


def test_run_uses_our_loop() -> None:
    code = """if True:
        import asyncio, pyframework
        async def main():
            await asyncio.sleep(0)
            return type(asyncio.get_running_loop()).__module__
        print(pyframework.run(main()))
    """
    assert python(code) == "pyframework._core.loop\n"


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="event loop policies are deprecated there")
def test_install_makes_asyncio_use_our_loop() -> None:
    code = """if True:
        import asyncio, pyframework
        pyframework.install()
        async def main():
            return type(asyncio.get_running_loop()).__module__
        print(asyncio.run(main()))
    """
    assert python(code) == "pyframework._core.loop\n"


def test_sdist_is_complete(tmp_path: Path) -> None:
    code = f"import setuptools.build_meta as b; b.build_sdist({str(tmp_path)!r})"
    with (ROOT / "setup.py").open() as one_at_a_time:  # setuptools gathers it in a folder of the checkout
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, timeout=120)
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    compiled = (".so", ".pyc")
    files = [path for part in ("ext", "pyframework") for path in (ROOT / part).rglob("*") if path.is_file()]
    sources = {str(path.relative_to(ROOT)) for path in files if path.suffix not in compiled}
    assert sources | {"setup.py", "pyproject.toml", "LICENSE", "README.md", "Makefile", ".ci/run"} <= inside
    assert not [name for name in inside if name.endswith(compiled) or name.startswith(("build/", ".upstream"))]
