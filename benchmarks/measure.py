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
    prepared = runner.run("prepare", limit=np.inf)
    report(
        f"kernels: {prepared.get('failure') or format(prepared['seconds'], '.1f') + ' s to compile or load'}"
    )
    everything = len(chosen) == len(CASES)
    if everything:
        results["start-up"] = start_up.measure(runner, quick)
    # What only this package does comes first: it takes minutes, and slow peers would leave no time for it.
    alone: dict[str, list[dict[str, Any]]] = {}
    for case in chosen:
        if case.ours.quick or not quick:
            report(f"\n{case.title}, alone")
            alone[case.name] = _alone(runner, case, quick, report)
            results["limit"] += _limit(runner, case, alone[case.name], quick)
    if not quick:
        results["checks"] = runner.run("check", cases=[case.name for case in chosen])
    for case in sorted(chosen, key=_patience):
        if case.name in alone:
            report(f"\n{case.title}: {case.model}")
            rows = _compared(runner, case, quick, report) + alone[case.name]
            results["cases"][case.name] = {"rows": rows}
    results["cases"] = {case.name: results["cases"][case.name] for case in chosen if case.name in alone}
    results["machine"]["time"] = f"{runner.budget - runner.remaining:.0f} s for all"
    results["machine"]["load at the end"] = machine.load()
    return results


def _patience(case: Case) -> float:
    """Seconds that the slowest peer is given: the slowest cases come last, so that lack of time costs one of them."""
    return max(peer.limit or np.inf for peer in case.peers)


def _sizes(tool: Tool, quick: bool) -> tuple[int, ...]:
    return tool.quick if quick else tool.sizes


def _compared(runner: Runner, case: Case, quick: bool, report: Report) -> list[dict[str, Any]]:
    """All tools at the sizes of the peers, smallest first."""
    rows: list[dict[str, Any]] = []
    given_up: set[str] = set()
    for N in sorted({N for peer in case.peers for N in _sizes(peer, quick)}):
        ours = _row(runner, case, case.ours, N, converged=True)
        reference = ours.pop("converged", None)
        found = [ours]
        for peer in case.peers:
            if N not in _sizes(peer, quick):
                continue
            if peer.name in given_up:
                row = {"tool": peer.name, "N": N, "failure": "not tried: a smaller N failed"}
            else:
                row = _row(runner, case, peer, N)
            if "limit" in row or "memory" in row.get("failure", "").lower():
                given_up.add(peer.name)
            found.append(row)
        for row in found:
            _compare(row, reference)
            report(_line(row))
        rows += found
    return rows


def _alone(runner: Runner, case: Case, quick: bool, report: Report) -> list[dict[str, Any]]:
    """This package at its other sizes."""
    known = {N for peer in case.peers for N in _sizes(peer, quick)}
    curve = set() if quick else set(case.scaling)
    rows = []
    for N in sorted((set(_sizes(case.ours, quick)) | curve) - known):
        row = _row(runner, case, case.ours, N, converged=N in _sizes(case.ours, quick))
        _compare(row, row.pop("converged", None))
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


def _row(runner: Runner, case: Case, tool: Tool, N: int, converged: bool = False) -> dict[str, Any]:
    """One tool at one N; with `converged`, also the values that all are compared with."""
    limit = min(tool.limit or runner.time_limit, runner.time_limit)
    record = runner.run("time", limit, tool.threads, case=case.name, tool=tool.name, N=N, converged=converged)
    return {"tool": tool.name, "N": N, **record}


def _compare(row: dict[str, Any], reference: list | None) -> None:
    """Enter the largest deviation from the converged values."""
    values = row.pop("values", None)
    if values is not None and reference is not None:
        difference = np.asarray(values) - np.asarray(reference)
        row["error"] = float(np.abs(difference).max())


def _line(row: dict[str, Any]) -> str:
    head = f"  {row['tool']:26s} N = {row['N']:<5d}"
    if "failure" in row:
        return head + row["failure"]
    error = f"{row['error']:.1e}" if "error" in row else "unknown"
    return head + f"{min(row['seconds']):10.4f} s   error {error}   {row['memory'] / 1e6:.0f} MB"
