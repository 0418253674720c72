r"""Figure 10: the cavity's Wigner function in the steady state of the open Dicke model (paper, Sec. V D).

H = w0 J_z + w_cav a^+ a + g J_x (a + a^+), photon loss kappa, local dephasing.  Dephasing alone suppresses
the superradiant phase (two lobes); local emission restores it (P. Kirton and J. Keeling, Phys. Rev. Lett.
118, 123602 (2017)), local pumping does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from qutip import destroy, qeye, tensor, wigner

from piqs import steadystate
from piqs.figures._data import FigureData
from piqs.figures._style import letter, panels
from piqs.models.dicke import Dicke
from piqs.operators.spin import jspin

TITLE = "Open Dicke model: Wigner function of the cavity in the steady state"
PANELS = (2, 2)
SIZE = (6.0, 5.2)
FAST: dict[str, Any] = {"N": 3, "photons": 10, "points": 41}

#: The rates, in units of w0, that each panel adds to the dephasing.
PROCESSES: dict[str, dict[str, Any]] = {
    "local pumping": {"pumping": 0.1},
    "local emission": {"emission": 0.1},
    "local emission and collective pumping": {"emission": 0.1, "collective_pumping": 0.1},
    "local emission and collective emission": {"emission": 0.1, "collective_emission": 0.1},
}


def data(
    N: int = 10,
    photons: int = 20,
    w0: float = 1.0,
    w_cav: float = 1.0,
    coupling: float = 2.0,
    kappa: float = 1.0,
    dephasing: float = 0.01,
    processes: Mapping[str, Mapping[str, Any]] = PROCESSES,
    x_max: float = 6.0,
    points: int = 121,
) -> FigureData:
    """Compute the Wigner function of the cavity for each set of processes.

    Parameters
    ----------
    N : int, default 10
        Number of two-level systems.
    photons : int, default 20
        Number of photon states kept.
    w0, w_cav : float, default 1
        Frequencies of the two-level systems and of the cavity.
    coupling : float, default 2
        g sqrt(N).
    kappa, dephasing : float, default 1, 0.01
        Rates of photon loss and of local dephasing.
    processes : mapping of str to mapping of str to float
        Names of the panels and the further rates of `piqs.Dicke` in each.
    x_max : float, default 6
        Quadratures run from -x_max to x_max.
    points : int, default 121
        Number of values of each quadrature.

    Returns
    -------
    FigureData
        For each panel the quadratures x and p and the Wigner function, row by row.
    """
    a, spin = destroy(photons), qeye(jspin(N, "x").dims[0])
    H = w0 * tensor(qeye(photons), jspin(N, "z")) + w_cav * tensor(a.dag() @ a, spin)
    H += coupling / np.sqrt(N) * tensor(a + a.dag(), jspin(N, "x"))
    axis = np.linspace(-x_max, x_max, points)
    x, p = (grid.ravel() for grid in np.meshgrid(axis, axis))
    series = {}
    for name, rates in processes.items():
        jumps = Dicke(N, dephasing=dephasing, **rates).jump_operators()
        c_ops = [np.sqrt(kappa) * tensor(a, spin), *(tensor(qeye(photons), jump) for jump in jumps)]
        # A picture needs no more digits, and every one costs iterations.
        rho: Any = steadystate(H, c_ops, tol=1e-8)
        series[name] = {"x": x, "p": p, "wigner": wigner(rho.ptrace(0), axis, axis).ravel()}
    parameters = {
        "N": N,
        "photons": photons,
        "w0": w0,
        "w_cav": w_cav,
        "coupling": coupling,
        "kappa": kappa,
        "dephasing": dephasing,
        "processes": {name: dict(rates) for name, rates in processes.items()},
    }
    return FigureData(parameters, {"x": "1", "p": "1", "wigner": "1"}, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the four Wigner functions on one colour scale."""
    flat = panels(axes, PANELS, SIZE)
    scale = max(np.abs(columns["wigner"]).max() for columns in data.series.values())
    for ax, (name, columns) in zip(flat, data.series.items(), strict=True):
        axis = np.unique(columns["x"])
        values = columns["wigner"].reshape(axis.size, axis.size)
        image = ax.pcolormesh(
            axis, axis, values, cmap="RdBu_r", vmin=-scale, vmax=scale, shading="gouraud", rasterized=True
        )
        ax.set(aspect="equal", xlabel=r"$x$", ylabel=r"$p$")
        ax.set_title("dephasing, " + name.replace(" and ", "\nand "), fontsize=9)
    flat[0].figure.colorbar(image, ax=flat, label="$W(x,p)$", shrink=0.7)
    letter(flat, x=0.0)
    return flat
