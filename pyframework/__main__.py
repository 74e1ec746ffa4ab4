"""The command line: `python -m pyframework run app.py`, and `enable`, `disable`, `status` for a whole environment."""

import os
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

import pyframework
from pyframework import _sigterm, alias

USAGE = """\
usage: python -m pyframework <command>

  run app.py [arguments]      run a Tornado program on pyframework
  run -m module [arguments]   the same for a module
  run --tornado4 app.py       the same for a program that was written for Tornado 4 or 5
  enable                      let `import tornado` mean pyframework in this whole Python environment
  disable                     undo that
  status                      say what `import tornado` means here
  version                     print the versions"""

TORNADO4 = "--tornado4"  # the option of `run` that adds what Tornado 4 and 5 had

START_FILE = "pyframework-as-tornado.pth"

# One line, as site.py demands. It stays silent once pyframework has been uninstalled.
START_LINE = (
    'import sys; exec("try:\\n import pyframework.alias as alias\\n'
    'except ModuleNotFoundError:\\n pass\\nelse:\\n alias.install()")\n'
)


def start_file() -> Path:
    """Return the path of the start-up file in this environment's site-packages, present or not."""
    return Path(sysconfig.get_path("purelib")) / START_FILE


def interpreter_options() -> list[str]:
    """Return the options that stand before `-m pyframework`, such as -X and -W."""
    words = sys.orig_argv[1:]
    return words[: words.index("-m")] if "-m" in words else []


def run(arguments: list[str]) -> None:
    """Replace this process by `python <arguments>` with the alias: the program then sees what it always sees.

    On SIGTERM its HTTP servers finish what they have accepted.
    """
    old = arguments[:1] == [TORNADO4]
    arguments = arguments[old:]
    if not arguments or arguments == ["-m"]:
        raise SystemExit("pyframework: run what? python -m pyframework run app.py, or run -m module")
    if sys.flags.ignore_environment:
        raise SystemExit("pyframework: python -E and -I hide the alias from the program: leave them out, or use enable")
    folder = Path() if arguments[0].startswith("-") else Path(arguments[0]).resolve().parent
    if (folder / "tornado" / "__init__.py").exists():
        raise SystemExit(f"pyframework: {folder.resolve()}/tornado would be imported instead: move it out of the way")
    command = [sys.executable, *interpreter_options(), *arguments]
    environment = alias.environment(os.environ)
    if old:
        from pyframework.legacy import SHADOW

        environment["PYTHONPATH"] = os.pathsep.join([SHADOW, environment["PYTHONPATH"]])
    os.execve(sys.executable, command, {**environment, _sigterm.SWITCH: "1"})


def enable() -> None:
    path = start_file()
    if path.exists() and path.read_text() == START_LINE:
        print(f"already enabled: {path}")
        return
    try:
        path.write_text(START_LINE)
    except OSError as error:
        raise SystemExit(f"pyframework: cannot write {path} ({error.strerror}): use a virtual environment") from None
    print(f"enabled: `import tornado` now means pyframework in {sys.prefix}")
    print(f"written: {path}")


def disable() -> None:
    path = start_file()
    try:
        path.unlink()
    except FileNotFoundError:
        print(f"already disabled: there is no {path}")
    except OSError as error:
        raise SystemExit(f"pyframework: cannot remove {path} ({error.strerror})") from None
    else:
        print(f"disabled: `import tornado` means Tornado again in {sys.prefix}")
        print(f"removed: {path}")


def status() -> None:
    enabled = start_file().exists()
    try:
        tornado = f"Tornado {metadata.version('tornado')} is installed{' and stays hidden' if enabled else ''}"
    except metadata.PackageNotFoundError:
        tornado = "Tornado is not installed"
    print(f"{'enabled' if enabled else 'disabled'} in {sys.prefix}")
    print(tornado)
    print(f"`import tornado` means {'pyframework' if enabled else 'Tornado, except under `python -m pyframework run`'}")


def version() -> None:
    print(f"pyframework {pyframework.__version__} (Tornado {pyframework.version}), Python {sys.version.split()[0]}")


COMMANDS = {"enable": enable, "disable": disable, "status": status, "version": version}


def main(arguments: list[str]) -> None:
    """Run one command; the arguments are those after `python -m pyframework`."""
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if command == "run":
        run(rest)
    elif command in ("-h", "--help", "help"):
        print(USAGE)
    elif command in COMMANDS and not rest:
        COMMANDS[command]()
    else:
        raise SystemExit(USAGE)


if __name__ == "__main__":
    main(sys.argv[1:])
