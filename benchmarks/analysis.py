"""What the generator tells beyond the state: counting statistics, periodic states, gradients, each against its bound.

`python -m benchmarks.analysis [counting] [floquet] [gradient]` prints the CPU time of each on one thread (the least of three
runs; what is compiled or imported first does not count), what bounds it, and how accurate the answer says it is:

- counting: four cumulants of the driven ensemble of N = 40, against one steady state;
- floquet: the periodic state of N = 30 emitters with local noise and 16 harmonics, against its own evolution over one period;
- gradient: derivatives by 200 operators at N = 30, against one evolution.

No other package has these for mixed ladders, so that the bound is the least that the question takes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import piqs
from piqs._resources import one_thread

_RUNS = 3


def counting() -> tuple[Callable[[], Any], Callable[[], Any], Callable[[Any], float]]:
    """What is timed, its bound, and the relative error estimate of the answer."""
    N = 40
    rates = {"emission": 0.1, "dephasing": 0.1, "collective_emission": 2 / N}
    model = piqs.Dicke(N, piqs.jspin(N, "x"), **rates)

    def solve() -> Any:
        stats = piqs.counting_statistics(model, counted="collective_emission", order=4)
        return stats.cumulants, stats.stats["error estimate"]

    return solve, model.steadystate, lambda found: float((found[1] / np.abs(found[0])).max())


def floquet() -> tuple[Callable[[], Any], Callable[[], Any], Callable[[Any], float]]:
    """The same for a modulated ensemble."""
    N, w = 30, 2.0
    jx, jz = piqs.jspin(N, "x"), piqs.jspin(N, "z")
    modulated = [jx, [jz, lambda t: 0.8 * np.cos(w * t)]]
    model = piqs.Dicke(N, modulated, emission=0.3, dephasing=0.2, collective_emission=1 / N)
    period = 2 * np.pi / w
    options = {"rtol": 1e-11, "atol": 1e-13}

    def solve() -> Any:
        state = piqs.floquet_steadystate(model, period=period)
        state.harmonics(jz, 16)
        return state

    def once() -> Any:
        return model.mesolve(piqs.excited(N), [0.0, period], options=options)

    return solve, once, lambda state: float(state.stats["error estimate"])


def gradient() -> tuple[Callable[[], Any], Callable[[], Any], Callable[[Any], float]]:
    """The same for a weighted sum of expectation values and 200 operators."""
    N, rng = 30, np.random.default_rng(0)
    jx, jy, jz = piqs.jspin(N)
    model = piqs.Dicke(N, jx + 0.2 * jz, emission=0.1, dephasing=0.1, collective_emission=2 / N)
    some = [jx, jy, jz, jz**2, jx**2]
    wrt = {
        str(k): sum(float(c) * V for c, V in zip(rng.normal(size=5), some, strict=True)) for k in range(200)
    }
    times = [0.0, 1.0, 2.0]

    def solve() -> Any:
        return piqs.gradient(model, piqs.excited(N), times, jz, wrt=wrt, info=True)

    def once() -> Any:
        return model.mesolve(piqs.excited(N), times, [jz], options={"rtol": 1e-10, "atol": 1e-12})

    def uncertain(found: Any) -> float:
        return float(found[2]["error estimate"] / max(map(abs, found[1].values())))

    return solve, once, uncertain


CASES = {"counting": counting, "floquet": floquet, "gradient": gradient}


def seconds(f: Callable[[], Any]) -> tuple[float, Any]:
    """The least CPU time of some calls after a first one, and the answer."""
    answer, least = f(), np.inf
    for _ in range(_RUNS):
        start = time.process_time()
        answer = f()
        least = min(least, time.process_time() - start)
    return least, answer


def main() -> None:
    """Command line of `python -m benchmarks.analysis`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.analysis", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*CASES, []], help="all by default")
    chosen = parser.parse_args().names or list(CASES)
    print(
        "| question | s | bound, s | ratio | relative error estimate |",
        "| --- | --- | --- | --- | --- |",
        sep="\n",
    )
    with threadpool_limits(1), one_thread():
        for name in chosen:
            solve, bound, uncertain = CASES[name]()
            taken, answer = seconds(solve)
            least, _ = seconds(bound)
            print(
                f"| {name} | {taken:.3f} | {least:.3f} | {taken / least:.1f} | {uncertain(answer):.0e} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
