r"""Figure 10: the cavity's Wigner function in the steady state of the open Dicke model (paper, Sec. IV D, Eqs. 25-27).

H = w0 J_z + w_cav a^+ a + g J_x (a + a^+), photon loss kappa, local dephasing.  Dephasing alone suppresses
the superradiant phase (two lobes); local emission restores it (P. Kirton and J. Keeling, Phys. Rev. Lett.
118, 123602 (2017)), local pumping does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from qutip import create, destroy, wigner

from piqs.figures._data import FigureData
from piqs.figures._style import letter, panels
from piqs.models.composite import Composite
from piqs.models.dicke import Dicke
from piqs.models.mode import Mode
from piqs.operators.spin import jspin

TITLE = "Open Dicke model: Wigner function of the cavity in the steady state"
CAPTION = (
    "Wigner function W(x,p) of the cavity, a = (x + ip)/sqrt(2), in the steady state of N = {N} emitters with "
    "H = w0 J_z + w_cav a^+ a + g J_x (a + a^+), w0 = {w0}, w_cav = {w_cav}, g = {coupling}/sqrt(N), photon loss {kappa}, local "
    "dephasing {dephasing}, {photons} photon states; and, in the four panels, {processes}. The highest photon state holds at "
    "most {edge} of the population."
)
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
        Number of emitters.
    photons : int, default 20
        Number of photon states kept.
    w0, w_cav : float, default 1
        Frequencies of the emitters and of the cavity.
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
    quadrature = destroy(photons) + create(photons)
    axis = np.linspace(-x_max, x_max, points)
    grid_x, grid_p = (grid.ravel() for grid in np.meshgrid(axis, axis))
    series, edge = {}, 0.0
    for name, rates in processes.items():
        atoms = Dicke(N, w0 * jspin(N, "z"), dephasing=dephasing, **rates)
        # `edge` below reports the cut-off, so that no warning need do it
        system = Composite(cavity=Mode(photons, w_cav, loss=kappa), atoms=atoms, threshold=1.0)
        x, jx = system.embed("cavity", quadrature), system.embed("atoms", jspin(N, "x"))
        system.interaction = coupling / np.sqrt(N) * x @ jx
        # A picture needs no more digits, and every one costs iterations.
        cavity = system.steadystate(tol=1e-8).ptrace(0)
        edge = max(edge, float(np.real(cavity[photons - 1, photons - 1])))
        series[name] = {"x": grid_x, "p": grid_p, "wigner": wigner(cavity, axis, axis).ravel()}
    parameters = {
        "N": N,
        "photons": photons,
        "w0": w0,
        "w_cav": w_cav,
        "coupling": coupling,
        "kappa": kappa,
        "dephasing": dephasing,
        "processes": {name: dict(rates) for name, rates in processes.items()},
        "edge": float(f"{edge:.1e}"),
    }
    return FigureData(parameters, {"x": "1", "p": "1", "wigner": "1"}, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the four Wigner functions on one colour scale."""
    flat = panels(axes, PANELS, SIZE)
    lowest, highest = (
        float(pick([pick(columns["wigner"]) for columns in data.series.values()]))
        for pick in (np.min, np.max)
    )
    levels = np.linspace(min(0.0, lowest), highest, 31)
    for ax, (name, columns) in zip(flat, data.series.items(), strict=True):
        axis = np.unique(columns["x"])
        values = columns["wigner"].reshape(axis.size, axis.size)
        image = ax.contourf(axis, axis, values, levels, cmap="Blues")
        ticks = np.linspace(axis[0], axis[-1], 5).round()
        ax.set(aspect="equal", xlabel="$x$", ylabel="$p$", xticks=ticks, yticks=ticks)
        ax.set_title(_title(data.parameters["processes"][name]), fontsize=9.5)
    ticks = np.round(np.linspace(0, highest, 5), 2)
    flat[0].figure.colorbar(image, ax=flat, label="$W(x,p)$", shrink=0.7, ticks=ticks)
    p = data.parameters
    text = (
        rf"$N={p['N']}$, $g={p['coupling']:g}\,\omega_0/\sqrt{{N}}$"
        "\n"
        rf"$\gamma_\phi={p['dephasing']:g}\,\omega_0$"
    )
    flat[0].text(0.03, 0.03, text, transform=flat[0].transAxes, fontsize=8, va="bottom")
    letter(flat, x=0.0)
    return flat


def _title(rates: Mapping[str, float]) -> str:
    """The rates besides the dephasing, in symbols."""
    symbols = {
        "pumping": r"\uparrow",
        "emission": r"\downarrow",
        "collective_pumping": r"\Uparrow",
        "collective_emission": r"\Downarrow",
    }
    written = [rf"$\gamma_{symbols[name]}={rate:g}\,\omega_0$" for name, rate in rates.items()]
    return ", ".join(written) or "dephasing alone"
