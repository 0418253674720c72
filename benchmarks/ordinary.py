"""Ordinary problems side by side with QuTiP's solvers: a qubit, a driven Jaynes-Cummings model, oscillators and spin chains.

`python -m benchmarks.ordinary` solves each by `piqs.mesolve` and `qutip.mesolve` with default options, for expectation values and
for states, and finds the steady states of constant ones. It prints the CPU times of both (the least of some runs in turn, in one
process on one thread) and their ratio: above 1 this package is faster. What is compiled or imported first does not count.
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
from threadpoolctl import threadpool_limits

import piqs
from piqs._resources import one_thread

TIMES = np.linspace(0, 10, 201)
# Runs in turn, at most, and the CPU seconds after which none follows.
_RUNS, _LONG = 100, 2.0


@dataclass(frozen=True)
class Problem:
    """H, initial state, collapse operators and observables."""

    H: Any
    rho0: qutip.Qobj
    c_ops: list[qutip.Qobj]
    e_ops: list[qutip.Qobj]


def coefficient(kind: str, amplitude: float, frequency: float) -> Any:
    """amplitude cos(frequency t), as a function, a string or an array."""
    return {
        "function": lambda t: amplitude * np.cos(frequency * t),
        "string": f"{amplitude} * cos({frequency} * t)",
        "array": amplitude * np.cos(frequency * TIMES),
    }[kind]


def qubit(kind: str | None = None) -> Problem:
    """A damped qubit in a constant field, and one that oscillates where a kind of coefficient is given."""
    H: Any = qutip.sigmaz() + 0.3 * qutip.sigmax()
    H = H if kind is None else [H, [qutip.sigmax(), coefficient(kind, 1.0, 2.0)]]
    return Problem(H, qutip.basis(2, 0), [0.3 * qutip.sigmam()], [qutip.sigmaz(), qutip.sigmax()])


def jaynes_cummings(photons: int, kind: str | None = None) -> Problem:
    """A lossy cavity with an atom, driven at a constant amplitude or by a coefficient."""
    a = qutip.tensor(qutip.qeye(2), qutip.destroy(photons))
    sm = qutip.tensor(qutip.sigmam(), qutip.qeye(photons))
    H = a.dag() * a + sm.dag() * sm + 0.2 * (a.dag() * sm + a * sm.dag())
    drive = a + a.dag()
    H = H + 0.3 * drive if kind is None else [H, [drive, coefficient(kind, 0.3, 0.9)]]
    ground = qutip.tensor(qutip.basis(2, 0), qutip.basis(photons, 0))
    return Problem(H, ground, [0.3 * a, 0.2 * sm], [a.dag() * a, sm.dag() * sm])


def kerr(levels: int) -> Problem:
    """A driven Kerr oscillator."""
    a = qutip.destroy(levels)
    H = 0.1 * a.dag() * a.dag() * a * a + 0.5 * (a + a.dag())
    return Problem(H, qutip.basis(levels, 0), [0.5 * a], [a.dag() * a, a + a.dag()])


def spins(n: int) -> Problem:
    """An Ising chain in a transverse field, each site damped."""

    def site(op: qutip.Qobj, k: int) -> qutip.Qobj:
        return qutip.tensor([op if i == k else qutip.qeye(2) for i in range(n)])

    sz = [site(qutip.sigmaz(), k) for k in range(n)]
    H = sum(0.5 * site(qutip.sigmax(), k) for k in range(n)) + sum(sz[k] * sz[k + 1] for k in range(n - 1))
    c_ops = [0.3 * site(qutip.sigmam(), k) for k in range(n)]
    return Problem(H, qutip.tensor([qutip.basis(2, 0)] * n), c_ops, [sz[0], site(qutip.sigmax(), 0)])


KINDS = ("function", "string", "array")
PROBLEMS: dict[str, Callable[[], Problem]] = {
    "qubit": qubit,
    **{f"qubit, {kind}": lambda kind=kind: qubit(kind) for kind in KINDS},
    **{f"Jaynes-Cummings, {2 * n} kets": lambda n=n: jaynes_cummings(n) for n in (15, 30)},
    **{f"Jaynes-Cummings, 30 kets, {kind}": lambda kind=kind: jaynes_cummings(15, kind) for kind in KINDS},
    **{f"Jaynes-Cummings, {2 * n} kets, function": lambda n=n: jaynes_cummings(n, "function") for n in (30, 100)},
    **{f"Kerr oscillator, {n} kets": lambda n=n: kerr(n) for n in (50, 100, 200)},
    **{f"Ising chain, {2**n} kets": lambda n=n: spins(n) for n in (5, 6, 7)},
}  # fmt: skip


def solvers(problem: Problem) -> dict[str, tuple[Callable[[], Any], Callable[[], Any]]]:
    """For each question this package's call and QuTiP's."""
    p = problem
    found = {
        question: (
            lambda e_ops=e_ops: piqs.mesolve(p.H, p.rho0, TIMES, p.c_ops, e_ops=e_ops),
            lambda e_ops=e_ops: qutip.mesolve(p.H, p.rho0, TIMES, p.c_ops, e_ops=e_ops),
        )
        for question, e_ops in (("expectation values", p.e_ops), ("states", []))
    }
    if isinstance(p.H, qutip.Qobj):
        found["steady state"] = (
            lambda: piqs.steadystate(p.H, p.c_ops),
            lambda: qutip.steadystate(p.H, p.c_ops),
        )
    return found


def compare(ours: Callable[[], Any], theirs: Callable[[], Any]) -> tuple[float, float]:
    """CPU seconds of both, run in turn."""
    least, begin = [np.inf, np.inf], time.process_time()
    for _ in range(_RUNS):
        for k, solve in enumerate((ours, theirs)):
            start = time.process_time()
            solve()
            least[k] = min(least[k], time.process_time() - start)
        if time.process_time() - begin > _LONG:
            break
    return least[0], least[1]


def main() -> None:
    """Command line of `python -m benchmarks.ordinary`."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ordinary", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--only", default="", help="problems with this in their name")
    only = parser.parse_args().only
    print("| problem | question | piqs (ms) | QuTiP (ms) | QuTiP / piqs |\n|---|---|---|---|---|")
    with warnings.catch_warnings(), threadpool_limits(1), one_thread():
        warnings.simplefilter("ignore")
        for name, make in PROBLEMS.items():
            if only not in name:
                continue
            for question, (ours, theirs) in solvers(make()).items():
                ours()  # what is compiled does not count
                a, b = compare(ours, theirs)
                print(f"| {name} | {question} | {1e3 * a:.1f} | {1e3 * b:.1f} | {b / a:.2f} |", flush=True)


if __name__ == "__main__":
    main()
