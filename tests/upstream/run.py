"""Runs Tornado's own test suite against pyframework: `python tests/upstream/run.py [module …]`.

Each module of the suite runs in its own process under the alias, two at a time. Options: --update rewrites the
list of expected failures, --with-tornado runs the real Tornado instead (to check this runner), -v shows the
output of each module that has a finding.
"""

import argparse
import ast
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import expected  # noqa: E402
from expected import Outcome  # noqa: E402
from install import ROOT, upstream_folder  # noqa: E402

SECONDS_PER_MODULE = 300
CLEAN_OUTPUT = "clean_output"


class Result(NamedTuple):
    """All outcomes of one module, what its processes wrote to stderr, and the names that passed at the second try."""

    module: str
    outcomes: list[Outcome]
    output: str
    second_try: list[str]
    seconds: float

    def count(self, result: str) -> int:
        return sum(outcome.result == result for outcome in self.outcomes)


def suite_modules(folder: Path) -> list[str]:
    """Return the names that Tornado's own runner runs, read from its source without importing it."""
    tree = ast.parse((folder / "tornado/test/runtests.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "TEST_MODULES":
            modules: list[str] = ast.literal_eval(node.value)
            return modules
    raise SystemExit("tornado.test.runtests has no TEST_MODULES")


def environment(folder: Path, with_tornado: bool) -> dict[str, str]:
    """Return the environment of the test processes; those that they start inherit it."""
    path = [str(folder)] if with_tornado else [str(HERE / "path"), str(ROOT), str(folder)]
    return {**os.environ, "PYFRAMEWORK_UPSTREAM": str(folder), "PYTHONPATH": os.pathsep.join(path)}


def run_once(module: str, notes: Path, env: dict[str, str], output: Path) -> None:
    """Run the tests of a module that have no outcome in the notes yet; leave no process behind."""
    command = [sys.executable, str(HERE / "suite.py"), module, str(notes)]
    with output.open("ab") as stderr, tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            command, env=env, cwd=folder, stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr, start_new_session=True
        )
        try:
            process.wait(SECONDS_PER_MODULE)
        except subprocess.TimeoutExpired:
            stderr.write(b"the module took too long\n")
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def read_notes(module: str, notes: Path) -> tuple[dict[str, Outcome], str | None]:
    """Return the outcomes by name, and the exit code ("0", "1") if the module ran to its end."""
    outcomes: dict[str, Outcome] = {}
    finished = None
    for line in notes.read_text().splitlines() if notes.exists() else ():
        name, result, message = json.loads(line)
        if result == "finished":
            finished = message
            continue
        if result == "started":
            result, message = "failed", "the process ended during this test (a crash, or it took too long)"
        if name != module and not name.startswith(f"{module}."):
            name = f"{module}.{name.removeprefix('tornado.')}"
        outcomes[name] = Outcome(name, result, message)
    return outcomes, finished


def run_to_end(module: str, notes: Path, env: dict[str, str], output: Path) -> dict[str, Outcome]:
    """Run a module, going on behind each test that ends the process."""
    seen = -1
    finished = None
    outcomes: dict[str, Outcome] = {}
    while finished is None and len(outcomes) > seen:
        seen = len(outcomes)
        run_once(module, notes, env, output)
        outcomes, finished = read_notes(module, notes)
    said = output.read_text(errors="replace").strip().splitlines()
    if finished is None and not outcomes:
        outcomes[module] = Outcome(module, "failed", said[-1] if said else "the process said nothing")
    elif finished == "1" and not any(outcome.result == "failed" for outcome in outcomes.values()):
        name = f"{module}.{CLEAN_OUTPUT}"
        outcomes[name] = Outcome(name, "failed", "the tests passed, but wrote to the log or to stderr")
    return outcomes


def run_module(module: str, env: dict[str, str], entries: dict[str, str]) -> Result:
    """Run a module; if something fails that is not on the list, it gets a second try, which the report tells.

    That is a run of the whole module: alone, a test with a time limit would also pay for what is done once a process.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        notes, output = Path(folder, "notes"), Path(folder, "output")
        outcomes = run_to_end(module, notes, env, output)
        wrong = [name for name, o in outcomes.items() if o.result == "failed" and not expected.entry_of(name, entries)]
        if 0 < len(wrong) <= 5:
            notes.unlink()
            again = run_to_end(module, notes, env, output)
            outcomes |= {name: again[name] for name in wrong if name in again}
        second_try = [name for name in wrong if name in outcomes and outcomes[name].result == "passed"]
        said = output.read_text(errors="replace")
    return Result(module, list(outcomes.values()), said, second_try, time.monotonic() - began)


def print_table(results: list[Result]) -> None:
    print(f"\n{'module':44} {'passed':>7} {'failed':>7} {'skipped':>8} {'seconds':>8}")
    for r in results:
        print(f"{r.module:44} {r.count('passed'):7} {r.count('failed'):7} {r.count('skipped'):8} {r.seconds:8.1f}")
    totals = [sum(r.count(what) for r in results) for what in ("passed", "failed", "skipped")]
    print(f"{'together':44} {totals[0]:7} {totals[1]:7} {totals[2]:8}")
    for name in (name for r in results for name in r.second_try):
        print(f"passed only at the second try: {name}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run Tornado's own test suite against pyframework.")
    parser.add_argument("modules", nargs="*", help="such as web_test or tornado.test.web_test; all when none is named")
    parser.add_argument("--update", action="store_true", help="rewrite expected_failures.toml")
    parser.add_argument("--with-tornado", action="store_true", help="run the real Tornado, to check this runner")
    parser.add_argument("--jobs", type=int, default=2, help="modules at a time (default 2)")
    parser.add_argument("-v", "--verbose", action="store_true", help="show the output of modules with findings")
    return parser.parse_args()


def main() -> int:
    arguments = parse_arguments()
    folder = upstream_folder()
    wanted = [name if "." in name else f"tornado.test.{name}" for name in arguments.modules]
    modules = wanted or suite_modules(folder)
    entries = {} if arguments.with_tornado else expected.load()
    env = environment(folder, arguments.with_tornado)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        results = list(pool.map(lambda module: run_module(module, env, entries), modules))
    outcomes = [outcome for result in results for outcome in result.outcomes]
    print_table(results)
    if arguments.update:
        expected.update(outcomes, modules)
        print(f"written: {expected.LIST}")
        return 0
    findings = expected.judge(outcomes, entries, modules)
    for result in results if arguments.verbose else ():
        if expected.judge(result.outcomes, entries, []):
            print(f"\n--- {result.module}\n{result.output}")
    print("\n".join(["", *findings]))
    failed = len(findings)
    on_list = sum(outcome.result == "failed" for outcome in outcomes) - sum(f.startswith("FAILED") for f in findings)
    passed = sum(outcome.result == "passed" for outcome in outcomes)
    print(f"{passed} passed, {failed} failed, {on_list} expected failures")
    return int(bool(findings))


if __name__ == "__main__":
    sys.exit(main())
