"""A tour through all compiled kernels, as `python -m tests.kernel_tour`: prints the numbers, for runs in other modes of Numba.

Names of its parts as arguments (evolutions, factors, steady_states, trajectories, pictures) choose among them.

NUMBA_BOUNDSCHECK=1 makes an index out of bounds an error, NUMBA_DISABLE_JIT=1 runs the kernels as plain Python.
"""

import contextlib
import importlib
import json
import pkgutil
import sys

import numpy as np
import qutip
import scipy.sparse as sp
from numba.core.dispatcher import Dispatcher

import piqs
import piqs._kernels
import piqs.integrators.choose as choose
import piqs.linear.factors as linear_factors
import piqs.liouville.assembled as assembled
from piqs._kernels import apply
from piqs.linear.components import components
from piqs.solvers import spectra

MODULES = [f"piqs._kernels.{module.name}" for module in pkgutil.iter_modules(piqs._kernels.__path__)]


def kernels():
    """All kernels that Python calls, by name."""
    for name in MODULES:
        for kernel in vars(importlib.import_module(name)).values():
            if (
                isinstance(kernel, Dispatcher)
                and kernel.py_func.__module__ == name
                and kernel.stats.cache_path
            ):
                yield f"{name}.{kernel.__name__}", kernel


def evolutions():
    """Every method, stored generators and those that are not."""
    N, times = 4, np.linspace(0, 1, 3)
    system = piqs.Dicke(N, piqs.jspin(N, "x"), 0.3, 0.2, 0.1, 0.3, 0.2, 0.1)
    e_ops = [piqs.jspin(N, "z"), piqs.jspin(N, "-")]
    largest = choose.LARGEST_ASSEMBLED
    for choose.LARGEST_ASSEMBLED in (0, largest):
        for method in ("faber", "support", "rational", "exponential", "dop853"):
            result = system.mesolve(piqs.css(N), times, e_ops, options={"method": method})
            yield from (values[-1] for values in result.expect)
        kept = system.mesolve(piqs.css(N), times, options={"method": "faber"}).final_state
        yield kept.full().sum()
        real = piqs.Dicke(N, piqs.jspin(N, "y"), emission=0.3)
        yield real.mesolve(piqs.excited(N), times, e_ops[:1], options={"method": "faber"}).expect[0][-1]
    choose.LARGEST_ASSEMBLED = largest
    quiet = piqs.Dicke(N, emission=1.0, collective_emission=1.0)
    yield quiet.mesolve(piqs.excited(N), times, e_ops[:1], options={"method": "uniformization"}).expect[0][-1]
    drive = [piqs.jspin(N, "x"), lambda t: 1 + t]
    ramp = piqs.Dicke(N, [piqs.jspin(N, "z"), drive], emission=0.3)
    yield piqs.gradient(ramp, piqs.excited(N), times, e_ops[0], wrt="emission")[1]["emission"]
    yield piqs.gradient(ramp, piqs.excited(N), times, e_ops[0], wrt=[drive[0]] * 9)[1]["wrt[8]"]


def factors():
    """Triangular solves, alone and shared, and the transposed generator."""
    kept = linear_factors._WORTH_COPYING, linear_factors.available_threads, linear_factors.threads_for
    linear_factors._WORTH_COPYING, linear_factors.available_threads = 0, lambda: 2
    rng = np.random.default_rng(1)
    matrix = sp.random_array((40, 40), density=0.1, rng=rng) + 10 * sp.eye_array(40)
    rows = sp.csr_array(matrix)
    solver, b, out = linear_factors.SparseLU(rows, many_solves=True), rng.normal(size=40), np.zeros(40)
    apply.add_transposed_product(rows.indptr, rows.indices, rows.data, 1.0, b, out)
    yield float(np.sum(out * np.arange(40)))
    for threads in (1, 2):
        linear_factors.threads_for = lambda _, threads=threads: contextlib.nullcontext(threads)
        yield float(np.sum(solver.solve(b)))
    linear_factors._WORTH_COPYING, linear_factors.available_threads, linear_factors.threads_for = kept
    for triangle in (sp.csr_array(sp.tril(matrix)), sp.csr_array(sp.tril(matrix) * (1 + 1j))):
        substituted = linear_factors.BlockTriangular(triangle, components(triangle))
        yield float(np.sum(np.abs(substituted.solve(b)) + np.abs(substituted.solve_transposed(b))))


def steady_states():
    """Every method, and a spectrum by sweeps."""
    N = 6
    system = piqs.Dicke(N, piqs.jspin(N, "x"), 0.3, 0.2, 0.1, 0.3)
    for method in ("direct", "two-level", "iterative", "evolution"):
        yield qutip.expect(piqs.jspin(N, "z"), system.steadystate(method=method))
    chosen = spectra.sweeps_pay
    spectra.sweeps_pay = lambda matrix, block: True
    yield system.spectrum([-1.0, 0.5], piqs.jspin(N, "+"), piqs.jspin(N, "-"))[1]
    spectra.sweeps_pay = chosen


def trajectories():
    """The walk, wave functions, windows."""
    N, times = 6, np.linspace(0, 1, 3)
    walk = piqs.Dicke(N, emission=1.0, dephasing=0.5, collective_emission=0.3)
    run = {"ntraj": 5, "seeds": 1}
    record = walk.mcsolve((N / 2, N / 2), times, ["jz"], **run, options={"store_jumps": True})
    yield record.expect[0][-1]
    driven = piqs.Dicke(N, piqs.jspin(N, "x"), emission=1.0)
    kept = driven.mcsolve(
        piqs.excited_ket(N), times, [piqs.jspin(N, "z")], **run, options={"store_states": True}
    )
    yield kept.expect[0][-1]
    yield qutip.expect(piqs.jspin(N, "x"), kept.average_states[-1])
    atoms, cavity = piqs.SpinFactors("atoms"), piqs.ModeFactors("cavity")
    system = piqs.Composite(atoms=piqs.Dicke(N, dephasing=0.1, emission=0.2), cavity=piqs.Mode(2, loss=0.5))
    system.interaction = 0.3 * (atoms.jp * cavity.a + atoms.jm * cavity.ad)
    start = {"atoms": ("css", 0.5, 0.2)}
    for frame in ("fixed", "moving"):
        yield piqs.mcsolve(system, start, times, e_ops=[cavity.n], **run, options={"frame": frame}).expect[0][
            -1
        ]


def pictures():
    """Functions on the sphere, more levels, and changes of basis."""
    rho = piqs.Dicke(4, emission=1.0).mesolve(piqs.css(4), [0, 0.3]).final_state
    angles = np.linspace(0.1, 3, 4)
    yield float(np.sum(piqs.spin_wigner(rho, angles, angles)))
    yield float(np.sum(piqs.spin_husimi(rho, angles, angles)))
    yield piqs.negativity(rho, 2)
    atoms = piqs.Ensemble(3, levels=("e", "g1", "g2"))
    atoms.collective("e->g1", 1.0)
    atoms.local("e->g2", 0.3)
    yield atoms.mesolve(atoms.all_in("e"), [0, 1.0], [atoms.number("e")]).expect[0][-1]


PARTS = {part.__name__: part for part in (evolutions, factors, steady_states, trajectories, pictures)}


def numbers(names=tuple(PARTS)):
    """All numbers of some parts of the tour, small problems compiled too."""
    assembled._SMALL, linear_factors._ANY_ORDER = 0, 0
    found = [number for name in names for number in PARTS[name]()]
    return [[float(np.real(one)), float(np.imag(one))] for one in found]


if __name__ == "__main__":
    found = numbers(sys.argv[1:] or tuple(PARTS))
    missed = [name for name, kernel in kernels() if not kernel.signatures]
    print(json.dumps({"numbers": found, "not reached": missed}))
