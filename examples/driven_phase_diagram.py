"""Steady states of 100 driven emitters over drive and local noise: where the transition of the collective model is washed out.

With collective emission alone, of rate 2/N, mean-field theory has <J_z> vanish where the drive in H = drive J_x exceeds 1.
With local emission and dephasing as well the picture shows how far that survives. 900 steady states of 89,726 unknowns, some
2 s of processor time each, every one with its error estimate.
Run it with `python examples/driven_phase_diagram.py [POINTS_PER_AXIS]`; interrupt it and run it again.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from qutip import expect

import piqs

N = 100
POINTS = int(sys.argv[1]) if len(sys.argv) > 1 else 30


def steady(drive: float, local: float, N: int) -> dict[str, float]:
    """Inversion <J_z>/(N/2) of the steady state and its error estimate."""
    ensemble = piqs.Dicke(
        N, drive * piqs.jspin(N, "x"), emission=local, dephasing=local, collective_emission=2 / N
    )
    rho, info = ensemble.steadystate(info=True)
    return {"inversion": expect(piqs.jspin(N, "z"), rho) / (N / 2), "uncertainty": info["error estimate"]}


if __name__ == "__main__":
    data = piqs.sweep(
        steady,
        {"drive": np.linspace(0.1, 2.0, POINTS), "local": np.geomspace(0.02, 1.0, POINTS)},
        parameters={"N": N},
        store=f"driven_phase_diagram_{POINTS}",
        progress_bar="text",
    )
    print(f"largest error estimate: {float(data.uncertainty.max()):.1e}")
    fig, ax = plt.subplots(figsize=(5, 3.6), layout="constrained")
    data.inversion.plot(
        ax=ax,
        x="drive",
        y="local",
        yscale="log",
        cmap="viridis",
        cbar_kwargs={"label": r"$\langle J_z\rangle/(N/2)$"},
    )
    ax.set(xlabel="drive", ylabel="local emission and dephasing")
    fig.savefig("driven_phase_diagram.png", dpi=150)
