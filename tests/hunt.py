"""A hunt for wrong numbers with random problems: ``python -m tests.hunt --minutes 60 [--seed 1]``.

Random generators (scales of six decades, degenerate and nearly degenerate levels, jumps that leave kets in place, dark
states), random ensembles on 2^N, random lists of times, every method and tolerance; references are dense exponentials of
QuTiP's Liouvillian, and for ensembles the brute force of `brute_force`. Everything that is off is printed with the seed that
makes it again; the exit status is the number of such problems, at most 100.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import qutip
import scipy.linalg as la

import piqs
from piqs.errors import ConvergenceError

sys.path.insert(0, str(Path(__file__).parent))

METHODS = ["auto", "exponential", "faber", "rational", "uniformization", "dop853", "radau", "bdf"]
# Largest rate times duration of explicit and implicit integrators.
STIFF = {"dop853": 3e3, "radau": 3e2, "bdf": 3e2, "faber": 1e5, "uniformization": 1e5}


def random_times(rng: np.random.Generator, T: float) -> np.ndarray:
    """A list of times of some shape, over about T."""
    kind = rng.integers(6)
    if kind == 0:
        return np.array([0.0, T])
    if kind == 1:
        return np.linspace(0, T, rng.integers(2, 60))
    if kind == 2:
        return np.concatenate([[0], T * np.logspace(-8, 0, rng.integers(2, 12))])
    if kind == 3:
        return np.sort(T * rng.random(rng.integers(1, 8)))
    if kind == 4:
        return np.repeat(np.array([0.0, 0.4, 1.0]) * T, rng.integers(1, 4))
    return 100 * T * rng.random() + np.linspace(0, T, 4)


def random_operators(rng: np.random.Generator) -> tuple[qutip.Qobj, list, qutip.Qobj]:
    """A Hamiltonian, jumps and a state of a few levels, with structure that has gone wrong before."""
    n = int(rng.integers(2, 7))
    scale = 10.0 ** rng.integers(-3, 4, size=4)
    H = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
    H = scale[0] * (H + H.conj().T)
    if rng.random() < 0.4:
        H = np.diag(scale[0] * rng.integers(0, 3, size=n).astype(float))  # degenerate levels
    jumps = []
    for k in range(rng.integers(0, 4)):
        kind = rng.integers(4)
        m = np.zeros((n, n), dtype=complex)
        if kind == 0:
            m[rng.integers(n), rng.integers(n)] = 1.0
        elif kind == 1:
            m = np.diag(rng.integers(0, 3, size=n)).astype(complex)
        elif kind == 2:
            m = np.diag(np.sqrt(np.arange(1, n)), 1).astype(complex)
        else:
            m = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
        jumps.append(qutip.Qobj(np.sqrt(scale[1 + k % 3]) * m))
    psi = rng.normal(size=n) + 1j * rng.normal(size=n)
    if rng.random() < 0.6:
        psi = np.eye(n)[rng.integers(n)]
    return qutip.Qobj(H), jumps, qutip.Qobj(psi).unit().proj()


def random_ensemble(rng: np.random.Generator) -> tuple[qutip.Qobj, list, qutip.Qobj]:
    """An ensemble with random rates, driven or not."""
    N = int(rng.integers(1, 7))
    names = (
        "emission",
        "dephasing",
        "pumping",
        "collective_emission",
        "collective_dephasing",
        "collective_pumping",
    )
    rates = {name: 10.0 ** rng.integers(-3, 3) for name in names if rng.random() < 0.5}
    H = rng.normal() * piqs.jspin(N, "z")
    if rng.random() < 0.6:
        H = H + rng.normal() * piqs.jspin(N, "x")
    state = [piqs.excited, piqs.css, piqs.ghz, piqs.superradiant][rng.integers(4)](N)
    return H, piqs.Dicke(N, **rates).jump_operators(), state


def check(seed: int) -> list[str]:
    """What is wrong with the problem of one seed."""
    rng = np.random.default_rng(seed)
    H, c_ops, rho = (random_ensemble if rng.random() < 0.5 else random_operators)(rng)
    n = H.shape[0]
    L = qutip.liouvillian(H, c_ops).full()
    size = max(np.abs(L).sum(axis=0).max(), 1e-12)
    times = random_times(rng, 10.0 ** rng.uniform(-2, 4) / size)
    A = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
    ops = [qutip.Qobj(A + A.conj().T, dims=H.dims), qutip.Qobj(np.diag(rng.normal(size=n)), dims=H.dims)]
    vector = rho.full().ravel(order="F")
    states = [la.expm((t - times[0]) * L) @ vector for t in times]
    exact = np.array([[op.full().T.ravel(order="F") @ x for x in states] for op in ops]).real
    norms = np.array([np.abs(op.eigenenergies()).max() for op in ops])
    rounding = 1e-11 + 1e-14 * size * (times[-1] - times[0])
    rtol = 10.0 ** -float(rng.integers(4, 11))
    wrong = []
    for method in METHODS:
        if size * (times[-1] - times[0]) > STIFF.get(method, np.inf) or (
            method in ("radau", "bdf") and rtol < 1e-8
        ):
            continue
        try:
            result = piqs.mesolve(H, rho, times, c_ops, ops, options={"method": method, "rtol": rtol})
        except ConvergenceError:
            continue
        except ValueError as error:
            if "does not apply" not in str(error):
                wrong.append(f"seed {seed}, {method}: {error}")
            continue
        error = float((np.abs(np.array(result.expect) - exact).max(axis=1) / norms).max())
        if not error <= 10.1 * rtol + rounding:
            wrong.append(f"seed {seed}, {method}: error {error:.2g} at rtol {rtol:.0e}")
        elif not error <= 3 * result.stats["error estimate"] + rounding:
            wrong.append(
                f"seed {seed}, {method}: error {error:.2g}, estimate {result.stats['error estimate']:.2g}"
            )
    return wrong + _check_steady_state(seed, H, c_ops, L)


def _check_steady_state(seed: int, H: qutip.Qobj, c_ops: list, L: np.ndarray) -> list[str]:
    """A steady state that is returned without a warning is one, and a state."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            rho = piqs.steadystate(H, c_ops)
    except (ValueError, UserWarning):
        return []
    found = rho.full()
    residual = np.linalg.norm(L @ found.ravel(order="F")) / max(np.abs(L).max(), 1e-300)
    lowest = np.linalg.eigvalsh(found).min()
    if residual > 1e-8 or lowest < -1e-8 or abs(np.trace(found) - 1) > 1e-8:
        return [f"seed {seed}, steadystate: residual {residual:.2g}, lowest population {lowest:.2g}"]
    return []


def main() -> int:
    """Hunt for as long as asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    end = time.monotonic() + 60 * arguments.minutes
    seed, found = arguments.seed, 0
    while time.monotonic() < end:
        for line in check(seed):
            print(line, flush=True)
            found += 1
        seed += 1
    print(f"{seed - arguments.seed} problems from seed {arguments.seed}, {found} found wrong")
    return min(found, 100)


if __name__ == "__main__":
    sys.exit(main())
