"""The short table in README.md, from the measured dictionary."""

from __future__ import annotations

import re
import textwrap
from typing import Any

from benchmarks.report import beside_peers, seconds, table
from benchmarks.runner import ROOT

# Cases shown, by the words a reader knows them by.
SHOWN = {
    "emission": "all six rates, 1,000 times",
    "time-crystal": "time crystal, 1,000 times",
    "two-ensembles": "two ensembles, one channel",
    "squeezing": "two-axis twisting",
    "tavis-cummings": "Tavis-Cummings with losses",
    "steady-superradiance": "steady-state superradiance",
    "open-dicke": "steady state of the open Dicke model",
}


def update(results: dict[str, Any]) -> None:
    """Rewrite the section "Speed"."""
    path = ROOT / "README.md"
    text, count = re.subn(r"## Speed\n.*?(?=\n## )", lambda _: section(results), path.read_text(), flags=re.S)
    if count != 1:
        raise ValueError(f"{path} must have one section '## Speed' that another follows, found {count}")
    path.write_text(text)


def section(results: dict[str, Any]) -> str:
    """The section."""
    lines, largest = [], []
    for name, words in SHOWN.items():
        rows = results["cases"][name]["rows"]
        lines += [[words, *line] for line in beside_peers(name, rows)]
        done = [row for row in rows if row["tool"] == "piqs" and "seconds" in row]
        best = max(done, key=lambda row: row["N"])
        if best["N"] > max(row["N"] for row in rows if row["tool"] != "piqs"):
            largest.append(f"{words.split(',')[0]} N = {best['N']:,} in {seconds(min(best['seconds']))}")
    processor = results["machine"]["processor"].split(",")[0]
    cores = results["machine"]["threads"].split()[0]
    prose = (
        f"Alone, further than the others go: {'; '.join(largest)}. All results, distances to the limits of the machine and "
        "scaling curves are on the [page of the benchmarks](docs/benchmarks.md); `make bench` measures them again, and "
        "`python -m benchmarks --readme` renews this table."
    )
    return f"""## Speed

Whole calls with default options, kernels compiled, on {processor} ({cores} cores); every
answer is checked against a converged run, and that against all 2^N states at small N:

{table(["problem", "N", "piqs", "peer", "its time", "ratio"], lines)}
{textwrap.fill(prose, 118, break_long_words=False, break_on_hyphens=False)}
"""
