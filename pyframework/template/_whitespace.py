"""What becomes of white space in the text of templates."""

import re

_BLANKS = re.compile(r"[\t ]+")
_LINE_ENDS = re.compile(r"\s*\n\s*")
_SPACE = re.compile(r"\s+")
MODES = ("all", "single", "oneline")


def filter_whitespace(mode: str, text: str) -> str:
    """Return the text with its white space as `mode` wants it.

    :arg mode: `all` keeps it; `single` makes one of each run, a line break where there is one in it; `oneline` makes
        a space of each run
    :raises ValueError: there is no such mode
    """
    if mode == "all":
        return text
    if mode == "single":
        return _LINE_ENDS.sub("\n", _BLANKS.sub(" ", text))
    if mode == "oneline":
        return _SPACE.sub(" ", text)
    raise ValueError(f"invalid whitespace mode {mode!r}: choose from {', '.join(MODES)}")


def mode_for(name: str) -> str:
    """Return the mode of a template that says nothing about it, by its name."""
    return "single" if name.endswith((".html", ".js")) else "all"
