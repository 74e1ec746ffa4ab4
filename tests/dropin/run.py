"""Runs the tests of packages that stand on Tornado, once with Tornado and once with pyframework in its place.

`python tests/dropin/run.py [package …]` makes an environment for each package below `.upstream/dropin`, runs its
tests with the real Tornado, then under `python -m pyframework enable`, and prints the counts side by side. What
passes with Tornado and not with pyframework is run once more; if it fails again it is named, and makes the run fail.
`--table` writes the counts into docs/compat.md.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from environments import FOLDER, ROOT, Package, prepare, run  # noqa: E402

SECONDS_PER_RUN = 1500
SECONDS_PER_TEST = 120
COUNTED = ("passed", "failed", "skipped")
BEGIN, END = "<!-- dropin: begin -->", "<!-- dropin: end -->"


class Report(NamedTuple):
    """The outcome of each test by its name, with both."""

    package: Package
    tornado: dict[str, str]
    ours: dict[str, str]

    def worse(self) -> list[str]:
        """Return the names of the tests that pass with Tornado only."""
        return [name for name, outcome in self.tornado.items() if outcome == "passed" != self.ours.get(name)]


def packages() -> dict[str, Package]:
    tables = tomllib.loads((HERE / "packages.toml").read_text())
    return {name: Package(name, **table) for name, table in tables.items()}


def read_outcomes(path: Path) -> dict[str, str]:
    """Return the outcomes of a JUnit file; a test with several entries counts by the worst."""
    outcomes: dict[str, str] = {}
    if not path.exists():
        return outcomes
    for case in ElementTree.parse(path).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        tags = {child.tag for child in case}
        outcome = "failed" if tags & {"failure", "error"} else "skipped" if "skipped" in tags else "passed"
        outcomes[name] = max(outcomes.get(name, outcome), outcome, key=("skipped", "passed", "failed").index)
    return outcomes


def environment(package: Package) -> dict[str, str]:
    """Return the environment of a run: a home of its own, and the programs of the package's environment first."""
    home = package.folder / "home"
    home.mkdir(exist_ok=True)
    path = f"{package.python.parent}{os.pathsep}{os.environ['PATH']}"
    others = ("PYTHON", "PYTEST", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    return {**kept, "HOME": str(home), "PATH": path}


def run_tests(package: Package, which: str, selected: list[str]) -> dict[str, str]:
    """Run a package's tests in the environment as it is now; leave no process behind."""
    run(package.python, "-m", "pyframework", "enable" if which == "pyframework" else "disable")
    notes, output = package.folder / f"{which}.xml", package.folder / f"{which}.txt"
    notes.unlink(missing_ok=True)
    options = ["-q", "-p", "no:cacheprovider", "--timeout", str(SECONDS_PER_TEST), "--junitxml", str(notes)]
    command = [str(package.python), "-m", "pytest", *options, *package.arguments, *(selected or package.paths())]
    with output.open("wb") as file:
        process = subprocess.Popen(
            command,
            env=environment(package),
            cwd=package.source,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
        with suppress(subprocess.TimeoutExpired):
            process.wait(SECONDS_PER_RUN)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return read_outcomes(notes)


def compare(package: Package, arguments: argparse.Namespace) -> Report:
    """Run both; the outcomes with Tornado, which does not change, are kept for later runs."""
    prepare(package)
    kept = package.folder / "tornado.json"
    if arguments.again or arguments.select or not kept.exists():
        tornado = run_tests(package, "tornado", arguments.select)
        if not arguments.select:
            kept.write_text(json.dumps(tornado))
    else:
        tornado = json.loads(kept.read_text())
    try:
        report = Report(package, tornado, run_tests(package, "pyframework", arguments.select))
        again = {file for name in report.worse() if (file := file_of(package, name))}
        if again:  # some tests hang on the weather, with both: they have a second chance
            second = run_tests(package, "pyframework", sorted(again))
            report.ours.update({name: second[name] for name in report.worse() if second.get(name) == "passed"})
        return report
    finally:
        run(package.python, "-m", "pyframework", "disable")


def file_of(package: Package, name: str) -> str | None:
    """Return the file of a test by its name in a JUnit file: that begins with modules and may go on with classes."""
    words = name.partition("::")[0].split(".")
    places = [place / "/".join(words) for place in (package.source, package.source.parent)]
    files = [path.parent / f"{path.name}.py" for place in places for path in (place, *place.parents)]
    return next((str(path) for path in files if path.exists()), None)


def counts(outcomes: dict[str, str]) -> str:
    return " / ".join(str(list(outcomes.values()).count(what)) for what in COUNTED)


def row(report: Report) -> str:
    """Return the row of the table in docs/compat.md."""
    package = report.package
    what = "its own tests" if package.tests else "[a scripted use](../tests/dropin/scripts)"
    return (
        f"| {package.name} {package.version} | {package.kind} | {what} "
        f"| {counts(report.tornado)} | {counts(report.ours)} | {len(report.worse())} |"
    )


def write_table(reports: list[Report]) -> None:
    """Replace the rows of these packages in docs/compat.md; rows of other packages stay."""
    page = ROOT / "docs" / "compat.md"
    text = page.read_text()
    before, begin, rest = text.partition(BEGIN)
    table, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{page} has no lines {BEGIN} and {END}")
    rows = {match[1]: match[0] for match in re.finditer(r"^\| (\S+) \d.*$", table, re.MULTILINE)}
    rows |= {report.package.name: row(report) for report in reports}
    head = (
        "| package | kind | what runs | Tornado 6.6.1: passed / failed / skipped | pyframework: the same "
        "| pass with Tornado only |\n|---|---|---|---|---|---|"
    )
    lines = [rows[name] for name in packages() if name in rows]
    page.write_text("\n".join([before + BEGIN, head, *lines, END + after]))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run packages that stand on Tornado, with it and with pyframework.")
    names = ", ".join(packages())
    parser.add_argument("packages", nargs="*", metavar="package", help=f"all when none is named: {names}")
    parser.add_argument("--again", action="store_true", help="run Tornado again, whose outcomes are kept")
    parser.add_argument("--select", action="append", default=[], metavar="TEST", help="run only this file or test")
    parser.add_argument("--table", action="store_true", help="write the rows into docs/compat.md")
    return parser.parse_args()


def main() -> int:
    arguments = parse_arguments()
    known = packages()
    if unknown := set(arguments.packages) - set(known):
        raise SystemExit(f"no such package: {', '.join(sorted(unknown))}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    print(f"{'passed / failed / skipped':44} {'Tornado':>20} {'pyframework':>20}", flush=True)
    reports = []
    for name in arguments.packages or known:
        report = compare(known[name], arguments)
        reports.append(report)
        title = f"{name} {known[name].version}"
        print(f"{title:44} {counts(report.tornado):>20} {counts(report.ours):>20}", flush=True)
        for test in report.worse():
            print(f"  passes with Tornado only: {test} ({report.ours.get(test, 'did not run')})", flush=True)
    if arguments.table:
        write_table(reports)
    return int(any(report.worse() or not report.ours for report in reports))


if __name__ == "__main__":
    sys.exit(main())
