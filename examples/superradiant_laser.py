"""A superradiant laser of N = 100,000 emitters with its cavity: the field grows out of nothing, jump by jump.

Emitters are pumped one by one, and emit together into a cavity that loses its photons fast. The first two parts follow
trajectories with the cavity on moving windows of (j, m, n), from the dark and in the steady state; no operator is built (the
space has 2.5e9 Dicke kets times the Fock states). The third part eliminates the cavity, a walk on (j, m). Averages over
the steady state come from averages over time, with errors from batches.

Run it with `python examples/superradiant_laser.py`; it draws superradiant_laser.png. Some minutes on two cores.
"""

import matplotlib.pyplot as plt
import numpy as np

import piqs
from piqs import Composite, Dicke, Mode, ModeFactors, SpinFactors

N, pumping, kappa = 100_000, 1.0, 50.0
# N times the emission rate into the cavity is twice the pumping: the strongest light
linewidth = 2.0 * pumping / N
g = np.sqrt(kappa * linewidth / 4)
atoms, cavity = SpinFactors("atoms"), ModeFactors("cavity")
laser = Composite(atoms=Dicke(N, pumping=pumping), cavity=Mode(2, loss=kappa))
laser.interaction = g * (atoms.jp * cavity.a + atoms.jm * cavity.ad)
# Mean field: pumping * (N/2 - m) = linewidth * (j^2 - m^2), with j^2 - m^2 = N^2/8 in the strongest light.
intensity = N**2 / 8
photons, m = linewidth * intensity / kappa, N / 4
j = round(np.sqrt(intensity + m**2))


def report(title: str, result: piqs.McResult) -> None:
    """Averages over time, with errors."""
    print(title)
    for name, average in piqs.time_averages(result).items():
        time = average.correlation_time
        print(f"  {name}: {average.mean:.6g} +- {average.error:.2g}, correlation time {time:.2g}")


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

# The steady state with the cavity, from where mean field has it. Four correlation times of j are too few for errors to be
# trusted, and warnings say so: a longer `during` is needed for numbers, this one is for the picture.
during = np.linspace(0, 4, 401)
steady = piqs.mcsolve(
    laser,
    {"atoms": ("dicke", j, m), "cavity": ("fock", round(photons))},
    during,
    e_ops={"photons": cavity.n, "inversion": atoms.jz, "j": "atoms.j"},
    ntraj=4,
    seeds=2,
    options={"cutoff": 1e-14, "store_jumps": False, "keep_runs_results": True},
)
report(f"with the cavity, mean field {photons:g} photons, inversion {m:g}, j {j}:", steady)
print(f"{steady.stats['run time']:.1f} s, norm left out of the window at most {steady.stats['left out']:.2g}")

# The steady state without the cavity.
long = np.linspace(0, 100, 2001)
eliminated = piqs.mcsolve(
    Dicke(N, pumping=pumping, collective_emission=linewidth),
    (N / 2, N / 4),
    long,
    e_ops={"intensity": "jpjm", "inversion": "jz", "j": "j"},
    ntraj=10,
    seeds=2,
    options={"keep_runs_results": True},
)
report(f"without the cavity, mean field intensity N^2/8 = {intensity:g}:", eliminated)

fig, (left, middle, right) = plt.subplots(1, 3, figsize=(11, 3.2), layout="constrained")
left.plot(time, field.expect[0], "C3")
left.set(xlabel="time", ylabel="photons in the cavity", title="from the dark", ylim=(0, None))
middle.plot(during, steady.runs_e_data["photons"].T, lw=0.7)
middle.axhline(photons, color="k", ls=":")
middle.set(xlabel="time", ylabel="photons in the cavity", title="steady, with the cavity", ylim=(0, None))
right.plot(long, eliminated.runs_e_data["intensity"].T / intensity, lw=0.7)
right.set(xlabel="time", ylabel=r"$\langle J_+J_-\rangle/(N^2/8)$", title="cavity eliminated", ylim=(0, None))
fig.savefig("superradiant_laser.png", dpi=150)
