"""The tables of benchmarks/results.md, from the measured dictionary."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.cases import CASES
from benchmarks.limit import ACCURACY
from benchmarks.scaling import exponents


def seconds(value: float) -> str:
    """A time with three digits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size or unit == "µs":
            return f"{value / size:.3g} {unit}"
    return ""


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def markdown(results: dict[str, Any]) -> str:
    """The whole page."""
    parts = ["# Results\n", _preface(results)]
    parts += ["## In short\n", _short(results), "## Case by case\n"]
    for name, data in results["cases"].items():
        parts += [_case(name, data)]
    if "start-up" in results:
        parts += ["## Start-up\n", _start_up(results["start-up"])]
    if results["limit"]:
        parts += ["## Distance to the limit\n", _limit(results["limit"])]
    if not results["quick"]:
        parts += ["## Scaling\n", _scaling(results["cases"]), "## References\n", _checks(results["checks"])]
    return "\n".join(parts)


def _preface(results: dict[str, Any]) -> str:
    command = "python -m benchmarks --quick" if results["quick"] else "make bench"
    entries = "".join(f"- {key}: {value}\n" for key, value in results["machine"].items())
    return (
        f"Written by `{command}`; every number comes from this one run.\n\n{entries}\n"
        "Every tool runs each case in a fresh process, with default options, from the parameters of the model to the result. "
        "Packages are imported and compiled kernels loaded before the clock starts (see Start-up for what that takes). "
        "Short runs are repeated, up to nine times within a second. Memory is the peak of the process so far, with the "
        "interpreter and all imports. The error is the largest deviation from a converged run (rtol 1e-12), which is itself "
        "checked against brute force on all states (see References). The ratio is the best time of the other tool over the "
        "best time of piqs at the same N.\n"
    )


def _best_of_ours(rows: list[dict[str, Any]], N: int) -> dict[str, Any] | None:
    """The row of piqs at one N, if it finished."""
    return next((row for row in rows if row["tool"] == "piqs" and row["N"] == N and "seconds" in row), None)


def _ratio_to_ours(row: dict[str, Any], ours: dict[str, Any] | None) -> str:
    """Time of a peer over ours; a lower bound where the peer did not finish."""
    if ours is None or row["tool"] == "piqs":
        return ""
    best = min(ours["seconds"])
    if "limit" in row:
        return f"> {row['limit'] / best:,.0f}"
    if "seconds" not in row:
        return ""
    return _rounded(min(row["seconds"]) / best)


def _rounded(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2g}"


def beside_peers(name: str, rows: list[dict[str, Any]]) -> list[list[str]]:
    """N, time of piqs, peer, time or failure of the peer, ratio: each peer of a case at the largest N it was tried at."""
    lines = []
    for peer in CASES[name].peers:
        theirs = [row for row in rows if row["tool"] == peer.name]
        row = max((row for row in theirs if _was_tried(row)), key=lambda row: row["N"], default=None)
        if row is None:
            continue
        ours = _best_of_ours(rows, row["N"])
        best = seconds(min(ours["seconds"])) if ours else ""
        outcome = row.get("failure") or seconds(min(row["seconds"]))
        lines.append([str(row["N"]), best, peer.name, outcome, _ratio_to_ours(row, ours)])
    return lines


def _was_tried(row: dict[str, Any]) -> bool:
    """Whether a tool ran, was given up, or failed by itself."""
    return not row.get("failure", "").startswith("not tried")


def _short(results: dict[str, Any]) -> str:
    lines = [
        [CASES[name].title, *line]
        for name, data in results["cases"].items()
        for line in beside_peers(name, data["rows"])
    ]
    return table(["case", "N", "piqs", "peer", "time of the peer", "ratio"], lines)


def _case(name: str, data: dict[str, Any]) -> str:
    case = CASES[name]
    shown = [
        row for row in data["rows"] if row["tool"] != "piqs" or row["N"] not in case.scaling or "error" in row
    ]
    lines = []
    for row in sorted(shown, key=lambda row: (row["N"], row["tool"] != "piqs")):
        ratio = _ratio_to_ours(row, _best_of_ours(data["rows"], row["N"]))
        if "failure" in row:
            lines.append([str(row["N"]), row["tool"], row["failure"], "", "", "", "", ratio])
            continue
        runs = row["seconds"]
        lines.append(
            [
                str(row["N"]),
                row["tool"],
                seconds(min(runs)),
                f"{seconds(float(np.median(runs)))} ({len(runs)})",
                f"{row['memory'] / 1e6:,.0f} MB",
                f"{row['error']:.0e}" if "error" in row else "unknown",
                _details(row["stats"]),
                ratio,
            ]
        )
    head = ["N", "tool", "best", "median (runs)", "memory", "error", "details", "ratio"]
    return f"### {case.title}\n\n{case.model}. Error: {case.compared}.\n\n" + table(head, lines)


def _details(stats: dict[str, Any]) -> str:
    """What a tool says about its run."""
    parts = []
    if "unknowns" in stats:
        steps = stats.get("applications", stats.get("iterations", 0))
        parts.append(f"{stats['unknowns']:,} unknowns, {stats['method']}, {steps:,} steps")
    if "residual" in stats:
        parts.append(f"residual {stats['residual']:.0e}")
    if "unknowns" not in stats and "nonzeros" in stats:
        parts.append(f"{stats['nonzeros']:,} nonzeros")
    return "; ".join(parts)


def _start_up(entries: dict[str, dict[str, Any]]) -> str:
    lines = [
        [
            name,
            seconds(min(entry["seconds"])) if "seconds" in entry else entry["failure"],
            f"{seconds(float(np.median(entry['seconds'])))} ({len(entry['seconds'])})"
            if "seconds" in entry
            else "",
        ]
        for name, entry in entries.items()
    ]
    return "Wall time of a whole process.\n\n" + table(["process", "best", "median (runs)"], lines)


def _limit(entries: list[dict[str, Any]]) -> str:
    """Measured applications against the bus, and their number against the least."""
    lines = []
    for entry in entries:
        head = [CASES[entry["case"]].title, str(entry["N"])]
        if "failure" in entry:
            lines.append([*head, entry["failure"], *[""] * 7])
            continue
        count = [
            f"{entry['applications']:,}",
            f"{entry['least']:,}",
            f"{entry['applications'] / max(entry['least'], 1):.2f}",
        ]
        if "bytes" not in entry:
            lines.append([*head, entry["method"], "", seconds(entry["seconds"]), "", "", *count])
            continue
        ratios = [entry["seconds"] * entry["bandwidth"][key] / entry["bytes"] for key in ("large", "own")]
        moved, rates = entry["bytes"] / 1e6, entry["bandwidth"]
        lines.append(
            [
                *head,
                f"{entry['method']}, {entry['generator']}",
                f"{moved:.3g} MB",
                seconds(entry["seconds"]),
                f"{ratios[0]:.2f} (at {rates['large'] / 1e9:.0f} GB/s)",
                f"{ratios[1]:.2f} (at {rates['own'] / 1e9:.0f} GB/s)",
                *count,
            ]
        )
    text = (
        "One application of a stored generator must move 12 bytes for each nonzero (value and column), 4 for each row, and five "
        "vectors (read the one multiplied; read and overwrite the one before it; read and write the sum); one of a "
        "generator that is not stored, the vectors alone. That over the "
        "bandwidth at which NumPy copies on all cores is the bound for the bus: *bus* for a large array, *cache* for arrays "
        "that together take as many bytes as the application moves (on one core where that is faster), which fit into this "
        "processor's caches. The time of one "
        "application is that of the whole evolution over their number, so that everything an integrator does is in it. "
        "An application mostly reads, and reading is faster than copying on most machines: ratios below one are possible. "
        "Uniformization works only on the kets that are occupied at the time, so that it moves less than is counted here.\n\n"
        f"*Least* applications: no polynomial of lower degree in the generator is within {ACCURACY:g} of exp(zt) on the "
        "ellipse that reaches from minus the largest decay rate to 0 and to plus and minus the largest frequency (extremes of "
        "the symmetric and the antisymmetric part of the generator). On its boundary, the image of the unit circle under "
        "psi(w) = c + (a+b)w/2 + (a-b)/(2w), a polynomial of degree k has no Fourier coefficients above k, so that every "
        "coefficient of exp(t psi) above k is a lower bound to its error. This holds for every method that multiplies by the "
        "generator (Runge-Kutta, Krylov, Chebyshev, Faber), however it divides the time. For the rational method: the number "
        "of solves with which a single pole reaches the same accuracy on the negative axis at one time, "
        "(1 + sqrt 2)^-k (J.-E. Andersson, J. Approx. Theory 32, 85 (1981)).\n\n"
    )
    head = [
        "case",
        "N",
        "method",
        "moved",
        "one application",
        "over bus",
        "over cache",
        "used",
        "least",
        "used / least",
    ]
    return text + table(head, lines)


def _scaling(cases: dict[str, Any]) -> str:
    lines = [
        [
            fit["label"],
            f"{fit['sizes'][0]} to {fit['sizes'][1]}",
            *(f"{fit[key]:.1f} ({fit['expected'][key]})" for key in ("unknowns", "seconds", "memory")),
        ]
        for fit in exponents(cases)
    ]
    head = ["class", "N", "unknowns", "time", "memory"]
    return (
        "Exponents of N, fitted to the upper half of the sizes, with the expected ones in brackets. Memory is what the "
        "process took on top of what it held after the smallest run.\n\n" + table(head, lines)
    )


def _checks(checks: dict[str, Any]) -> str:
    lines = [
        [CASES[name].title, str(found["N"]), f"{found['difference']:.0e}"]
        for name, found in checks.items()
        if name in CASES
    ]
    return (
        "Largest deviation of the converged run from brute force: all 2^N states, built from QuTiP's tensor products without "
        "this package, integrated to rtol 1e-11 or solved for the steady state.\n\n"
        + (checks["failure"] if "failure" in checks else table(["case", "N", "deviation"], lines))
    )
