"""Programs written for Tornado 4 and 5: adds the names and arguments that later releases took away.

`install` switches it on for the process, `python -m pyframework run --tornado4 app.py` for a program that stays as it
is. What Tornado 6.6 does stays as it is too: only what it raises an error for is given a meaning. Nothing else in
pyframework imports this package.
"""

import importlib
import os
import sys

__all__ = ["SHADOW", "LegacyNote", "install"]

from pyframework.legacy._notes import LegacyNote, show_notes

# A folder for PYTHONPATH: it holds a `tornado` package whose import installs the alias and this layer.
SHADOW = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_shadow")

NOTES_SWITCH = "PYFRAMEWORK_LEGACY_NOTES"  # in the environment: "0" switches the notes off

# In this order: what stands behind may need what stands before.
_PARTS = (
    *("util", "stack_context", "concurrent", "ioloop", "gen", "iostream", "netutil", "tcp", "httputil"),
    *("httpclient", "web", "websocket", "wsgi", "auth", "process", "autoreload", "testing", "platform"),
)

_installed = False


def install(*, notes: bool = True) -> None:
    """Add what Tornado 4 and 5 had to pyframework's modules, in this process.

    :arg notes: whether the first use of each old name warns with a `LegacyNote` that says what is used today; the
        environment variable ``PYFRAMEWORK_LEGACY_NOTES=0`` and Python's warning filters switch that off as well
    """
    global _installed
    show_notes(notes and os.environ.get(NOTES_SWITCH) != "0")
    if _installed:
        return
    _installed = True
    for part in _PARTS:
        importlib.import_module(f"{__name__}.{part}").install()
    if "tornado" in sys.modules:
        from pyframework.alias import mirror

        if sys.modules["tornado"] is sys.modules["pyframework"]:
            mirror()
