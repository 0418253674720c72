"""Random problems for the hunt whose references live on 2^N kets (times those of a cavity), built without the package.

A reference is the generator on the permutation-invariant operators of the full space: images of all matrices
|j,m><j,m'|, summed over copies, in brute force. It has tens of unknowns, so that its exponential, null space, eigenvalues and
resolvent are dense linear algebra.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import qutip
import scipy.linalg as la
from scipy.integrate import solve_ivp
from scipy.sparse.csgraph import connected_components

import brute_force
import piqs
from piqs.errors import AccuracyWarning, ConvergenceError, IllConditionedWarning

CHANNELS = {
    "emission": (False, qutip.sigmam()),
    "pumping": (False, qutip.sigmap()),
    "dephasing": (False, qutip.sigmaz() / 2),
    "collective_emission": (True, qutip.sigmam()),
    "collective_pumping": (True, qutip.sigmap()),
    "collective_dephasing": (True, qutip.sigmaz() / 2),
}


@dataclass
class Reference:
    """A problem as the package is given it, and its generator on the matrix elements (row, column) of its states."""

    H: qutip.Qobj
    drive: qutip.Qobj
    c_ops: list
    rho0: qutip.Qobj
    operators: list
    row: np.ndarray
    column: np.ndarray
    M: np.ndarray
    M_drive: np.ndarray
    N: object

    def vector(self, matrix: np.ndarray) -> np.ndarray:
        """The elements of a matrix."""
        return np.asarray(matrix)[self.row, self.column]

    def functional(self, op: qutip.Qobj) -> np.ndarray:
        """The row o with Tr(O X) = o . x."""
        return op.full()[self.column, self.row]

    def matrix(self, x: np.ndarray) -> np.ndarray:
        """The matrix of a vector."""
        out = np.zeros(self.H.shape, dtype=complex)
        out[self.row, self.column] = x
        return out

    def times_left(self, op: qutip.Qobj, x: np.ndarray) -> np.ndarray:
        """The vector of O X."""
        return self.vector(op.full() @ self.matrix(x))

    @property
    def size(self) -> float:
        """A bound on the rates."""
        return max(float(np.abs(self.M).sum(axis=0).max()), 1e-12)


def random_reference(rng: np.random.Generator) -> Reference:
    """An ensemble of up to four emitters, in a cavity or not, driven or not, from any state."""
    photons = int(rng.integers(2, 4)) if rng.random() < 0.35 else 1
    N = int(rng.integers(1, 5)) if photons == 1 else int(rng.integers(1, 3))
    axes = {"x": qutip.sigmax() / 2, "y": qutip.sigmay() / 2, "z": qutip.sigmaz() / 2}
    strengths = {a: rng.normal() * 10.0 ** rng.integers(-2, 2) * (rng.random() < 0.6) for a in axes}
    squeeze = rng.normal() * (rng.random() < 0.3)
    rates = {name: 10.0 ** rng.uniform(-3, 2) for name in CHANNELS if rng.random() < 0.45}
    eye, a = np.eye(photons), qutip.destroy(photons).full() if photons > 1 else np.zeros((1, 1))
    loss, coupling = (10.0 ** rng.uniform(-2, 1), rng.normal()) if photons > 1 else (0.0, 0.0)

    full = {axis: brute_force.collective(N, op) for axis, op in axes.items()}
    H_full = (
        sum(s * full[axis] for axis, s in strengths.items())
        + squeeze * full["z"] @ full["x"] @ full["x"] @ full["z"]
    )
    H_full = np.kron(H_full, eye)
    lower = brute_force.collective(N, qutip.sigmam())
    H_full = H_full + coupling * (np.kron(lower, a.conj().T) + np.kron(lower.conj().T, a))
    jumps = []
    for name, rate in rates.items():
        together, op = CHANNELS[name]
        ops = (
            [brute_force.collective(N, op)] if together else [brute_force.on_site(N, n, op) for n in range(N)]
        )
        jumps += [np.sqrt(rate) * np.kron(x, eye) for x in ops]
    if photons > 1:
        jumps.append(np.sqrt(loss) * np.kron(np.eye(2**N), a))
    row, column, M, M_drive = _on_invariant_operators(N, photons, H_full, jumps, np.kron(full["x"], eye))

    def both(op: qutip.Qobj) -> qutip.Qobj:
        return qutip.tensor(op, qutip.qeye(photons)) if photons > 1 else op

    spins = {axis: piqs.jspin(N, axis) for axis in axes}
    H = sum((s * spins[axis] for axis, s in strengths.items()), 0 * spins["z"])
    H = both(H + squeeze * spins["z"] * spins["x"] * spins["x"] * spins["z"])
    down = piqs.jspin(N, "-")
    operators = [both(spins["z"]), both(down.dag() * down), both(down)]
    c_ops = [both(k) for k in piqs.Dicke(N, **rates).jump_operators()]
    state = qutip.Qobj(_random_state(N, rng), dims=spins["z"].dims)
    if photons > 1:
        b = qutip.tensor(qutip.qeye(spins["z"].dims[0]), qutip.destroy(photons))
        H = H + coupling * (both(down) * b.dag() + both(down).dag() * b)
        c_ops.append(np.sqrt(loss) * b)
        operators += [b.dag() * b, b]
        state = qutip.tensor(state, qutip.fock_dm(photons, int(rng.integers(photons))))
    return Reference(
        H,
        both(spins["x"]),
        c_ops,
        state,
        operators,
        row,
        column,
        M,
        M_drive,
        N if photons == 1 else (N, None),
    )


def _random_state(N: int, rng: np.random.Generator) -> np.ndarray:
    kind = rng.integers(4)
    if kind == 0:
        return brute_force.random_blocks(N, rng, state=True)
    if kind == 1:
        return piqs.excited(N).full()
    if kind == 2:
        return piqs.css(N, 0.6 * np.exp(1j * rng.normal()), 0.8).full()
    size = brute_force.random_blocks(N, rng).shape[0]
    weights = rng.random(size) * (rng.random(size) < 0.5)
    return np.diag(weights / weights.sum()) if weights.any() else piqs.ground(N).full()


def _on_invariant_operators(
    N: int, photons: int, H: np.ndarray, jumps: list, drive: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Places of the matrix elements, and the generators on them."""
    basis, weights, row, column, start = [], [], [], [], 0
    for elements, copies in brute_force.ladder_operators(N):
        for i, line in enumerate(elements):
            for k, E in enumerate(line):
                for p in range(photons):
                    for q in range(photons):
                        unit = np.zeros((photons, photons))
                        unit[p, q] = 1.0
                        basis.append(np.kron(E, unit).ravel() / np.sqrt(copies))
                        weights.append(np.sqrt(copies))
                        row.append((start + i) * photons + p)
                        column.append((start + k) * photons + q)
        start += len(elements)
    B, weight = np.array(basis), np.array(weights)
    images, driven = [], []
    for vector in B:
        X = vector.reshape(H.shape)
        images.append(
            (-1j * (H @ X - X @ H) + sum((brute_force.dissipator(A, X) for A in jumps), 0 * X)).ravel()
        )
        driven.append((-1j * (drive @ X - X @ drive)).ravel())
    scale = weight[:, None] / weight[None, :]
    M, M_drive = (scale * (B.conj() @ np.array(each).T) for each in (images, driven))
    return np.array(row), np.array(column), M, M_drive


def _quietly(function: Callable, *arguments: object, **keywords: object) -> tuple[object, list]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        return function(*arguments, **keywords), [w.category for w in caught]


def check_evolution(rng: np.random.Generator, times: np.ndarray) -> Iterator[str]:
    """Expectation values, functions of the state and states, with the default method."""
    ref = random_reference(rng)
    times = times / ref.size if rng.random() < 0.5 else times / ref.size - 5.0
    rtol = 10.0 ** -float(rng.integers(5, 11))
    e_ops = [*ref.operators, lambda t, rho: rho.tr().real]
    method = str(rng.choice(["auto", "auto", "faber", "rational", "exponential"]))
    try:
        result, _ = _quietly(
            piqs.mesolve, ref.H, ref.rho0, times, ref.c_ops, e_ops,
            options={"rtol": rtol, "method": method, "store_states": True},
        )  # fmt: skip
    except ConvergenceError:
        return
    x0 = ref.vector(ref.rho0.full())
    for i, t in enumerate(times):
        x = la.expm((t - times[0]) * ref.M) @ x0
        rounding = 1e-11 + 1e-13 * ref.size * (t - times[0])
        error = np.linalg.norm(result.states[i].full() - ref.matrix(x), "nuc")
        if not error <= 10 * rtol + rounding:
            yield f"evolution by {method} ({result.stats['method']}): state off by {error:.2g} at rtol {rtol:.0e}"
        if not error <= 5 * result.stats["error estimate"] + rounding:
            yield f"evolution by {method}: state off by {error:.2g}, estimate {result.stats['error estimate']:.2g}"
        for op, values in zip(ref.operators, result.expect, strict=False):
            if not abs(values[i] - ref.functional(op) @ x) <= (10 * rtol + rounding) * op.norm():
                yield f"evolution by {method}: expectation value off by {abs(values[i] - ref.functional(op) @ x):.2g}"


def check_driven(rng: np.random.Generator, times: np.ndarray) -> Iterator[str]:
    """Coefficients that depend on time, smooth, pulsed and with edges."""
    ref = random_reference(rng)
    times = times[:: max(1, times.size // 8)] / ref.size * min(1.0, 2e3 / max(times[-1] - times[0], 1e-300))
    span = max(times[-1] - times[0], 1e-300)
    centre, width = times[0] + span * rng.random(), span * 10.0 ** rng.uniform(-1.5, 0)
    shape = rng.integers(4)
    amplitude = ref.size * 10.0 ** rng.uniform(-2, 0)

    def f(t: float) -> float:
        if shape == 0:
            return amplitude * np.sin(6.0 * t / width)
        if shape == 1:
            return amplitude * np.exp(-(((t - centre) / width) ** 2))
        if shape == 2:
            return amplitude * (abs(t - centre) < width / 2)
        return amplitude * (t - times[0]) / span

    rtol = 10.0 ** -float(rng.integers(4, 9))
    try:
        result, _ = _quietly(
            piqs.mesolve, [ref.H, [ref.drive, f]], ref.rho0, times, ref.c_ops, ref.operators, options={"rtol": rtol}
        )  # fmt: skip
    except ConvergenceError:
        return
    x, exact = ref.vector(ref.rho0.full()).astype(complex), []
    edges = np.array([centre - width / 2, centre + width / 2])
    before = times[0]
    for t in times:
        for end in np.unique([*edges[(edges > before) & (edges < t)], t]):
            if end > before:
                flat = f(0.5 * (before + end)) if shape == 2 else None
                x = _integrated(ref, f if flat is None else (lambda _t, c=flat: c), before, end, x, width / 8)
                before = end
        exact.append(x)
    for op, values in zip(ref.operators, result.expect, strict=True):
        error = np.abs(values - np.array([ref.functional(op) @ y for y in exact])).max() / max(
            op.norm(), 1e-300
        )
        if not error <= 10 * rtol + 1e-9:
            yield f"driven, shape {shape}, by {result.stats['method']}: off by {error:.2g} at rtol {rtol:.0e}"
        elif not error <= 5 * result.stats["error estimate"] + 1e-9:
            estimate = result.stats["error estimate"]
            yield f"driven, shape {shape}, by {result.stats['method']}: off by {error:.2g}, estimate {estimate:.2g}"


def _integrated(
    ref: Reference, f: Callable[[float], float], start: float, end: float, x: np.ndarray, longest: float
) -> np.ndarray:
    """SciPy's DOP853 at tight tolerances, with short steps."""
    longest = max(longest, (end - start) / 1e4)

    def slope(t: float, y: np.ndarray) -> np.ndarray:
        return ref.M @ y + f(t) * (ref.M_drive @ y)

    return solve_ivp(slope, (start, end), x, method="DOP853", rtol=1e-11, atol=1e-13, max_step=longest).y[
        :, -1
    ]


def check_eigenvalues(rng: np.random.Generator, _: np.ndarray) -> Iterator[str]:
    """All eigenvalues, the slowest ones and the gap, with their estimates."""
    ref = random_reference(rng)
    exact = _eigenvalues(ref.M)
    (values, info), _w = _quietly(piqs.liouvillian_eigenvalues, ref.H, ref.c_ops, N=ref.N, info=True)
    if values.size != exact.size:
        yield f"eigenvalues: {values.size} instead of {exact.size}"
        return
    from scipy.optimize import linear_sum_assignment

    condition = info["condition"]
    distance = np.abs(values[:, None] - exact[None, :])
    row, column = linear_sum_assignment(distance)
    slack = 1e-13 * ref.size * np.minimum(condition, 1e8)
    off = distance[row, column]
    if np.any(off > 3 * info["error estimate"][row] + slack[row]):
        yield f"eigenvalues: off by {off.max():.2g}, estimate {info['error estimate'][row][np.argmax(off)]:.2g}"
    k = int(rng.integers(1, exact.size + 1))
    for which, order in (("LR", -exact.real), ("SM", np.abs(exact))):
        some, _w = _quietly(piqs.liouvillian_eigenvalues, ref.H, ref.c_ops, k, which, ref.N)
        found = -some.real if which == "LR" else np.abs(some)
        if np.abs(np.sort(found) - np.sort(order)[:k]).max() > 1e-7 * ref.size:
            yield f"eigenvalues: {which}, k = {k}: others than the first"
    moving = exact[np.abs(exact) > 1e-9 * ref.size]
    if moving.size and not np.any((np.abs(exact) > 1e-13 * ref.size) & (np.abs(exact) < 1e-7 * ref.size)):
        gap, _w = _quietly(piqs.liouvillian_gap, ref.H, ref.c_ops, N=ref.N)
        if abs(gap - max(0.0, -moving.real.max())) > 1e-7 * ref.size:
            yield f"gap: {gap:.6g} instead of {-moving.real.max():.6g}"


def _eigenvalues(matrix: np.ndarray) -> np.ndarray:
    """LAPACK's eigenvalues, block by block: where sets of elements feed each other one way only, nearly equal eigenvalues of
    two sets have a huge condition in the whole matrix, and rounding of the brute force couples them back."""
    coupled = np.abs(matrix) > 1e-14 * np.abs(matrix).max()
    number, label = connected_components(coupled, connection="strong")
    return np.concatenate([la.eigvals(matrix[np.ix_(label == i, label == i)]) for i in range(number)])


def check_stationary(rng: np.random.Generator, _: np.ndarray) -> Iterator[str]:
    """Steady states, unique or not, from every method and from an initial state."""
    ref = random_reference(rng)
    U, sizes, V = la.svd(ref.M)
    nullity = int(np.sum(sizes < 1e-12 * ref.size))
    clear = sizes.size == nullity or sizes[-nullity - 1] > 1e-7 * ref.size
    values = la.eigvals(ref.M)
    turning = np.any((np.abs(values.real) < 1e-9 * ref.size) & (np.abs(values.imag) > 1e-9 * ref.size))
    if not clear or nullity == 0:
        return
    zero = np.zeros(ref.H.shape) + np.eye(ref.H.shape[0])
    method = str(rng.choice(["auto", "direct", "iterative", "evolution", "two-level"]))
    try:
        (rho, info), caught = _quietly(piqs.steadystate, ref.H, ref.c_ops, method=method, info=True)
    except ValueError as error:
        if nullity == 1 and not turning and method in ("auto", "direct"):
            yield f"steadystate by {method}: {error}"
    else:
        exact = V[-1].conj() / (ref.vector(zero) @ V[-1].conj())
        off = np.linalg.norm(ref.vector(rho.full()) - exact)
        if nullity > 1:
            yield f"steadystate by {method}: one of {nullity} steady states"
        elif not off <= 3 * info["error estimate"] + 1e-13 * ref.size / sizes[-2] + 1e-12:
            yield f"steadystate by {method}: off by {off:.2g}, estimate {info['error estimate']:.2g}"
        elif off > 1e-5 and IllConditionedWarning not in caught:
            yield f"steadystate by {method}: off by {off:.2g} in silence"
    if turning:
        return
    right, left = V[-nullity:].conj().T, U[:, -nullity:]
    limit = right @ la.solve(left.conj().T @ right, left.conj().T @ ref.vector(ref.rho0.full()))
    try:
        rho, _w = _quietly(piqs.steadystate, ref.H, ref.c_ops, ref.rho0)
    except ValueError:
        return
    off = np.linalg.norm(ref.vector(rho.full()) - limit)
    if off > 1e-6:
        yield f"steadystate from rho0: off by {off:.2g} of {nullity} steady states"


def check_correlations(rng: np.random.Generator, times: np.ndarray) -> Iterator[str]:
    """Two and three operators, one and two times, g1 and g2, and spectra."""
    ref = random_reference(rng)
    delays = np.unique((times[:: max(1, times.size // 6)] - times[0]) / ref.size)
    A, B, C = (ref.operators[int(rng.integers(len(ref.operators)))] for _ in "ABC")
    x0 = ref.vector(ref.rho0.full())
    scale = A.norm() * B.norm() * C.norm() + 1e-9
    rounding = 1e-5 + 1e-13 * ref.size * delays[-1]
    found, _w = _quietly(piqs.correlation_2op_1t, ref.H, ref.rho0, delays, ref.c_ops, A, B)
    exact = [ref.functional(A) @ la.expm(t * ref.M) @ ref.times_left(B, x0) for t in delays]
    if np.abs(found - exact).max() > rounding * (A.norm() * B.norm() + 1e-9):
        yield f"correlation_2op_1t: off by {np.abs(found - exact).max():.2g}"
    found, _w = _quietly(piqs.correlation_3op_1t, ref.H, ref.rho0, delays, ref.c_ops, A, B, C)
    sandwich = ref.vector(C.full() @ ref.rho0.full() @ A.full())
    exact = [ref.functional(B) @ la.expm(t * ref.M) @ sandwich for t in delays]
    if np.abs(found - exact).max() > rounding * scale:
        yield f"correlation_3op_1t: off by {np.abs(found - exact).max():.2g}"
    found, _w = _quietly(piqs.correlation_2op_2t, ref.H, ref.rho0, delays, delays, ref.c_ops, A, B)
    exact = [
        [ref.functional(A) @ la.expm(t * ref.M) @ ref.times_left(B, la.expm(s * ref.M) @ x0) for t in delays]
        for s in delays
    ]
    if np.abs(found - np.array(exact)).max() > rounding * (A.norm() * B.norm() + 1e-9):
        yield f"correlation_2op_2t: off by {np.abs(found - np.array(exact)).max():.2g}"
    yield from _check_spectrum(rng, ref, A, B)


def _check_spectrum(rng: np.random.Generator, ref: Reference, A: qutip.Qobj, B: qutip.Qobj) -> Iterator[str]:
    _, sizes, V = la.svd(ref.M)
    values = la.eigvals(ref.M)
    if np.sum(values.real > -1e-6 * ref.size) != 1:
        return
    one = ref.vector(np.eye(ref.H.shape[0]))
    steady = V[-1].conj() / (one @ V[-1].conj())
    source = ref.times_left(B, steady)
    source = source - (one @ source) * steady
    peaks = values.imag[rng.integers(values.size, size=5)]
    w = np.unique(np.concatenate([[0.0], peaks, ref.size * rng.normal(size=5), 1e-9 * rng.normal(size=1)]))
    fixed = ref.M - np.outer(steady, one) * ref.size
    exact = np.array(
        [2 * (ref.functional(A) @ la.solve(1j * f * np.eye(one.size) - fixed, source)).real for f in w]
    )
    try:
        (S, info), caught = _quietly(piqs.spectrum, ref.H, w, ref.c_ops, A, B, info=True)
    except (ValueError, ConvergenceError) as error:
        yield f"spectrum: {error}"
        return
    off = np.abs(S - exact)
    slack = 1e-12 * A.norm() * B.norm() / sizes[-2] + 1e-9 * np.abs(exact).max() * (AccuracyWarning in caught)
    if np.any(off > 3 * info["error estimate"] + slack):
        estimate = info["error estimate"][np.argmax(off)]
        yield f"spectrum: off by {off.max():.2g} of {np.abs(exact).max():.2g}, estimate {estimate:.2g}"
    elif off.max() > 1e-5 * np.abs(exact).max() + slack and AccuracyWarning not in caught:
        yield f"spectrum: off by {off.max():.2g} of {np.abs(exact).max():.2g} in silence"


def check_trajectories(rng: np.random.Generator, times: np.ndarray) -> Iterator[str]:
    """Averages of trajectories, within six standard errors."""
    ref = random_reference(rng)
    times = (times[0] + np.linspace(0, min(times[-1] - times[0], 30.0), 4)) / ref.size
    if not ref.c_ops:
        return
    count = 150
    result, _w = _quietly(
        piqs.mcsolve, ref.H, ref.rho0, times, ref.c_ops, ref.operators[:2], count,
        seeds=int(rng.integers(2**31)), options={"progress_bar": ""},
    )  # fmt: skip
    x0 = ref.vector(ref.rho0.full())
    for op, mean, spread in zip(ref.operators, result.average_expect, result.std_expect, strict=False):
        exact = np.array([(ref.functional(op) @ la.expm((t - times[0]) * ref.M) @ x0).real for t in times])
        # Where few trajectories have jumped the spread found is no measure: allow twelve of them.
        z = np.abs(mean - exact) / (np.asarray(spread) / np.sqrt(count) + op.norm() * 12 / count)
        if np.any(z > 6):
            yield f"mcsolve: {z.max():.1f} standard errors"


CHECKS = {
    "evolution": check_evolution,
    "driven": check_driven,
    "eigenvalues": check_eigenvalues,
    "stationary": check_stationary,
    "correlations": check_correlations,
    "trajectories": check_trajectories,
}
