"""What the benchmarks found, run by run: benchmarks/history.jsonl holds one line of JSON for each.

A line has the commit, counters of small problems, and for whole runs the seconds. The counters (unknowns, nonzeros,
applications, iterations, elements of factors) do not depend on the machine: a test holds them against the last line, so
that work that grows is seen where no clock can be trusted.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from benchmarks import machine
from benchmarks.cases import CASES
from benchmarks.runner import ROOT

FILE = ROOT / "benchmarks" / "history.jsonl"
# The N at which each case is counted: a second for all.
COUNTED = {
    "emission": 50,
    "time-crystal": 30,
    "two-ensembles": 8,
    "three-levels": 8,
    "squeezing": 20,
    "tavis-cummings": 6,
    "driven-steady-state": 40,
}
COUNTERS = ("unknowns", "nonzeros", "applications", "iterations", "fill")


def counters() -> dict[str, dict[str, int]]:
    """For each case, what this package needs to answer it."""
    found = {}
    for name, N in COUNTED.items():
        ours = CASES[name].ours
        stats = ours.read(N, ours.solve(N)).stats
        found[name] = {"N": N, **{key: int(stats[key]) for key in COUNTERS if key in stats}}
    return found


def last() -> dict[str, Any]:
    """The line written last."""
    return dict(json.loads(FILE.read_text().splitlines()[-1]))


def append(results: dict[str, Any] | None = None) -> None:
    """Write a line for this commit, with the best times of `results` where there are any."""
    line: dict[str, Any] = {
        "commit": machine.commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "counters": counters(),
    }
    if results is not None:
        line["processor"] = results["machine"]["processor"]
        line["seconds"] = {
            name: {
                str(row["N"]): min(row["seconds"])
                for row in case["rows"]
                if row["tool"] == "piqs" and row.get("seconds")
            }
            for name, case in results["cases"].items()
        }
    with FILE.open("a") as file:
        file.write(json.dumps(line) + "\n")
