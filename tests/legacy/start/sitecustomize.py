"""Installs the layer in every process of a run of Tornado's own suite."""

from pyframework import legacy

legacy.install(notes=False)
