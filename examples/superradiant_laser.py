"""A superradiant laser of N = 100,000 emitters with its cavity: the field grows out of nothing, jump by jump.

Emitters are pumped one by one, and emit together into a cavity that loses its photons fast. The first part follows one
trajectory with the cavity, on a moving window of (j, m, n); no operator is built (the space has 2.5e9 Dicke kets times the
Fock states). The second part eliminates the cavity, a walk on (j, m), and takes averages over the steady state with errors.

Run it with `python examples/superradiant_laser.py`; it draws superradiant_laser.png. A minute or two.
"""

import matplotlib.pyplot as plt
import numpy as np

import piqs
from piqs import Composite, Dicke, Mode, ModeFactors, SpinFactors

N, pumping, kappa = 100_000, 1.0, 50.0
linewidth = (
    2.0 * pumping / N
)  # N times the emission rate into the cavity is twice the pumping: the strongest light
g = np.sqrt(kappa * linewidth / 4)

# One trajectory with the cavity, from m = j/2.
atoms, cavity = SpinFactors("atoms"), ModeFactors("cavity")
laser = Composite(atoms=Dicke(N, pumping=pumping), cavity=Mode(2, loss=kappa))
laser.interaction = g * (atoms.jp * cavity.a + atoms.jm * cavity.ad)
time = np.linspace(0, 3, 301)
field = piqs.mcsolve(
    laser,
    {"atoms": ("dicke", N / 2, N / 4)},
    time,
    e_ops={"photons": cavity.n, "inversion": atoms.jz},
    ntraj=1,
    seeds=1,
    options={"cutoff": 1e-14},
)
print(field)
print(f"{field.stats['run time']:.1f} s, norm left out of the window at most {field.stats['left out']:.2g}")

# The steady state without the cavity: sum over ten trajectories, averages over time.
eliminated = Dicke(N, pumping=pumping, collective_emission=linewidth)
long = np.linspace(0, 100, 2001)
steady = piqs.mcsolve(
    eliminated,
    (N / 2, N / 4),
    long,
    e_ops={"intensity": "jpjm", "inversion": "jz", "j": "j"},
    ntraj=10,
    seeds=2,
    options={"keep_runs_results": True},
)
for name, average in piqs.time_averages(steady).items():
    print(
        f"{name}: {average.mean:.6g} +- {average.error:.2g}, correlation time {average.correlation_time:.2g}"
    )
mean_field = N**2 / 8
print(f"mean field, intensity N^2/8 = {mean_field:.6g}")

fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
left.plot(time, field.expect[0], "C3")
left.set(xlabel="time", ylabel="photons in the cavity", title="one trajectory")
right.plot(long, steady.runs_e_data["intensity"].T / mean_field, lw=0.7)
right.set(xlabel="time", ylabel=r"$\langle J_+J_-\rangle/(N^2/8)$", title="ten trajectories", ylim=(0, None))
fig.savefig("superradiant_laser.png", dpi=150)
