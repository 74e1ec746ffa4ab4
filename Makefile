# make run      the demo on http://127.0.0.1:8888
# make test     everything: unit tests, C tests, Tornado's own suite, lint
# make upstream, lint, bench, asan, autobahn, dropin, fuzz, docs, dist, clean
#
# PYTHON=/path/to/python3 chooses the interpreter, VENV=.venv-x the folder it is set up in.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && exit; done; echo python3)
VENV ?= .venv
PY = $(VENV)/bin/python
PIP = $(PY) -m pip install -q --disable-pip-version-check
EXT = $(shell find ext -name '*.pyx' -o -name '*.pxd' -o -name '*.c' -o -name '*.h')
PYTEST_ARGS ?= -q

.PHONY: run test upstream lint bench asan autobahn dropin fuzz docs build dist clean

run: build
	@$(PY) -m examples.demo

test: build $(VENV)/.tools
	@lint=0; $(MAKE) -s lint || lint=1; $(PY) -m pytest $(PYTEST_ARGS) && [ $$lint = 0 ]

upstream: build $(VENV)/.tools
	$(PY) tests/upstream/run.py

lint: build $(VENV)/.tools
	$(PY) -m ruff check .
	$(PY) -m mypy
	MYPYPATH=. $(PY) -m mypy.stubtest pyframework._core --mypy-config-file pyproject.toml \
		--ignore-disjoint-bases --ignore-unused-allowlist --allowlist tests/typing/stubtest.txt

bench: build
	$(PY) -m bench.run

asan: $(VENV)/.tools
	@.ci/asan $(PY)

autobahn: build
	$(PY) tests/autobahn/run.py

dropin: build
	$(PY) tests/dropin/run.py

fuzz: $(VENV)/.venv
	@.ci/fuzz $(PY)

docs: build
	@$(PIP) 'pyframework[docs]'
	$(PY) -m sphinx -q -W -b html docs build/docs
	@echo "open build/docs/index.html"

dist: $(VENV)/.venv
	$(PIP) build
	$(PY) -m build

build: $(VENV)/.built

# The package is installed once, without what its extras name; those are added by name, which compiles nothing.
# A change of ext/ alone compiles what changed; a new venv or new metadata installs the package (editable).
$(VENV)/.built: pyproject.toml setup.py $(EXT) | $(VENV)/.venv
	@echo "compiling the core …"
	@$(if $(filter %.toml %.py,$?),$(PIP) --no-build-isolation --no-deps -e .,$(PY) setup.py -q build_ext --inplace)
	@touch $@

$(VENV)/.venv:
	@command -v "$(PYTHON)" >/dev/null || { \
		echo "pyframework: no Python found: install Python 3.11 or later (Debian, Ubuntu: apt-get install python3 python3-dev python3-venv)"; exit 1; }
	@"$(PYTHON)" .ci/preflight.py
	@echo "making $(VENV) with $$($(PYTHON) --version) …"
	@"$(PYTHON)" -m venv $(VENV)
	@$(PIP) --upgrade pip
	@$(PIP) --group build
	@touch $@

$(VENV)/.tools: pyproject.toml | $(VENV)/.built
	@$(PIP) 'pyframework[test]'
	@touch $@

clean:
	rm -rf build dist .upstream pyframework.egg-info .mypy_cache .ruff_cache .pytest_cache pyframework/_core/*.so
