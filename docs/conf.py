"""How Sphinx builds these pages, with the API taken from the docstrings: `make docs`."""

import pyframework

project = "pyframework"
version = release = pyframework.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_heading_anchors = 3
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_typehints = "description"
# Links to files of the repository beside docs/, and attributes that two classes have.
suppress_warnings = ["myst.xref_missing", "ref.python"]


def join_lines(app: object, what: str, name: str, documented: object, options: object, lines: list[str]) -> None:
    """Put indented lines behind the one that they continue: only code is indented in reStructuredText."""
    joined: list[str] = []
    for line in lines:
        if line.startswith("    ") and joined and joined[-1]:
            joined[-1] += f" {line.strip()}"
        else:
            joined.append(line)
    lines[:] = joined


def setup(app: object) -> None:
    app.connect("autodoc-process-docstring", join_lines)  # type: ignore[attr-defined]
