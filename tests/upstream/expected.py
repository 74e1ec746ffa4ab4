"""The list of upstream tests that do not pass yet: names (of a module, a class or a test) with a reason each."""

import json
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

LIST = Path(__file__).with_name("expected_failures.toml")

HEAD = """\
# Tests of Tornado's own suite that do not pass: a module, a class or a test, each with its reason.
# `make upstream` fails when a test off this list fails, and when a test on it passes: the list only shrinks.
# A developer rewrites it with `python tests/upstream/run.py --update`, which keeps the reasons that are here.

[expected]
"""


class Outcome(NamedTuple):
    """What one test came to: "passed", "failed" or "skipped", with the error's or the skip's text."""

    name: str
    result: str
    message: str


def load(path: Path = LIST) -> dict[str, str]:
    """Return name -> reason."""
    if not path.exists():
        return {}
    entries: dict[str, str] = tomllib.loads(path.read_text())["expected"]
    return entries


def entry_of(name: str, entries: Iterable[str]) -> str | None:
    """Return the entry that covers a test: its own, its class's or its module's."""
    parts = name.split(".")
    return next((".".join(parts[:n]) for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in entries), None)


def judge(outcomes: list[Outcome], entries: dict[str, str], modules: list[str]) -> list[str]:
    """Return what is wrong with a run of these modules, one line a finding; nothing when it went as expected."""
    findings = []
    met = set()
    for outcome in outcomes:
        entry = entry_of(outcome.name, entries)
        met.add(entry)
        if outcome.result == "failed" and entry is None:
            findings.append(f"FAILED {outcome.name}: {outcome.message.splitlines()[0] if outcome.message else ''}")
        if outcome.result == "passed" and entry is not None:
            findings.append(f"PASSES {outcome.name}: take it off the list (entry {entry})")
    unmet = [entry for entry in entries if entry_of(entry, modules) and entry not in met]
    return findings + [f"UNKNOWN {entry}: the list names a test that does not exist" for entry in unmet]


def summarise(outcomes: list[Outcome], modules: list[str]) -> dict[str, str]:
    """Return the shortest list for these outcomes: a whole module or class where nothing in it passes."""
    passed = {outcome.name for outcome in outcomes if outcome.result == "passed"}
    entries: dict[str, str] = {}
    for outcome in outcomes:
        if outcome.result != "failed" or entry_of(outcome.name, entries):
            continue
        module = entry_of(outcome.name, modules) or outcome.name
        owner = ".".join(outcome.name.split(".")[: module.count(".") + 2])
        groups = [group for group in (module, owner) if not any(f"{name}.".startswith(f"{group}.") for name in passed)]
        reason = outcome.message.splitlines()[0] if outcome.message else "fails"
        entries[groups[0] if groups else outcome.name] = reason[:160]
    return entries


def update(outcomes: list[Outcome], modules: list[str], path: Path = LIST) -> None:
    """Rewrite the list for these modules; entries of other modules, and the reasons of entries that remain, stay."""
    old = load(path)
    new = {name: reason for name, reason in old.items() if not entry_of(name, modules)}
    for name, reason in summarise(outcomes, modules).items():
        new[name] = old.get(name, reason)
    lines = [f"{json.dumps(name)} = {json.dumps(reason, ensure_ascii=False)}\n" for name, reason in sorted(new.items())]
    path.write_text(HEAD + "".join(lines))
