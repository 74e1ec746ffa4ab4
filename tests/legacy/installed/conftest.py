"""The layer is installed, without notes, for everything in this folder."""

from pyframework import legacy

legacy.install(notes=False)
