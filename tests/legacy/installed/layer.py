"""A plugin of pytest that installs the layer; no conftest.py, which every run would load."""

from pyframework import legacy

legacy.install(notes=False)
