"""A superradiant laser of N = 100,000 emitters with its cavity: the field grows out of nothing, jump by jump.

Emitters are pumped one by one, and emit together into a cavity that loses its photons fast. The first two parts follow
trajectories with the cavity on moving windows of (j, m, n), from the dark and in the steady state; no operator is built (the
space has 2.5e9 Dicke kets times the Fock states). The third part eliminates the cavity, a walk on (j, m). Averages over
the steady state come from averages over time, with errors from batches, and are compared with second-order cumulants
(D. Meiser, J. Ye, D. R. Carlson, M. J. Holland, Phys. Rev. Lett. 102, 163601 (2009)).

Run it with `python examples/superradiant_laser.py`; it draws superradiant_laser.png. Some five minutes on two cores.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import fsolve

import piqs
from piqs import Composite, Dicke, Mode, ModeFactors, SpinFactors

N, pumping, kappa = 100_000, 1.0, 500.0
# N times the emission rate into the cavity is twice the pumping: the strongest light
linewidth = 2.0 * pumping / N
g = np.sqrt(kappa * linewidth / 4)
atoms, cavity = SpinFactors("atoms"), ModeFactors("cavity")
laser = Composite(atoms=Dicke(N, pumping=pumping), cavity=Mode(2, loss=kappa))
laser.interaction = g * (atoms.jp * cavity.a + atoms.jm * cavity.ad)
# Perturbations of the steady state decay like exp(-pumping t / 2): what it has left of its start is forgotten after this.
burn_in = 15.0


def cumulant_slopes(y: np.ndarray) -> list[float]:
    """Of <a+ a>, <sigma_z>, Im <a+ sigma_-> and <sigma_+ sigma_-> of two emitters, without third cumulants."""
    photons, z, flow, pairs = y
    return [
        2 * g * N * flow - kappa * photons,
        pumping * (1 - z) - 4 * g * flow,
        g * ((1 + z) / 2 + (N - 1) * pairs + photons * z) - (kappa + pumping) / 2 * flow,
        2 * g * z * flow - pumping * pairs,
    ]


photons, z, _, pairs = fsolve(cumulant_slopes, [N * pumping / (4 * kappa), 0.5, pumping / (8 * g), 0.125])
expected = {"photons": photons, "inversion": N * z / 2, "intensity": N * (1 + z) / 2 + N * (N - 1) * pairs}
m = round(N * z / 2)
j = round(np.sqrt(expected["intensity"] + m**2))


def report(title: str, result: piqs.McResult) -> None:
    """Averages over time with their errors, beside the cumulants."""
    print(title)
    for name, average in piqs.time_averages(result, burn_in).items():
        off = (average.mean - expected[name]) / average.error
        print(
            f"  {name}: {average.mean:.6g} +- {average.error:.2g}, cumulants {expected[name]:.6g} ({off:+.1f} errors)"
        )


# From the dark: one trajectory without a photon, from m = j/2.
time = np.linspace(0, 3, 301)
field = piqs.mcsolve(
    laser,
    {"atoms": ("dicke", N / 2, N / 4)},
    time,
    e_ops={"photons": cavity.n, "inversion": atoms.jz},
    ntraj=1,
    seeds=1,
    options={"cutoff": 1e-14, "store_jumps": False},
)
print(f"{field.stats['run time']:.1f} s, norm left out of the window at most {field.stats['left out']:.2g}")

# The steady state with the cavity, from where the cumulants have it: photons and emitters are not correlated yet, which
# shakes the laser by a percent. Batches of ten time units are long against its correlation times, below one.
during = np.linspace(0, burn_in + 160, 1751)
steady = piqs.mcsolve(
    laser,
    {"atoms": ("dicke", j, m), "cavity": ("fock", round(photons))},
    during,
    e_ops={"photons": cavity.n, "inversion": atoms.jz, "intensity": atoms.jp * atoms.jm},
    ntraj=2,
    seeds=2,
    options={"cutoff": 1e-16, "store_jumps": False, "keep_runs_results": True},
)
report("with the cavity:", steady)
print(f"{steady.stats['run time']:.1f} s, norm left out of the window at most {steady.stats['left out']:.2g}")

# The steady state without the cavity.
eliminated = piqs.mcsolve(
    Dicke(N, pumping=pumping, collective_emission=linewidth),
    (N / 2, N / 4),
    during,
    e_ops={"intensity": "jpjm", "inversion": "jz"},
    ntraj=10,
    seeds=2,
    options={"keep_runs_results": True},
)
report("without the cavity:", eliminated)

fig, (left, middle, right) = plt.subplots(1, 3, figsize=(11, 3.2), layout="constrained")
left.plot(time, field.expect[0], "C3")
left.set(xlabel="time", ylabel="photons in the cavity", title="from the dark", ylim=(0, None))
middle.plot(during, steady.runs_e_data["photons"].T, lw=0.7)
middle.axhline(photons, color="k", ls=":")
middle.set(xlabel="time", ylabel="photons in the cavity", title="steady, with the cavity")
right.plot(during, eliminated.runs_e_data["intensity"].T / expected["intensity"], lw=0.7)
right.axhline(1, color="k", ls=":")
right.set(
    xlabel="time", ylabel=r"$\langle J_+J_-\rangle$ / cumulants", title="cavity eliminated", ylim=(0, 1.5)
)
fig.savefig("superradiant_laser.png", dpi=150)
