"""Puts back what Tornado 4.5 takes from `collections`, and what Python 3.10 removed from there."""

import collections
import collections.abc

for name in collections.abc.__all__:
    if not hasattr(collections, name):
        setattr(collections, name, getattr(collections.abc, name))
