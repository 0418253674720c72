"""Problems at the sizes people use, each with a reference by another route than the package's integrators.

Observables come with their operator norms: an error of an expectation value divided by the norm is a lower bound on the trace
norm of the error of the state, which is what tolerances and error estimates speak of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import qutip
import scipy.linalg as la
import scipy.sparse as sp
import scipy.sparse.linalg as sla

import piqs


@dataclass
class Case:
    """One problem: what is solved, and what the expectation values must be."""

    name: str
    H: qutip.Qobj | qutip.QobjEvo
    c_ops: list
    rho0: qutip.Qobj
    times: np.ndarray
    observables: list
    reference: Callable[[np.ndarray], np.ndarray] = field(repr=False)
    # Rounding that cannot be avoided: eps |L| t, about.
    rounding: float = 1e-12

    @cached_property
    def exact(self) -> np.ndarray:
        """Expectation values (observables, times)."""
        return np.asarray(self.reference(self.times))

    @cached_property
    def norms(self) -> np.ndarray:
        """Largest magnitude of an eigenvalue of each observable."""
        return np.array([max(largest_eigenvalue(op), 1e-300) for op in self.observables])

    def error(self, expect: list) -> float:
        """The largest error of an expectation value, divided by its observable's norm."""
        return float(
            max(
                np.abs(np.array(e) - x).max() / n
                for e, x, n in zip(expect, self.exact, self.norms, strict=True)
            )
        )


def largest_eigenvalue(op: qutip.Qobj) -> float:
    """The largest magnitude of an eigenvalue, which needs no dense matrix of thousands of kets where the operator is diagonal."""
    matrix = sp.csr_array(op.to("csr").data_as("csr_matrix"))
    diagonal = matrix.diagonal()
    if matrix.count_nonzero() == np.count_nonzero(diagonal):
        return float(np.abs(diagonal).max())
    return float(np.abs(op.eigenenergies()).max())


def times_lists(T: float) -> dict[str, np.ndarray]:
    """Shapes of lists of times that have gone wrong somewhere, from 0 to T."""
    return {
        "two": np.array([0.0, T]),
        "even": np.linspace(0, T, 41),
        "early": np.concatenate([[0.0], T * np.logspace(-4, 0, 9)]),
        "repeated": np.array([0.0, 0.0, 0.3 * T, 0.3 * T, T]),
        "far from zero": 1e3 * T + np.linspace(0, T, 6),
        "single": np.array([0.5 * T]),
    }


def dense(
    H: qutip.Qobj, c_ops: list, rho0: qutip.Qobj, observables: list
) -> Callable[[np.ndarray], np.ndarray]:
    """Exponentials of QuTiP's dense Liouvillian, one for each distance of two times."""

    def reference(times: np.ndarray) -> np.ndarray:
        L = qutip.liouvillian(H, c_ops).full()
        x = qutip.operator_to_vector(rho0 if rho0.isoper else rho0.proj()).full().ravel()
        rows = np.array([op.full().T.ravel(order="F") for op in observables])
        propagators: dict[float, np.ndarray] = {}
        out = [rows @ x]
        for wait in np.diff(times):
            key = float(f"{wait:.12e}")
            if key not in propagators:
                propagators[key] = la.expm(wait * L)
            x = propagators[key] @ x
            out.append(rows @ x)
        return np.array(out).real.T

    return reference


def by_hand(
    H: np.ndarray, c_ops: list, rho0: np.ndarray, observables: list
) -> Callable[[np.ndarray], np.ndarray]:
    """Taylor series and squaring, in extended precision, of a small Liouvillian written out here."""

    def reference(times: np.ndarray) -> np.ndarray:
        n = len(H)
        eye = np.eye(n)
        energies = H.astype(np.clongdouble)
        L = -1j * (np.kron(energies, eye) - np.kron(eye, energies.T))
        for C in (c.astype(np.clongdouble) for c in c_ops):
            D = C.conj().T @ C
            L = L + np.kron(C, C.conj()) - 0.5 * (np.kron(D, eye) + np.kron(eye, D.T))
        size = float(np.abs(L).sum(axis=0).max())
        out = []
        for t in times:
            wait = np.longdouble(t - times[0])
            halvings = max(0, int(np.ceil(np.log2(max(float(size * wait), 1e-300)))) + 1)
            step = L * (wait / np.longdouble(2) ** halvings)
            term = P = np.eye(n * n, dtype=np.clongdouble)
            for k in range(1, 30):
                term = term @ step / k
                P = P + term
            for _ in range(halvings):
                P = P @ P
            rho = (P @ rho0.ravel()).reshape(n, n)
            out.append([float(np.trace(A @ rho).real) for A in observables])
        return np.array(out).T

    return reference


def rate_equations(
    M: sp.spmatrix, p0: np.ndarray, diagonals: np.ndarray
) -> Callable[[np.ndarray], np.ndarray]:
    """Uniformization in extended precision: exp(tM) p = sum_k Pois(k) P^k p, with no method of the package."""

    def reference(times: np.ndarray) -> np.ndarray:
        coo = sp.coo_array(M)
        rate = np.longdouble(np.abs(M.diagonal()).max())
        order = np.lexsort((coo.coords[1], coo.coords[0]))
        row, column = coo.coords[0][order], coo.coords[1][order]
        value = coo.data[order].astype(np.longdouble) / rate
        starts = np.flatnonzero(np.diff(row, prepend=-1))
        waits = (times - times[0]).astype(np.longdouble)
        last = int(float(rate * waits[-1]) + 12 * np.sqrt(float(rate * waits[-1])) + 60)
        p, moments = p0.astype(np.longdouble), []
        for _ in range(last):
            moments.append(diagonals @ p)
            step = p.copy()
            step[row[starts]] += np.add.reduceat(value * p[column], starts)
            p = step
        moments = np.array(moments)
        k = np.arange(last)
        log_factorial = np.concatenate([[0], np.cumsum(np.log(np.arange(1, last, dtype=np.longdouble)))])
        out = []
        for wait in waits:
            mean = rate * wait
            weight = (k == 0) * np.longdouble(1)
            if mean > 0:
                weight = np.exp(k * np.log(mean) - mean - log_factorial)
            out.append(weight @ moments)
        return np.array(out).T.astype(float)

    return reference


def spin(N: int) -> list:
    """Observables of an ensemble."""
    return [piqs.jspin(N, "z"), piqs.jspin(N, "+") @ piqs.jspin(N, "-")]


def independent(N: int, times: np.ndarray) -> Case:
    """Emission of independent emitters from the fully excited state, in closed form."""

    def reference(times: np.ndarray) -> np.ndarray:
        p = np.exp(-(times - times[0]))
        return np.array([N * (p - 0.5), N * p])

    atoms = piqs.Dicke(N, emission=1.0)
    return Case(
        f"independent N={N}",
        0 * spin(N)[0],
        atoms.jump_operators(),
        piqs.excited(N),
        times,
        spin(N),
        reference,
    )


def all_rates(N: int, times: np.ndarray, ratio: float = 1.0) -> Case:
    """All six rates without drive: populations only. `ratio` makes collective dephasing faster than all else."""
    atoms = piqs.Dicke(
        N, emission=1, pumping=0.5, dephasing=0.5,
        collective_emission=1, collective_dephasing=0.3 * ratio, collective_pumping=0.1,
    )  # fmt: skip
    ops = spin(N)
    diagonals = np.array([op.diag().real for op in ops])
    reference = rate_equations(atoms.coefficient_matrix(), piqs.excited(N).diag().real, diagonals)
    return Case(
        f"six rates N={N}", 0 * ops[0], atoms.jump_operators(), piqs.excited(N), times, ops, reference
    )


def driven(N: int, times: np.ndarray, state: str = "excited") -> Case:
    """A driven, dissipative ensemble; the reference evolves QuTiP's vector with SciPy's Taylor series."""
    H = piqs.jspin(N, "x") + 0.3 * piqs.jspin(N, "z")
    atoms = piqs.Dicke(N, H, emission=0.1, dephasing=0.1, collective_emission=2 / N)
    rho0 = {"excited": piqs.excited, "css": piqs.css}[state](N)
    ops = spin(N)

    def reference(times: np.ndarray) -> np.ndarray:
        L = sp.csr_array(qutip.liouvillian(H, atoms.jump_operators()).data_as("csr_matrix"))
        x = qutip.operator_to_vector(rho0).full().ravel()
        rows = np.array([op.full().T.ravel(order="F") for op in ops])
        out = [rows @ x]
        for wait in np.diff(times):
            x = sla.expm_multiply(wait * L, x) if wait > 0 else x
            out.append(rows @ x)
        return np.array(out).real.T

    return Case(f"driven N={N} {state}", H, atoms.jump_operators(), rho0, times, ops, reference)


def cavity(times: np.ndarray) -> Case:
    """Two emitters in a lossy cavity of six levels."""
    n, N = 6, 2
    atoms = piqs.Dicke(N, emission=0.2, dephasing=0.1)
    eye = qutip.qeye(n)
    a = qutip.tensor(qutip.qeye(4), qutip.destroy(n))
    up, jz = qutip.tensor(piqs.jspin(N, "+"), eye), qutip.tensor(piqs.jspin(N, "z"), eye)
    H = 2.0 * (up @ a + a.dag() @ up.dag()) + 0.5 * jz
    c_ops = [qutip.tensor(k, eye) for k in atoms.jump_operators()] + [a]
    rho0 = qutip.tensor(piqs.excited(N), qutip.fock_dm(n, 1))
    ops = [jz, a.dag() @ a]
    return Case("cavity", H, c_ops, rho0, times, ops, dense(H, c_ops, rho0, ops))


def two_ensembles(times: np.ndarray) -> Case:
    """Two and three emitters with a common channel."""
    one, two = piqs.Dicke(2, emission=0.3), piqs.Dicke(3, pumping=0.2)
    i1, i2 = qutip.qeye(4), qutip.qeye(6)
    c_ops = [qutip.tensor(k, i2) for k in one.jump_operators()]
    c_ops += [qutip.tensor(i1, k) for k in two.jump_operators()]
    lower = qutip.tensor(piqs.jspin(2, "-"), i2) + qutip.tensor(i1, piqs.jspin(3, "-"))
    H = 0.7 * (lower + lower.dag())
    rho0 = qutip.tensor(piqs.excited(2), piqs.ground(3))
    ops = [lower.dag() @ lower, qutip.tensor(i1, piqs.jspin(3, "z"))]
    return Case("two ensembles", H, [*c_ops, lower], rho0, times, ops, dense(H, [*c_ops, lower], rho0, ops))


def few_levels(name: str, H: np.ndarray, c_ops: list, times: np.ndarray) -> Case:
    """A problem of a few kets from the first one, with a reference in extended precision."""
    n = len(H)
    rho0 = np.zeros((n, n))
    rho0[0, 0] = 1.0
    ops = [np.diag(np.arange(n) == k).astype(float) for k in range(n)]
    return Case(
        name,
        qutip.Qobj(H),
        [qutip.Qobj(c) for c in c_ops],
        qutip.Qobj(rho0),
        times,
        [qutip.Qobj(op) for op in ops],
        by_hand(np.asarray(H, dtype=complex), [np.asarray(c, dtype=complex) for c in c_ops], rho0, ops),
    )


def jump(n: int, to: int, origin: int, rate: float) -> np.ndarray:
    """sqrt(rate) |to><origin|."""
    out = np.zeros((n, n))
    out[to, origin] = np.sqrt(rate)
    return out


def stiff(ratio: float) -> Case:
    """A fast and a slow step of a cascade, at times of both, in closed form."""
    times = np.concatenate([[0], np.logspace(-1, 1, 7) / ratio, np.logspace(-1, 1, 7)])
    case = few_levels("stiff", np.zeros((3, 3)), [jump(3, 1, 0, ratio), jump(3, 2, 1, 1.0)], times)

    def reference(t: np.ndarray) -> np.ndarray:
        first = np.exp(-ratio * t)
        second = ratio / (ratio - 1) * (np.exp(-t) - first)
        return np.array([first, second, 1 - first - second])

    case.reference = reference
    case.rounding = 10.0 * ratio * np.finfo(float).eps
    return case


def exceptional(times: np.ndarray) -> Case:
    """A driven atom at critical damping, where two eigenvectors of the generator become one."""
    gamma = 1.0
    H = 0.5 * gamma / 4 * np.array([[0, 1], [1, 0]])
    return few_levels("exceptional point", H, [jump(2, 1, 0, gamma)], times)


def nearly_degenerate(times: np.ndarray) -> Case:
    """Two driven pairs of levels linked at 1e-9 of the other rates."""
    H = np.zeros((4, 4))
    H[0, 1] = H[1, 0] = H[2, 3] = H[3, 2] = 0.5
    c_ops = [jump(4, 1, 0, 1.0), jump(4, 3, 2, 0.7), jump(4, 2, 1, 1e-9), jump(4, 0, 3, 2e-9)]
    return few_levels("nearly degenerate", H, c_ops, times)


def nothing(times: np.ndarray) -> Case:
    """No Hamiltonian, and a jump that changes no population."""
    return few_levels("nothing moves", np.zeros((3, 3)), [np.diag([1.0, 2.0, 3.0])], times)


def rabi(times: np.ndarray) -> Case:
    """Undamped oscillation."""
    return few_levels("undamped", np.array([[0, 2.0], [2.0, 0.3]]), [], times)


def of_times(times: np.ndarray) -> float:
    """What rounding of the times does to states that depend on them and not on their differences alone, at rates of order ten."""
    return 50.0 * np.finfo(float).eps * float(np.abs(times).max())


def smooth(period: float) -> tuple[Callable[[float], float], Callable]:
    """A clock that goes fast and slow: its rate, and the time that it shows."""
    w = 2.0 * np.pi / period

    def rate(t: float) -> float:
        """uneven"""
        return 1.0 + 0.9 * np.cos(w * t)

    return rate, lambda t: t + 0.9 * np.sin(w * t) / w


def steps(period: float) -> tuple[Callable[[float], float], Callable]:
    """A clock that is fast for a third of each period, and slow for the rest of it."""

    def shown(t: np.ndarray) -> np.ndarray:
        whole, part = np.divmod(t, period)
        return whole * period + 2.0 * np.minimum(part, period / 3) + 0.5 * np.maximum(part - period / 3, 0.0)

    def rate(t: float) -> float:
        """in steps"""
        return 2.0 if t % period < period / 3 else 0.5

    return rate, shown


def uneven(case: Case, clock: tuple[Callable[[float], float], Callable]) -> Case:
    """A problem whose whole generator goes by an uneven clock: the same states, when the clock shows their times."""
    rate, shown = clock
    return Case(
        f"{case.name}, {rate.__doc__}",
        qutip.QobjEvo([[case.H, rate]]),
        [qutip.QobjEvo([[op, lambda t: np.sqrt(rate(t))]]) for op in case.c_ops],
        case.rho0,
        case.times,
        case.observables,
        lambda times: case.reference(shown(times)),
        case.rounding + of_times(case.times),
    )


def laboratory(times: np.ndarray) -> Case:
    """A resonant drive that rotates, with damping: constant in its own frame."""
    w, rabi, up = 5.0, 0.7, qutip.basis(2, 0)
    ops = [qutip.sigmaz(), up.proj()]
    c_ops = [0.4 * qutip.sigmam()]
    frame = dense(0.5 * rabi * qutip.sigmax(), c_ops, up.proj(), ops)
    H = [
        0.5 * w * qutip.sigmaz(),
        [0.5 * rabi * qutip.sigmap(), lambda t: np.exp(-1j * w * (t - times[0]))],
        [0.5 * rabi * qutip.sigmam(), lambda t: np.exp(1j * w * (t - times[0]))],
    ]
    return Case("laboratory", qutip.QobjEvo(H), c_ops, up.proj(), times, ops, frame, 1e-12 + of_times(times))


def pulses(N: int, times: np.ndarray) -> Case:
    """Square pulses of three kinds on an ensemble; dense exponentials from one jump to the next."""
    amplitudes, length = [3.0, 0.0, -8.0], 0.21
    jx, _, jz = piqs.jspin(N)
    rates = {"emission": 0.3, "dephasing": 0.2, "collective_emission": 0.1}
    c_ops, ops = piqs.Dicke(N, **rates).jump_operators(), spin(N)

    def pulse(t: float) -> float:
        return amplitudes[int(t // length) % 3]

    def reference(times: np.ndarray) -> np.ndarray:
        L = [qutip.liouvillian(jz + a * jx, c_ops).full() for a in amplitudes]
        x = qutip.operator_to_vector(piqs.css(N)).full().ravel()
        rows = np.array([op.full().T.ravel(order="F") for op in ops])
        first = int(times[0] // length)
        edges = length * np.arange(first + 1, int(times[-1] // length) + 1)
        values, before = {}, times[0]
        for t in np.unique(np.concatenate([times, edges])):
            x = la.expm((t - before) * L[int(0.5 * (before + t) // length) % 3]) @ x
            values[t], before = rows @ x, t
        return np.array([values[t] for t in times]).real.T

    H = qutip.QobjEvo([jz, [jx, pulse]])
    return Case(f"pulses N={N}", H, c_ops, piqs.css(N), times, ops, reference, 1e-12 + of_times(times))


def depending_on_time() -> list[Case]:
    """A few cases whose generators depend on time: smooth, piecewise constant, stiff."""
    lists = times_lists(3.0)
    cases = [uneven(exceptional(lists[shape]), smooth(1.3)) for shape in ("early", "single")]
    cases += [
        uneven(exceptional(lists["even"]), steps(0.7)),
        laboratory(lists["early"]),
        pulses(3, lists["repeated"]),
    ]
    return [*cases, uneven(cavity(lists["early"]), smooth(1.3)), uneven(stiff(1e4), smooth(4.0))]


def fast() -> list[Case]:
    """A few cases that take no time."""
    lists = times_lists(3.0)
    cases = [exceptional(lists[shape]) for shape in ("early", "repeated", "far from zero", "single")]
    cases += [cavity(lists["early"]), two_ensembles(lists["repeated"]), all_rates(20, lists["early"])]
    cases += [
        stiff(1e6),
        nearly_degenerate(lists["even"]),
        nothing(lists["even"]),
        rabi(lists["far from zero"]),
    ]
    return cases + depending_on_time()


def everything() -> list[Case]:
    """All cases, at every shape of the list of times."""
    cases = fast()
    for T in (3.0, 100.0):
        for times in times_lists(T).values():
            cases += [independent(50, times), exceptional(times), nearly_degenerate(times), rabi(times)]
    long = times_lists(30.0)
    for times in [*times_lists(3.0).values(), long["even"], long["far from zero"]]:
        duration = max(times[-1] - times[0], 3.0)
        for clock in (smooth(0.4 * duration), steps(0.23 * duration)):
            cases += [
                uneven(case, clock) for case in (exceptional(times), rabi(times), independent(20, times))
            ]
        cases += [laboratory(times), pulses(3, times)]
    lists = times_lists(2.0)
    cases += [uneven(driven(8, lists[shape], "css"), steps(0.5)) for shape in ("two", "early")]
    cases += [uneven(all_rates(20, lists["early"]), smooth(1.3)), pulses(8, lists["even"])]
    cases += [uneven(stiff(ratio), clock) for ratio in (1e3, 1e6) for clock in (smooth(4.0), steps(3.0))]
    cases += [cavity(lists[shape]) for shape in ("even", "repeated")]
    cases += [all_rates(40, lists[shape]) for shape in ("even", "early", "far from zero")]
    cases += [driven(8, lists[shape], "css") for shape in ("two", "early")]
    cases += [stiff(ratio) for ratio in (1e3, 1e9, 1e12)]
    cases += [all_rates(100, lists["early"]), independent(200, lists["even"]), driven(20, lists["two"])]
    return cases
