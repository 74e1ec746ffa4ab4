"""Without the layer nothing is different, and nothing but the layer imports it."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# The public names of every module and class, as they are with and without the layer.
NAMES = """
import importlib, json, sys
from pathlib import Path
import pyframework

def names_of(thing):
    return {name: sorted(n for n in dir(value) if not n.startswith("_")) if isinstance(value, type) else None
            for name, value in vars(thing).items() if not name.startswith("_")}

OPTIONAL = ("legacy", "twisted", "caresresolver", "curl_httpclient", "pytest_plugin")

def all_names():
    found = {}
    root = Path(pyframework.__path__[0])
    for file in sorted(root.rglob("*.py")):
        parts = file.relative_to(root).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if parts and not any(part.startswith("_") or part in OPTIONAL for part in parts):
            name = ".".join(["pyframework", *parts])
            found[name] = names_of(importlib.import_module(name))
    return found

all_names()  # importing one module may enter another
before = all_names()
assert not any(name.startswith("pyframework.legacy") for name in sys.modules)
from pyframework import legacy
between = all_names()
assert between == before, [(m, set(between[m]) ^ set(before[m])) for m in before if between[m] != before[m]]
legacy.install(notes=False)
after = all_names()
print(json.dumps({m: sorted(set(after[m]) - set(before[m])) for m in before if set(after[m]) != set(before[m])}))
for module, names in before.items():
    for name, members in names.items():
        assert members is None or set(members) <= set(after[module][name]), (module, name)
    assert set(names) <= set(after[module]), module
"""

ADDED = (
    "gen.Task gen.engine gen.Callback gen.Wait gen.WaitAll gen.YieldPoint gen.YieldFuture gen.MultiYieldPoint "
    "gen.Arguments concurrent.TracebackFuture concurrent.return_future ioloop.PollIOLoop web.asynchronous "
    "netutil.ssl_match_hostname netutil.SSLCertificateError testing.get_unused_port testing.LogTrapTestCase "
    "util.u util.b util.xrange util.PY3 wsgi.from_wsgi_str escape.PY3 escape.basestring_type escape.unichr "
    "escape.unicode_type platform.auto platform.common platform.epoll platform.interface platform.kqueue "
    "platform.posix platform.select platform.windows"
).split()


def test_names_with_and_without() -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", NAMES], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    added = json.loads(done.stdout)
    found = {f"{module.removeprefix('pyframework.')}.{name}" for module, names in added.items() for name in names}
    imported = {"platform.caresresolver"}  # where pycares is installed
    assert found - imported == set(ADDED)


def test_old_modules_are_not_there_without_the_layer() -> None:
    for name in ("stack_context", "platform.epoll"):
        code = f"import pyframework.alias; pyframework.alias.install(); import tornado.{name}"
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
        assert "ModuleNotFoundError" in done.stderr


def test_nothing_else_imports_it() -> None:
    pattern = re.compile(r"^\s*(from|import)\s.*\blegacy\b", re.MULTILINE)
    files = [f.relative_to(ROOT) for f in (ROOT / "pyframework").rglob("*.py")]
    users = [str(f) for f in files if "legacy" not in f.parts and pattern.search((ROOT / f).read_text())]
    assert users == ["pyframework/__main__.py"]
