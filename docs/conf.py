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
