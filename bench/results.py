"""A benchmark run as data: rounds, medians, ratios, and the JSON file it is kept in."""

import json
import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("results")
Round = dict[str, Any]


@dataclass
class Result:
    """All rounds of one peer in one workload; `beside` are the plain hello rounds taken in the same turns."""

    workload: str
    peer: str
    unit: str
    rounds: list[Round] = field(default_factory=list)
    beside: list[Round] = field(default_factory=list)


@dataclass
class Run:
    """One run of the benchmark, and what it can be asked."""

    started: str
    seconds: int
    machine: dict[str, Any]
    versions: dict[str, str]
    results: list[Result] = field(default_factory=list)
    failures: list[dict[str, str]] = field(default_factory=list)

    def result(self, workload: str, peer: str) -> Result | None:
        """The result of `peer` in `workload`, if it was measured."""
        return next((r for r in self.results if (r.workload, r.peer) == (workload, peer)), None)

    def median(self, workload: str, peer: str, beside: bool = False) -> float | None:
        """The median of the rounds, or of the plain hello rounds beside them; None if not measured."""
        result = self.result(workload, peer)
        return None if result is None else median(result.beside if beside else result.rounds)

    def fail(self, workload: str, peer: str, reason: str) -> None:
        """Note that `peer` could not be measured, and forget what rounds it had."""
        self.results = [r for r in self.results if (r.workload, r.peer) != (workload, peer)]
        self.failures.append({"workload": workload, "peer": peer, "reason": reason})

    def save(self) -> Path:
        """Write the run below `FOLDER` and return the file's path."""
        FOLDER.mkdir(exist_ok=True)
        path = FOLDER / f"{self.started.replace(':', '')}.json"
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")
        return path


def load(path: Path) -> Run:
    """Read a run from its file."""
    data = json.loads(path.read_text())
    return Run(**{**data, "results": [Result(**result) for result in data["results"]]})


def latest() -> Path:
    """The newest result file.

    Raises:
        FileNotFoundError: there is none yet.
    """
    files = sorted(FOLDER.glob("*.json"))
    if not files:
        raise FileNotFoundError(f"no results in {FOLDER}: run `python -m bench.run` first")
    return files[-1]


def median(rounds: list[Round]) -> float | None:
    """The median of the rounds' values; None if there are none."""
    return statistics.median(r["value"] for r in rounds) if rounds else None


def spread(rounds: list[Round]) -> float:
    """How far the rounds lie apart: (largest - smallest) / median."""
    values = [r["value"] for r in rounds]
    return float((max(values) - min(values)) / statistics.median(values)) if values else 0.0


def ratio(numerator: float | None, denominator: float | None) -> float | None:
    """Their quotient; None if either is unknown or the denominator is zero."""
    return numerator / denominator if numerator is not None and denominator else None
