"""Steady-state superradiance of 100 emitters over pumping and dephasing, swept into a store that can be resumed.

Run it with `python examples/phase_diagram.py [SCHEDULER_ADDRESS]`; interrupt it and run it again. With the address of a
Dask scheduler the points are computed there.
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

import piqs

N = 100


def intensity(pumping: float, dephasing: float, N: int) -> float:
    """Steady-state intensity <J_+ J_->."""
    ensemble = piqs.Dicke(N, pumping=pumping, dephasing=dephasing, collective_emission=1.0)
    jp = piqs.jspin(N, "+")
    return (jp @ jp.dag() @ ensemble.steadystate()).tr().real


data = piqs.sweep(
    intensity,
    {"pumping": np.geomspace(1, 300, 40), "dephasing": np.geomspace(0.1, 300, 40)},
    parameters={"N": N},
    store="phase_diagram",
    client=sys.argv[1] if len(sys.argv) > 1 else None,
    progress_bar="text",
)
fig, ax = plt.subplots(figsize=(5, 3.6), layout="constrained")
(data.result / N**2).plot(
    ax=ax,
    x="pumping",
    y="dephasing",
    xscale="log",
    yscale="log",
    cbar_kwargs={"label": r"$\langle J_+J_-\rangle/N^2$"},
)
fig.savefig("phase_diagram.png", dpi=150)
