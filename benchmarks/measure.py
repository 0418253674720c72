"""Everything that is measured, case by case, as one plain dictionary."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from benchmarks import machine, start_up
from benchmarks.case import Case, Tool
from benchmarks.cases import CASES
from benchmarks.runner import Runner

# Evolutions long enough for their applications to be compared with the bus.
LARGE = {
    "emission": (1000,),
    "time-crystal": (50, 100, 200),
    "tavis-cummings": (30,),
    "two-ensembles": (40,),
}
LARGE_QUICK = {"time-crystal": (50,)}
# Of the cases that the scaling curves are drawn from.
SCALING = {
    "emission": "populations",
    "time-crystal": "driven ensemble",
    "tavis-cummings": "ensemble and cavity",
}
Report = Callable[[str], None]


def measure(runner: Runner, names: Iterable[str], quick: bool, report: Report) -> dict[str, Any]:
    """Run everything; `report` is told each result as it comes."""
    chosen = [CASES[name] for name in names]
    results: dict[str, Any] = {"quick": quick, "machine": machine.describe(runner), "cases": {}, "limit": []}
    report("\n".join(f"{key}: {value}" for key, value in results["machine"].items()))
    prepared = runner.run("prepare")
    report(
        f"kernels: {prepared.get('failure') or format(prepared['seconds'], '.1f') + ' s to compile or load'}"
    )
    if len(chosen) == len(CASES):
        results["start-up"] = start_up.measure(runner, quick)
    if not quick:
        results["checks"] = runner.run("check", cases=[case.name for case in chosen])
    for case in sorted(chosen, key=_patience):
        if case.ours.quick or not quick:
            report(f"\n{case.title}: {case.model}")
            rows = _rows(runner, case, quick, report)
            results["cases"][case.name] = {"rows": rows}
            results["limit"] += _limit(runner, case, rows, quick)
    results["cases"] = {
        case.name: results["cases"][case.name] for case in chosen if case.name in results["cases"]
    }
    results["machine"]["time"] = f"{runner.budget - runner.remaining:.0f} s for all"
    results["machine"]["load at the end"] = machine.load()
    return results


def _patience(case: Case) -> float:
    """Seconds that the slowest peer is given: the slowest cases come last, so that lack of time costs one of them."""
    return max((peer.limit for peer in case.peers), default=0.0)


def _sizes(tool: Tool, quick: bool) -> set[int]:
    return set(tool.quick if quick else tool.sizes)


def _rows(runner: Runner, case: Case, quick: bool, report: Report) -> list[dict[str, Any]]:
    """All tools of a case, this package first, each from its smallest N up."""
    compared = _sizes(case.ours, quick).union(*(_sizes(peer, quick) for peer in case.peers))
    only_timed = set() if quick else set(case.scaling) - compared
    record = _record(runner, case, case.ours, compared | only_timed, compared)
    converged = record.get("converged", {})
    rows = _entered(case.ours, compared | only_timed, record, converged, report)
    for peer in case.peers:
        sizes = _sizes(peer, quick)
        rows += _entered(peer, sizes, _record(runner, case, peer, sizes), converged, report)
    return rows


def _record(
    runner: Runner, case: Case, tool: Tool, sizes: set[int], converged: Iterable[int] = ()
) -> dict[str, Any]:
    """What the process of one tool reports; with `converged`, also the values that all are compared with."""
    return runner.run(
        "time", runner.time_limit or tool.limit, tool.threads,
        case=case.name, tool=tool.name, sizes=sorted(sizes), converged=sorted(converged),
    )  # fmt: skip


def _entered(
    tool: Tool, sizes: set[int], record: dict[str, Any], converged: dict[str, list], report: Report
) -> list[dict[str, Any]]:
    """The rows of one tool: its runs with their errors, where it ended, and what was not tried any more."""
    rows = []
    end = {key: record[key] for key in ("failure", "limit") if key in record}
    for N in sorted(sizes):
        found = record.get("rows", {}).get(str(N))
        row = {"tool": tool.name, "N": N, **(found or end)}
        if not found:
            end = {"failure": "not tried: a smaller N failed"}
        values = row.pop("values", None)
        if values is not None and str(N) in converged:
            row["error"] = float(np.abs(np.asarray(values) - np.asarray(converged[str(N)])).max())
        report(_line(row))
        rows.append(row)
    return rows


def _limit(runner: Runner, case: Case, rows: list[dict[str, Any]], quick: bool) -> list[dict[str, Any]]:
    """The large runs of this package beside the least they could have done."""
    large = (LARGE_QUICK if quick else LARGE).get(case.name, ())
    done = [row for row in rows if row["tool"] == case.ours.name and row["N"] in large and "stats" in row]
    return [
        {
            "case": case.name,
            "N": row["N"],
            **runner.run("limit", case=case.name, N=row["N"], stats=row["stats"]),
        }
        for row in done
    ]


def _line(row: dict[str, Any]) -> str:
    head = f"  {row['tool']:26s} N = {row['N']:<5d}"
    if "failure" in row:
        return head + row["failure"]
    error = f"{row['error']:.1e}" if "error" in row else "unknown"
    return head + f"{min(row['seconds']):10.4f} s   error {error}   {row['memory'] / 1e6:.0f} MB"
