"""Slow, obvious programs that say what the compiled ones must answer."""
