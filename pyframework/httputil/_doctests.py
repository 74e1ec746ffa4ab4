"""The examples in the docstrings of this package, as a test suite."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import unittest


def doctests() -> "unittest.TestSuite":
    """Collect the examples for `unittest`."""
    import doctest
    import unittest

    from pyframework.httputil import _parameters, _ranges, _url

    return unittest.TestSuite([doctest.DocTestSuite(module) for module in (_parameters, _ranges, _url)])
