"""Makes an environment for each package: pinned versions, the real Tornado, and this checkout's pyframework."""

import subprocess
import sys
import tarfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".upstream" / "dropin"
ALWAYS = ["tornado==6.6.1", "pytest", "pytest-timeout"]
SOURCES = [ROOT / "ext", ROOT / "pyframework"]


class Package(NamedTuple):
    """One table of packages.toml."""

    name: str
    kind: str
    requires: list[str]
    tests: list[str] = []
    script: str = ""
    arguments: list[str] = []

    @property
    def version(self) -> str:
        return self.requires[0].partition("==")[2]

    @property
    def folder(self) -> Path:
        return FOLDER / self.name

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def source(self) -> Path:
        """The folder in which the tests run: the unpacked source distribution, or that of our scripts."""
        return self.folder / "src" if self.tests else Path(__file__).parent / "scripts"

    def paths(self) -> list[str]:
        return self.tests or [f"{self.script}_use.py"]


def run(*command: str | Path) -> None:
    """Run a command; if it fails, end with what it said."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")


def newest(folders: list[Path]) -> float:
    files = (path for folder in folders for path in folder.rglob("*"))
    return max(path.stat().st_mtime for path in files if path.suffix in (".py", ".pyx", ".pxd", ".c", ".h"))


def wheel() -> Path:
    """Return the wheel of this checkout, building it if a source file is newer."""
    folder = FOLDER / "wheel"
    found = list(folder.glob("pyframework-*.whl"))
    if not found or found[0].stat().st_mtime < newest(SOURCES):
        print("building pyframework …", flush=True)
        run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, ROOT)
        found = list(folder.glob("pyframework-*.whl"))
    return found[0]


def unpack(package: Package, pip: list[str | Path]) -> None:
    """Put the package's source distribution, whose tests are run, into its folder."""
    name = package.requires[0].partition("==")[0].partition("[")[0]
    sdist = package.folder / "sdist"
    requirement = f"{name}=={package.version}"
    run(*pip, "download", "-q", "--no-deps", "--no-binary", name, "-d", sdist, requirement)
    with tarfile.open(next(sdist.glob("*.tar.gz"))) as archive:
        archive.extractall(sdist, filter="data")
    next(path for path in sdist.iterdir() if path.is_dir()).rename(package.source)


def prepare(package: Package) -> None:
    """Make the environment on first use, and put the newest pyframework into it."""
    pip: list[str | Path] = [package.python, "-m", "pip", "--disable-pip-version-check"]
    made = package.folder / "requires.txt"
    wanted = "\n".join([*ALWAYS, *package.requires])
    if not made.exists() or made.read_text() != wanted:
        print(f"making the environment of {package.name} …", flush=True)
        run(sys.executable, "-m", "venv", "--clear", package.folder)
        (package.folder / "pytest.ini").touch()  # else pytest takes the settings of this checkout
        run(*pip, "install", "-q", *ALWAYS, *package.requires)
        if package.tests:
            unpack(package, pip)
        made.write_text(wanted)
    built, installed = wheel(), package.folder / "pyframework.txt"
    stamp = str(built.stat().st_mtime_ns)
    if not installed.exists() or installed.read_text() != stamp:
        run(*pip, "install", "-q", "--no-deps", "--force-reinstall", built)
        installed.write_text(stamp)
