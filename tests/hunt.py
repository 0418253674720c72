"""A hunt for wrong numbers with random problems: ``python -m tests.hunt --minutes 60 [--seed 1] [--kind spectra ...]``.

Each seed is one problem of one kind:

- "uneven": the same as "levels" by a clock that goes smoothly fast and slow, or in steps, by every method for coefficients
  that depend on time;
- "levels": a few kets (scales of six decades, degenerate and nearly degenerate levels, jumps that leave kets in place, dark
  states) or an ensemble, at lists of times of all shapes, by every method and at every tolerance, against dense exponentials;
- "extreme": rates of 1e-12 beside 1e6, against a Taylor series in extended precision;
- "three levels": ensembles of emitters with three levels against the full 3^N space;
- "evolution", "driven" (coefficients of time), "eigenvalues", "stationary", "correlations" (and spectra), "trajectories":
  ensembles with and without a cavity against brute force on 2^N, see `hunt_brute_force`.

Everything that is off is printed with its seed; the exit status is the number of such problems, at most 100.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import qutip
import scipy.linalg as la
import scipy.sparse.linalg as sla

import piqs
from piqs.errors import ConvergenceError

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

import hunt_brute_force
import product_space
from tests.battery.problems import by_hand, smooth, steps

METHODS = ["auto", "exponential", "faber", "rational", "uniformization", "dop853", "radau", "bdf"]
# Largest rate times duration of explicit and implicit integrators.
STIFF = {"dop853": 3e3, "radau": 3e2, "bdf": 3e2, "faber": 1e5, "uniformization": 1e5, "series": 1e4}
# Of generators that depend on time.
TIMED = ["auto", "series", "piecewise", "dop853", "radau", "bdf"]


def random_times(rng: np.random.Generator, T: float) -> np.ndarray:
    """A list of times of some shape, over about T."""
    kind = rng.integers(7)
    if kind == 6:
        return rng.normal() * T + np.concatenate([[0.0], T * np.logspace(-6, 0, 7)])
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


def check_uneven(rng: np.random.Generator, _: np.ndarray) -> Iterator[str]:
    """A generator f(t) L is as far at the time t as L is at the integral of f."""
    H, c_ops, rho = (random_ensemble if rng.random() < 0.5 else random_operators)(rng)
    L = qutip.liouvillian(H, c_ops).full()
    size = max(np.abs(L).sum(axis=0).max(), 1e-12)
    times = random_times(rng, 10.0 ** rng.uniform(-2, 4) / size)
    span = max(times[-1] - times[0], 1e-300)
    rate, shown = (smooth if rng.random() < 0.5 else steps)(span * 10.0 ** rng.uniform(-1.5, 0.5))
    vector, waits = rho.full().ravel(order="F"), shown(times) - shown(times[0])
    op = qutip.Qobj(np.diag(rng.normal(size=H.shape[0])), dims=H.dims)
    row = op.full().T.ravel(order="F")
    exact = np.array([[row @ la.expm(wait * L) @ vector for wait in waits]]).real
    norms = np.array([np.abs(op.diag()).max()])
    # Times far from zero are known to eps of their size only, and so is how long the clock has run.
    rounding = 1e-11 + 1e-14 * size * (span + np.abs(times).max())
    rtol = 10.0 ** -float(rng.integers(4, 11))
    jumps = [qutip.QobjEvo([[c, lambda t: np.sqrt(rate(t))]]) for c in c_ops]
    for method in TIMED:
        if size * span > STIFF.get(method, np.inf) or (method in ("radau", "bdf") and rtol < 1e-8):
            continue
        yield from _run([[H, rate]], jumps, rho, times, [op], exact, norms, rounding, method, rtol)


def check_levels(rng: np.random.Generator, _: np.ndarray) -> Iterator[str]:
    """Every method on a few kets or an ensemble, and the steady state."""
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
    for method in METHODS:
        if size * (times[-1] - times[0]) > STIFF.get(method, np.inf) or (
            method in ("radau", "bdf") and rtol < 1e-8
        ):
            continue
        yield from _run(H, c_ops, rho, times, ops, exact, norms, rounding, method, rtol)
    yield from _check_steady_state(H, c_ops, L)


def _run(
    H: qutip.Qobj | list, c_ops: list, rho: qutip.Qobj, times: np.ndarray, ops: list, exact: np.ndarray, norms: np.ndarray,
    rounding: float, method: str, rtol: float,
) -> Iterator[str]:  # fmt: skip
    """One method against the exact expectation values: within the tolerance or with a warning, and its estimate honest."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = piqs.mesolve(H, rho, times, c_ops, ops, options={"method": method, "rtol": rtol})
    except ConvergenceError:
        return
    except ValueError as error:
        if "does not apply" not in str(error):
            yield f"{method}: {error}"
        return
    error = float((np.abs(np.array(result.expect) - exact).max(axis=1) / norms).max())
    warned = any(issubclass(w.category, piqs.AccuracyWarning) for w in caught)
    if not error <= 10.1 * rtol + rounding and not warned:
        yield f"{method}: error {error:.2g} at rtol {rtol:.0e}"
    elif not error <= 3 * result.stats["error estimate"] + rounding:
        yield f"{method}: error {error:.2g}, estimate {result.stats['error estimate']:.2g}"


def _check_steady_state(H: qutip.Qobj, c_ops: list, L: np.ndarray) -> Iterator[str]:
    """A steady state that is returned without a warning is one, and a state."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            rho = piqs.steadystate(H, c_ops)
    except (ValueError, UserWarning):
        return
    found = rho.full()
    residual = np.linalg.norm(L @ found.ravel(order="F")) / max(np.abs(L).max(), 1e-300)
    lowest = np.linalg.eigvalsh(found).min()
    if residual > 1e-8 or lowest < -1e-8 or abs(np.trace(found) - 1) > 1e-8:
        yield f"steadystate: residual {residual:.2g}, lowest population {lowest:.2g}"


def check_extreme(rng: np.random.Generator, _: np.ndarray) -> Iterator[str]:
    """Rates over eighteen decades, at times of all of them."""
    n = int(rng.integers(2, 5))
    c_ops = []
    for _n in range(rng.integers(1, 6)):
        m = np.zeros((n, n))
        m[rng.integers(n), rng.integers(n)] = 10.0 ** (0.5 * rng.uniform(-12, 6))
        c_ops.append(m)
    H = np.zeros((n, n))
    if rng.random() < 0.4:
        H[0, 1] = H[1, 0] = 10.0 ** rng.uniform(-12, 6)
    if rng.random() < 0.4:
        H[n - 1, n - 1] = 10.0 ** rng.uniform(-12, 6)
    rates = [np.abs(m).max() ** 2 for m in c_ops] + [np.abs(H).max()]
    last = min(10.0 ** rng.uniform(-7, 12), 1e11 / max(rates))
    times = np.concatenate([[0.0], last * np.logspace(-rng.uniform(1, 12), 0, rng.integers(1, 12))])
    rho = np.zeros((n, n))
    rho[0, 0] = 1.0
    ops = [np.diag(np.arange(n) == k).astype(float) for k in range(n)]
    exact = by_hand(H.astype(complex), [c.astype(complex) for c in c_ops], rho, ops)(times)
    rounding = 1e-10 + 1e-18 * max(rates) * last
    rtol = 10.0 ** -float(rng.integers(4, 11))
    for method in ("auto", "exponential", "rational", "uniformization", "faber"):
        if max(rates) * last > STIFF.get(method, np.inf):
            continue
        q = [qutip.Qobj(x) for x in (H, rho)]
        some = slice(None) if rng.random() < 0.5 else slice(0, 1)
        yield from _run(
            q[0], [qutip.Qobj(c) for c in c_ops], q[1], times, [qutip.Qobj(op) for op in ops][some], exact[some],
            np.ones(n)[some], rounding, method, rtol,
        )  # fmt: skip


def check_three_levels(rng: np.random.Generator, times: np.ndarray) -> Iterator[str]:
    """Emitters with three levels, local and collective channels and drives."""
    N, levels = int(rng.integers(1, 4 if rng.random() < 0.2 else 3)), ("a", "b", "c")
    arrows = [f"{x}->{y}" for x in levels for y in levels if x != y]
    atoms = piqs.Ensemble(N, levels=levels)
    unit = {
        f"{x}->{y}": product_space.unit(3, k, i) for i, x in enumerate(levels) for k, y in enumerate(levels)
    }
    H, jumps = 0.0, []
    atoms.hamiltonian = 0.0 * atoms.number("a")
    for arrow in rng.choice(arrows, 2, replace=False):
        g = rng.normal()
        atoms.hamiltonian = atoms.hamiltonian + g * atoms.op(str(arrow), hermitian=True)
        H = H + g * product_space.collective(3, N, unit[arrow] + unit[arrow].T)
    for arrow in rng.choice(arrows, int(rng.integers(1, 4)), replace=False):
        rate = 10.0 ** rng.uniform(-2, 1)
        if rng.random() < 0.5:
            atoms.collective(str(arrow), rate)
            jumps.append(np.sqrt(rate) * product_space.collective(3, N, unit[arrow]))
        else:
            atoms.local(str(arrow), rate)
            jumps += [np.sqrt(rate) * product_space.on_site(3, N, n, unit[arrow]) for n in range(N)]
    L = product_space.liouvillian(H, jumps)
    size = float(abs(L).sum(axis=0).max())
    times = times[:: max(1, times.size // 4)]
    times = times / size * min(1.0, 1e3 / max(times[-1] - times[0], 1e-300))
    rho = np.zeros((3**N, 3**N))
    rho[0, 0] = 1.0
    found = atoms.mesolve(atoms.product("a"), times, [atoms.number(x) for x in levels])
    for i, t in enumerate(times):
        x = sla.expm_multiply((t - times[0]) * L, rho.ravel(order="F").astype(complex))
        for level, values in zip(levels, found.expect, strict=True):
            number = product_space.collective(3, N, unit[f"{level}->{level}"])
            exact = np.trace(number @ x.reshape(rho.shape, order="F")).real
            if not abs(values[i] - exact) <= 1e-5 * N:
                yield f"three levels: off by {abs(values[i] - exact):.2g}"


CHECKS = {
    "levels": check_levels,
    "uneven": check_uneven,
    "extreme": check_extreme,
    "three levels": check_three_levels,
    **hunt_brute_force.CHECKS,
}


def check(seed: int, kinds: list[str]) -> list[str]:
    """What is wrong with the problem of one seed."""
    rng = np.random.default_rng(seed)
    kind = str(rng.choice(kinds))
    times = random_times(rng, 10.0 ** rng.uniform(-2, 4))
    try:
        return [f"seed {seed}, {kind}: {line}" for line in CHECKS[kind](rng, times)]
    except Exception:
        return [f"seed {seed}, {kind}: {traceback.format_exc()}"]


def main() -> int:
    """Hunt for as long as asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", nargs="+", choices=list(CHECKS), default=list(CHECKS))
    arguments = parser.parse_args()
    end = time.monotonic() + 60 * arguments.minutes
    seed, found = arguments.seed, 0
    while time.monotonic() < end:
        for line in check(seed, arguments.kind):
            print(line, flush=True)
            found += 1
        seed += 1
    print(f"{seed - arguments.seed} problems from seed {arguments.seed}, {found} found wrong")
    return min(found, 100)


if __name__ == "__main__":
    sys.exit(main())
