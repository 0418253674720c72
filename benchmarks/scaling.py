"""Time and memory against N for each class of problems, with fitted exponents: `python -m benchmarks.scaling`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.runner import ROOT

RESULTS = ROOT / "benchmarks" / "results.json"
FIGURE = ROOT / "benchmarks" / "scaling.png"

SMALLEST_MEMORY = 1e6

# Name of the case: label, and expected exponents with their reasons.
CLASSES: dict[str, tuple[str, dict[str, str]]] = {
    # (N/2 + 1)^2 populations; N ln N jumps of uniformization, each on the kets occupied: from N (a burst) to all N^2.
    "emission": ("populations", {"unknowns": "2", "seconds": "2 to 3, times ln N", "memory": "2"}),
    # Sum over j of (2j + 1)^2 elements, half of them by an antiunitary symmetry; frequencies up to N.
    "time-crystal": ("driven ensemble", {"unknowns": "3", "seconds": "4", "memory": "3"}),
    # Within a ladder two kets, times two photon numbers, less one for the conserved excitation; the fastest rates are the
    # couplings, N^(1/2) at fixed collective coupling, and losses, N.
    "tavis-cummings": ("ensemble and cavity", {"unknowns": "4", "seconds": "4.5 to 5", "memory": "4"}),
}


def series(rows: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """N, unknowns, seconds and memory of the runs of this package."""
    done = sorted(
        (row for row in rows if row["tool"] == "piqs" and "seconds" in row), key=lambda row: row["N"]
    )
    return {
        "N": np.array([row["N"] for row in done], dtype=float),
        "unknowns": np.array([row["stats"]["unknowns"] for row in done], dtype=float),
        "seconds": np.array([min(row["seconds"]) for row in done]),
        "memory": np.array([max(row["memory"] - row["base_memory"], 0) for row in done], dtype=float),
    }


def exponents(cases: dict[str, Any]) -> list[dict[str, Any]]:
    """Slopes of the logarithms over the upper half of the sizes."""
    fits = []
    for name, (label, expected) in CLASSES.items():
        data = series(cases.get(name, {"rows": []})["rows"])
        if data["N"].size < 4:
            continue
        fit: dict[str, Any] = {"label": label, "expected": expected}
        fit["sizes"] = (int(data["N"][data["N"].size // 2]), int(data["N"][-1]))
        for key in ("unknowns", "seconds", "memory"):
            # Less memory than the imports took before cannot be seen.
            upper = (data["N"] >= fit["sizes"][0]) & ((key != "memory") | (data[key] > SMALLEST_MEMORY))
            points = np.log(data["N"][upper]), np.log(data[key][upper])
            fit[key] = float(np.polyfit(*points, 1)[0]) if upper.sum() > 1 else np.nan
        fits.append(fit)
    return fits


def draw(cases: dict[str, Any], path: Path = FIGURE) -> None:
    """Both curves of every class, with the fitted slopes in the legend."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    fits = {fit["label"]: fit for fit in exponents(cases)}
    for (name, (label, _)), marker in zip(CLASSES.items(), "os^", strict=True):
        data = series(cases.get(name, {"rows": []})["rows"])
        for ax, key, unit in zip(axes, ("seconds", "memory"), (1.0, 1e6), strict=True):
            fitted = label in fits and np.isfinite(fits[label][key])
            slope = f", $N^{{{fits[label][key]:.1f}}}$" if fitted else ""
            positive = data[key] > 0
            ax.loglog(
                data["N"][positive], data[key][positive] / unit, marker=marker, ms=5, label=label + slope
            )
    axes[0].set(xlabel="$N$", ylabel="time of the whole call (s)")
    axes[1].set(xlabel="$N$", ylabel="memory on top of imports (MB)")
    for ax in axes:
        ax.grid(alpha=0.3)
        ax.legend(fontsize=8, loc="upper left")
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path, dpi=150)
    plt.close(fig)


if __name__ == "__main__":
    draw(json.loads(RESULTS.read_text())["cases"])
