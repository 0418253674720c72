"""What `method="auto"` takes for steady states against the best method, and what a predicted operation takes in seconds.

`python -m benchmarks.calibrate` solves a few dozen problems by every method that is not expected to take twenty times as
long as the best, and prints for each what was predicted, what was counted, and the seconds of user time. The constants of
``piqs.solvers.stationary`` (FROM_MEMORY, FROM_PANELS) and of ``piqs.linear.ordering.predicted_fill`` are right when the last
table holds about the same nanoseconds for every method.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import qutip

import piqs

# Methods whose prediction is this many times the best one, or above the limit, are not run.
_FAR, _LIMIT = 20.0, 1e10


@dataclass(frozen=True)
class Run:
    """One method on one problem.

    Attributes
    ----------
    predicted, counted : float
        Operations, before and after.
    seconds : float
        User time of the process.
    """

    predicted: float
    counted: float
    seconds: float


def driven(N: int, strong: bool) -> Any:
    """A driven ensemble: strong local noise, or the boundary time crystal with a little dephasing."""
    if strong:
        return piqs.Dicke(N, piqs.jspin(N, "x"), collective_emission=2 / N, emission=0.1, dephasing=0.1)
    return piqs.Dicke(N, piqs.jspin(N, "x"), collective_emission=1 / N, dephasing=0.01)


def populations(N: int) -> Any:
    """All six rates without a drive: populations only."""
    return piqs.Dicke(N, piqs.jspin(N, "z"), 1.0, 0.2, 0.5, 0.1, 0.3, 0.2)


def twisted(N: int) -> Any:
    """Two-axis twisting with local noise: a conserved parity."""
    jp, jm = piqs.jspin(N, "+"), piqs.jspin(N, "-")
    return piqs.Dicke(N, 0.5j / N * (jm @ jm - jp @ jp), emission=0.3, pumping=0.05)


def open_dicke(N: int, photons: int) -> Any:
    """An ensemble and a lossy mode, with both kinds of coupling."""
    system = piqs.Composite(
        piqs.Dicke(N, piqs.jspin(N, "z"), emission=0.1, dephasing=0.01),
        piqs.Mode(photons, 1.0, 1.0),
        threshold=1,
    )
    a = system.embed(1, qutip.destroy(photons))
    system.interaction = 1.2 / np.sqrt(N) * (a + a.dag()) @ system.embed(0, piqs.jspin(N, "x"))
    return system


def two_ensembles(N: int) -> Any:
    """Two driven ensembles with an Ising coupling."""
    system = piqs.Composite(
        piqs.Dicke(N, piqs.jspin(N, "x"), emission=0.3, dephasing=0.1),
        piqs.Dicke(N, emission=0.2, pumping=0.1),
    )
    system.interaction = 0.2 * system.embed(0, piqs.jspin(N, "z")) @ system.embed(1, piqs.jspin(N, "z"))
    system.interaction += 0.4 * system.embed(1, piqs.jspin(N, "x"))
    return system


def kerr(n: int) -> tuple[Any, list[Any]]:
    """A driven Kerr oscillator."""
    a = qutip.destroy(n)
    return 0.3 * a.dag() @ a + 0.4 * (a + a.dag()) + 0.2 * a.dag() ** 2 @ a**2, [a, 0.2 * a.dag() @ a]


PROBLEMS: dict[str, Callable[[], Any]] = {
    **{f"driven, strong noise, N = {N}": lambda N=N: driven(N, True) for N in (8, 16, 24, 32, 48, 64, 80)},
    **{f"driven, weak noise, N = {N}": lambda N=N: driven(N, False) for N in (8, 16, 24, 32, 48, 64, 80)},
    **{f"populations, N = {N}": lambda N=N: populations(N) for N in (10, 50, 150)},
    **{f"two-axis twisting, N = {N}": lambda N=N: twisted(N) for N in (10, 30, 60)},
    **{f"open Dicke model, N = {N}, {n} photons": lambda N=N, n=n: open_dicke(N, n) for N, n in ((2, 8), (4, 10), (6, 12))},
    **{f"two ensembles of {N}": lambda N=N: two_ensembles(N) for N in (2, 4, 6)},
    **{f"Kerr oscillator, {n} levels": lambda n=n: kerr(n) for n in (10, 30, 60)},
}  # fmt: skip


def compare(problem: Any, far: float = _FAR, limit: float = _LIMIT) -> tuple[str, dict[str, Run]]:
    """The method that "auto" takes for a problem, and the runs of all that are not far from the best prediction."""
    H, c_ops = problem if isinstance(problem, tuple) else (problem, None)
    _, info = piqs.steadystate(H, c_ops, info=True)
    costs = {name: cost for name, cost in info["considered"].items() if not isinstance(cost, str)}
    lowest = min(costs.values())
    runs = {}
    for name, cost in costs.items():
        if cost > min(far * lowest, limit) and name != info["method"]:
            continue
        try:
            start = time.process_time()
            _, found = piqs.steadystate(H, c_ops, method=name, info=True)
            runs[name] = Run(cost, found["operations"], time.process_time() - start)
        except (piqs.SteadyStateError, MemoryError) as failure:
            warnings.warn(f"{name}: {failure}", stacklevel=2)
    return info["method"], runs


def main() -> None:
    """Command line of `python -m benchmarks.calibrate`."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.calibrate", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--only", default="", help="problems with this in their name")
    only = parser.parse_args().only
    per_operation: dict[str, list[float]] = {}
    print("| problem | method | predicted | counted | seconds | counted / best |\n|---|---|---|---|---|---|")
    for name, make in PROBLEMS.items():
        if only not in name:
            continue
        problem = make()
        compare(problem, far=0.0)  # what is compiled does not count
        chosen, runs = compare(problem)
        best = min(run.counted for run in runs.values())
        for method, run in runs.items():
            label = f"**{method}**" if method == chosen else method
            print(
                f"| {name} | {label} | {run.predicted:.1e} | {run.counted:.1e} | {run.seconds:.3f} | {run.counted / best:.1f} |",
                flush=True,
            )
            per_operation.setdefault(method, []).append(1e9 * run.seconds / run.counted)
    print("\n| method | ns per operation, median of the longest half |\n|---|---|")
    for method, values in per_operation.items():
        print(f"| {method} | {np.median(values[len(values) // 2 :]):.2f} |")


if __name__ == "__main__":
    main()
