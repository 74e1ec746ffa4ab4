"""`python -m pyframework`: enable, disable and status in a virtual environment of the test's own."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

import pyframework

ROOT = Path(pyframework.__file__).parents[1]


class Environment:
    """A virtual environment that holds pyframework, and a package that plays the real Tornado."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, symlinks=True)
        self.folder = folder
        self.packages = next(folder.glob("lib/python*/site-packages"))
        (self.packages / "checkout.pth").write_text(f"{ROOT}\n")

    def add_tornado(self) -> None:
        (self.packages / "tornado").mkdir()
        (self.packages / "tornado" / "__init__.py").write_text("version = '6.5'\n")
        info = self.packages / "tornado-6.5.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tornado\nVersion: 6.5\n")

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        command = [str(self.folder / "bin" / "python"), *arguments]
        return subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, timeout=60)

    def tornado(self) -> str:
        return self.python("-c", "import tornado; print(tornado.__name__)").stdout.strip()


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path / "env")


def test_enable_and_disable(environment: Environment) -> None:
    assert environment.tornado() == ""
    enabled = environment.python("-m", "pyframework", "enable")
    assert enabled.stdout.startswith("enabled: ") and enabled.returncode == 0
    assert environment.tornado() == "pyframework"
    assert environment.python("-m", "pyframework", "enable").stdout.startswith("already enabled: ")
    disabled = environment.python("-m", "pyframework", "disable")
    assert disabled.stdout.startswith("disabled: ") and disabled.returncode == 0
    assert environment.tornado() == ""
    assert environment.python("-m", "pyframework", "disable").stdout.startswith("already disabled: ")


def test_an_installed_tornado_is_hidden_and_comes_back(environment: Environment) -> None:
    environment.add_tornado()
    assert environment.tornado() == "tornado"
    environment.python("-m", "pyframework", "enable")
    assert environment.tornado() == "pyframework"
    environment.python("-m", "pyframework", "disable")
    assert environment.tornado() == "tornado"


def test_run_hides_an_installed_tornado(environment: Environment) -> None:
    environment.add_tornado()
    done = environment.python("-m", "pyframework", "run", "-c", "import tornado; print(tornado.__name__)")
    assert done.stdout == "pyframework\n"


def test_status(environment: Environment) -> None:
    status = environment.python("-m", "pyframework", "status").stdout.splitlines()
    assert status[0].startswith("disabled") and status[1] == "Tornado is not installed"
    environment.add_tornado()
    environment.python("-m", "pyframework", "enable")
    status = environment.python("-m", "pyframework", "status").stdout.splitlines()
    assert status[0].startswith("enabled") and status[1] == "Tornado 6.5 is installed and stays hidden"


def test_start_file_is_silent_without_pyframework(environment: Environment) -> None:
    environment.python("-m", "pyframework", "enable")
    (environment.packages / "checkout.pth").unlink()
    done = environment.python("-c", "print('fine')")
    assert (done.stdout, done.stderr) == ("fine\n", "")


def test_run_refuses_what_would_silently_not_work(environment: Environment) -> None:
    (environment.folder / "tornado").mkdir()
    (environment.folder / "tornado" / "__init__.py").write_text("")
    (environment.folder / "app.py").write_text("")
    done = environment.python("-m", "pyframework", "run", "app.py")
    assert done.returncode == 1 and "would be imported instead" in done.stderr
    done = environment.python("-E", "-m", "pyframework", "run", "app.py")
    assert done.returncode == 1 and "-E and -I hide the alias" in done.stderr


@pytest.mark.parametrize("arguments", [[], ["nope"], ["enable", "x"]])
def test_unknown_command_shows_the_usage(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", "pyframework", *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith("usage: python -m pyframework")


def test_run_without_a_program() -> None:
    done = subprocess.run([sys.executable, "-m", "pyframework", "run"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and "run what?" in done.stderr


def test_version_and_help() -> None:
    done = subprocess.run([sys.executable, "-m", "pyframework", "version"], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.startswith(f"pyframework {pyframework.__version__} (Tornado {pyframework.version})")
    done = subprocess.run([sys.executable, "-m", "pyframework", "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "enable" in done.stdout
