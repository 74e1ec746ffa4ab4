"""With the layer installed, Tornado 6.6's own tests pass as they do without it."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.upstream.install import upstream_folder

HERE = Path(__file__).parent


@pytest.mark.parametrize(
    "module", ["gen_test", "web_test", "iostream_test", "concurrent_test", "ioloop_test", "httpserver_test"]
)
def test_passes_with_the_layer(module: str, monkeypatch: Any) -> None:
    monkeypatch.syspath_prepend(str(HERE.parent / "upstream"))
    import expected
    import run

    env = run.environment(upstream_folder(), with_tornado=False)
    env["PYTHONPATH"] = os.pathsep.join([str(HERE / "start"), env["PYTHONPATH"]])
    entries = expected.load()
    result = run.run_module(f"tornado.test.{module}", env, entries)
    assert result.count("passed") > 10
    failed = [o.name for o in result.outcomes if o.result == "failed" and not expected.entry_of(o.name, entries)]
    assert not failed, result.output
