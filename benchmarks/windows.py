"""Trajectories in a cavity: CPU seconds a trajectory on moving windows, and on matrices where these can be built.

Tavis-Cummings model, spins up but for a tilt of 0.1 pi, emitters 0.1 J_z, coupling 0.1/sqrt(N), cavity loss 0.01, local
dephasing D[sigma_z] 0.01, to t = 64. Seconds are those of the processor, after compilation, with `cutoff` 1e-12.

Run it with `python -m benchmarks.windows 50 200 1000`.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from qutip import basis

import piqs
from piqs import Composite, Dicke, Mode, ModeFactors, SpinFactors

TILT, END = 0.1 * np.pi, 64.0
TIMES = np.linspace(0, END, 17)
# Matrices on all ladders and Fock states are built up to this N.
LARGEST_BUILT = 100
ATOMS, CAVITY = SpinFactors("atoms"), ModeFactors("cavity")


def model(N: int) -> Composite:
    """The system; D[sigma_z] 0.01 is a dephasing rate of 0.04 here."""
    system = Composite(atoms=Dicke(N, dephasing=0.04), cavity=Mode(2 * N + 1, loss=0.01))
    exchange = 0.1 / np.sqrt(N) * ATOMS.jp * CAVITY.a
    system.interaction = 0.1 * ATOMS.jz + exchange + exchange.dag()
    return system


def seconds(N: int, built: bool, ntraj: int) -> tuple[float, np.ndarray, float]:
    """CPU seconds a trajectory, photons at the end, and the bound of what windows left out."""
    system, options = model(N), {"map": "serial"}
    if built:
        state = system.state(piqs.css_ket(N, TILT, 0.0, coordinates="polar"), basis(2 * N + 1, 0))
        e_op = system.build(CAVITY.n)
    else:
        state, e_op = {"atoms": ("css", TILT, 0.0)}, CAVITY.n
    start = time.process_time()
    result = piqs.mcsolve(system, state, TIMES, e_ops=[e_op], ntraj=ntraj, seeds=1, options=options)
    used = (time.process_time() - start) / ntraj
    return used, result.expect[0], result.stats.get("left out", 0.0)


def main() -> None:
    """Print one line for each N."""
    sizes = [int(argument) for argument in sys.argv[1:]] or [50, 200]
    for built in (False, True):
        seconds(4, built, 1)  # compilation
    print("N      windows, s   matrices, s   photons at the end   norm left out, at most")
    for N in sizes:
        windows, photons, lost = seconds(N, False, 2 if N > 100 else 8)
        built = f"{seconds(N, True, 8)[0]:.3g}" if N <= LARGEST_BUILT else "-"
        print(f"{N:<6d} {windows:<12.3g} {built:<13s} {photons[-1]:<20.6g} {lost:.1e}")


if __name__ == "__main__":
    main()
