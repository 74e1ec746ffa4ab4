"""Says in one line what this machine lacks to build the package; silent when nothing is missing.

Written so that any Python, 2.7 included, can run it: its first finding is often an old interpreter.
"""

import os
import subprocess
import sys
import sysconfig

OLDEST = (3, 11)


def missing_compiler():
    names = [sysconfig.get_config_var("CC") or "cc", "cc", "gcc", "clang"]
    names.insert(0, os.environ.get("CC", ""))
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    for name in names:
        program = name.split(" ")[0]
        if program and any(os.access(os.path.join(folder, program), os.X_OK) for folder in folders):
            return False
    return True


def missing_zlib():
    command = [(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split(" ")[0], "-E", "-"]
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError:
        return False
    process.communicate(b"#include <zlib.h>\n")
    return process.returncode != 0


def finding():
    here = "%d.%d" % sys.version_info[:2]
    choose = "or run make PYTHON=/path/to/python3"
    debian = "(Debian: apt-get install python%s-" % here
    if sys.version_info < OLDEST:
        return "Python %s at %s is too old: install Python 3.11 or later, %s" % (here, sys.executable, choose)
    if sys.implementation.name != "cpython":
        return "%s is not CPython, which the compiled core needs: %s" % (sys.executable, choose)
    if missing_compiler():
        return "no C compiler found: install one (Debian: apt-get install gcc libc6-dev; macOS: xcode-select --install)"
    if not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")):
        return "Python %s lacks its headers: install them %sdev), %s" % (here, debian, choose)
    if missing_zlib():
        return "zlib lacks its headers: install them (Debian: apt-get install zlib1g-dev)"
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return "Python %s has no venv: install it %svenv), %s" % (here, debian, choose)
    return None


if __name__ == "__main__":
    found = finding()
    if found:
        sys.exit("pyframework: " + found)
