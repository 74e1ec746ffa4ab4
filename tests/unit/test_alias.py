"""pyframework.alias and `python -m pyframework run`: an unmodified Tornado program meets pyframework."""

import importlib
import importlib.util
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from pyframework import alias

ROOT = Path(alias.__file__).parents[1]


def python(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in another folder, with pyframework reachable as an installed package would be."""
    environment = {"PYTHONPATH": str(ROOT), **environment}
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | environment
    return subprocess.run([sys.executable, *arguments], cwd=cwd, env=env, capture_output=True, text=True, timeout=60)


def run_program(folder: Path, program: str, *arguments: str, **environment: str) -> str:
    """Run a program with `python -m pyframework run` and return what it printed."""
    (folder / "app.py").write_text(textwrap.dedent(program))
    done = python("-m", "pyframework", "run", "app.py", *arguments, cwd=folder, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_modules_are_the_same_objects(tmp_path: Path) -> None:
    program = """
        import tornado, tornado.util, pyframework, pyframework.util
        from tornado.escape import json_encode
        import pyframework.escape, sys
        assert tornado is pyframework and tornado.util is pyframework.util
        assert json_encode is pyframework.escape.json_encode
        assert sys.modules["tornado.util"] is sys.modules["pyframework.util"]
        assert tornado.version_info >= (6, 6, 1)
        print(tornado.util.__name__, tornado.util.__spec__.name)
    """
    assert run_program(tmp_path, program) == "pyframework.util pyframework.util\n"


def test_classes_say_that_they_are_tornados(tmp_path: Path) -> None:
    program = """
        import pickle
        from tornado import httputil, ioloop, iostream, web
        for cls in (web.RequestHandler, web.HTTPError, iostream.IOStream, ioloop.IOLoop):
            print(cls.__module__)
        for value in (httputil.HTTPHeaders({"A": "b"}), httputil.RequestStartLine("GET", "/", "HTTP/1.1"), web.HTTPError):
            assert pickle.loads(pickle.dumps(value)) == value
    """
    assert run_program(tmp_path, program) == "tornado.web\ntornado.web\ntornado.iostream\ntornado.ioloop\n"


def test_first_use_as_attribute_enters_both_names(tmp_path: Path) -> None:
    program = """
        import sys, tornado
        assert "tornado.util" not in sys.modules
        tornado.util.ObjectDict
        assert sys.modules["tornado.util"] is sys.modules["pyframework.util"]
    """
    run_program(tmp_path, program)


def test_submodules_of_packages(tmp_path: Path) -> None:
    program = """
        from tornado.platform.asyncio import AsyncIOLoop
        import pyframework.platform.asyncio
        assert AsyncIOLoop is pyframework.platform.asyncio.AsyncIOLoop
    """
    run_program(tmp_path, program)


@pytest.mark.parametrize("name", ["tornado.nope", "tornado.platform.nope", "tornado.util.nope"])
def test_missing_module_is_named_as_asked(tmp_path: Path, name: str) -> None:
    program = f"""
        try:
            import {name}
        except ModuleNotFoundError as error:
            print(error.name)
    """
    assert run_program(tmp_path, program) == f"{name}\n"


def test_find_spec_of_a_missing_module_is_none() -> None:
    assert alias.AliasFinder().find_spec("tornado.nope") is None


def test_other_names_are_left_alone() -> None:
    assert alias.AliasFinder().find_spec("tornadofx") is None
    assert alias.AliasFinder().find_spec("json") is None


def test_reload_and_pickle(tmp_path: Path) -> None:
    program = """
        import importlib, pickle, tornado.util
        before = tornado.util
        assert importlib.reload(tornado.util) is before
        value = pickle.loads(pickle.dumps(tornado.util.ObjectDict(a=1)))
        assert type(value) is tornado.util.ObjectDict and value.a == 1
        assert tornado.util.__spec__.name == "pyframework.util"
    """
    run_program(tmp_path, program)


def test_program_sees_what_it_always_sees(tmp_path: Path) -> None:
    program = """
        import sys
        print(sys.argv, sys.path[0], __name__, __file__, __spec__)
    """
    expected = f"['app.py', '--port=1', 'x'] {tmp_path} __main__ {tmp_path / 'app.py'} None\n"
    assert run_program(tmp_path, program, "--port=1", "x") == expected


def test_run_module(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import sys, tornado; print(tornado.__name__, sys.argv[1:], __spec__.name)")
    done = python("-m", "pyframework", "run", "-m", "app", "a", cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("pyframework ['a'] app\n", "")


def test_run_keeps_interpreter_options(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import sys; print(sys.flags.dev_mode, sys.flags.optimize)")
    done = python("-X", "dev", "-O", "-m", "pyframework", "run", "app.py", cwd=tmp_path)
    assert done.stdout == "True 1\n"


def test_traceback_and_exit_code_are_the_programs(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("raise ValueError('mine')")
    done = python("-m", "pyframework", "run", "app.py", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("File ") == 1 and "ValueError: mine" in done.stderr


def test_python_processes_inherit(tmp_path: Path) -> None:
    program = """
        import multiprocessing, subprocess, sys

        def name():
            import tornado
            return tornado.__name__

        if __name__ == "__main__":
            command = [sys.executable, "-c", "import tornado.util; print(tornado.util.__name__)"]
            print(subprocess.run(command, cwd="/", capture_output=True, text=True).stdout, end="")
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.apply(name))
    """
    assert run_program(tmp_path, program) == "pyframework.util\npyframework\n"


def test_python_path_and_sitecustomize_stay(tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "sitecustomize.py").write_text("print('customized')")
    (library / "mine.py").write_text("answer = 42")
    program = """
        import mine, tornado
        print(mine.answer, tornado.__name__)
    """
    output = run_program(tmp_path, program, PYTHONPATH=os.pathsep.join([str(ROOT), str(library)]))
    assert output.splitlines()[-2:] == ["customized", "42 pyframework"]


def test_run_as_module_of_the_alias(tmp_path: Path) -> None:
    done = python("-m", "pyframework", "run", "-m", "tornado.util", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_install_from_code(tmp_path: Path) -> None:
    code = """
        import subprocess, sys
        import pyframework.alias
        pyframework.alias.install(children=True)
        pyframework.alias.install(children=True)
        import tornado.util
        print(sum(type(finder).__name__ == "AliasFinder" for finder in sys.meta_path), tornado.util.__name__)
        subprocess.run([sys.executable, "-c", "import tornado; print(tornado.__name__)"])
    """
    done = python("-u", "-c", textwrap.dedent(code), cwd=tmp_path)
    assert done.stdout == "1 pyframework.util\npyframework\n", done.stderr


def test_install_after_another_tornado_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "tornado.py").write_text("")
    done = python("-c", "import tornado, pyframework.alias as a; a.install()", cwd=tmp_path)
    assert "RuntimeError: tornado is already imported from" in done.stderr
    assert "before the first import" in done.stderr


def test_environment_names_the_shadow_folder_once() -> None:
    once = alias.environment({"PYTHONPATH": "/library", "HOME": "/"})
    assert once == {"PYTHONPATH": f"{alias.SHADOW}{os.pathsep}/library", "HOME": "/"}
    assert alias.environment(once) == once


def test_loader_answers_for_the_real_module() -> None:
    spec = alias.AliasFinder().find_spec("tornado.util")
    assert spec is not None and isinstance(spec.loader, alias.AliasLoader)
    real = importlib.util.find_spec("pyframework.util")
    assert real is not None and spec.origin == real.origin
    assert not spec.loader.is_package("tornado.util")
    assert "ObjectDict" in (spec.loader.get_source("tornado.util") or "")
    code = spec.loader.get_code("tornado.util")
    assert code is not None and code.co_filename == importlib.import_module("pyframework.util").__file__
