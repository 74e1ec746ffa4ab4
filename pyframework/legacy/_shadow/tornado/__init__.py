"""Stands in for Tornado on PYTHONPATH: its first import installs the alias and the layer for Tornado 4 and 5."""

import importlib.util
import sys
from pathlib import Path

if importlib.util.find_spec("pyframework") is None:
    # The parent process ran from a checkout: its children may run in any folder.
    sys.path.append(str(Path(__file__).resolve().parents[4]))

import pyframework  # noqa: E402
import pyframework.alias  # noqa: E402
import pyframework.legacy  # noqa: E402

sys.modules[__name__] = pyframework
pyframework.alias.install()
pyframework.legacy.install()
