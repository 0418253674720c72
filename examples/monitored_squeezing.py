"""Spin squeezing by watching: 100 emitters, a probe that measures J_z, spontaneous emission, a detector that misses light.

Every run of the experiment squeezes J_z about a mean of its own, which the detector's record tells. Run it with
`python examples/monitored_squeezing.py`; it draws monitored_squeezing.png. Half a minute.
"""

import matplotlib.pyplot as plt
import numpy as np

import piqs

N, strength, efficiency = 100, 1.0, 0.8
ensemble = piqs.Dicke(N, emission=0.2, collective_dephasing=strength)
jz = piqs.jspin(N, "z")
m = jz.diag().real
time = np.linspace(0, 0.1, 21)


def variance(_, psi):
    """Var J_z in one run."""
    p = abs(psi.full().ravel()) ** 2
    return p @ m**2 - (p @ m) ** 2


result = piqs.ssesolve(
    ensemble,
    piqs.css_ket(N),
    time,
    {"collective_dephasing": efficiency},
    e_ops={"variance": variance, "mean": jz},
    ntraj=128,
    seeds=1,
    options={"keep_runs_results": True, "store_measurement": "end", "dt": 0.0025},
)
print(result)
print(f"{result.stats['run time']:.1f} s, rms difference to twice the step {result.stats['step error']:.2g}")

# A run follows all light, as if somebody watched what our detector misses. What our record alone tells: the best linear
# estimate of J_z from it, record = 2 sqrt(efficiency strength) <J_z> + noise, and what it leaves uncertain.
records = np.array(result.measurement)[:, 0]
summed = np.cumsum(records, axis=1)
mean = result.runs_e_data["mean"][:, 1:]
gain = (mean * summed).mean(axis=0) / (summed**2).mean(axis=0)
unknown = result.average_e_data["variance"][1:] + ((mean - gain * summed) ** 2).mean(axis=0)
theory = 1 / (1 + 4 * efficiency * strength * time * N / 4)
print(f"4 Var(J_z | record)/N at the end: {4 * unknown[-1] / N:.3f}; Gaussian theory {theory[-1]:.3f}")

fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
left.plot(time, result.runs_e_data["mean"][:32].T, lw=0.7)
left.set(xlabel="time", ylabel=r"$\langle J_z\rangle$ of single runs")
right.semilogy(time[1:], 4 * unknown / N, "C3o", ms=4, label="128 records")
right.semilogy(time, theory, "k--", lw=0.8, label="Gaussian theory")
right.axhline(1, color="0.5", lw=0.8)
right.set(xlabel="time", ylabel=r"$4\,\mathrm{Var}(J_z|\mathrm{record})/N$")
right.legend()
fig.savefig("monitored_squeezing.png", dpi=150)
