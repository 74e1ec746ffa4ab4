"""The names of the package, and that it needs no template to be imported."""

import subprocess
import sys

import pytest

from pyframework import web


def test_every_name_is_there():
    assert all(hasattr(web, name) for name in web.__all__)


def test_private_names_that_others_import():
    for name in ("_create_signature_v1", "_create_signature_v2", "_HandlerDelegate", "_ApplicationRouter", "_RuleList"):
        assert hasattr(web, name)


def test_url_is_urlspec():
    assert web.url is web.URLSpec


def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'nix'"):
        _ = web.nix


def test_import_is_late():
    code = "import pyframework.web, sys; print({'pyframework.template', 'pyframework.locale'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
