"""One note for each old name: what is used in its place today."""

import os
import sys
import warnings

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep

_shown: set[str] = set()
_showing = True


class LegacyNote(FutureWarning):
    """A program has used a name or an argument that went after Tornado 5."""


def show_notes(showing: bool) -> None:
    """Switch the notes on or off."""
    global _showing
    _showing = showing


def note(name: str, today: str) -> None:
    """Warn once that ``name`` is old, at the line of the program that uses it.

    :arg name: as the program writes it
    :arg today: what to use, as the end of a sentence
    """
    if not _showing or name in _shown:
        return
    _shown.add(name)
    warnings.warn(f"{name} is of Tornado 4 and 5: today {today}", LegacyNote, stacklevel=_depth())


def _depth() -> int:
    """Return the `stacklevel` of the first frame that is not this package's."""
    depth, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        depth, frame = depth + 1, frame.f_back
    return depth
