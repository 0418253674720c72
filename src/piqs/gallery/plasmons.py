r"""A spaser (Table II, after M. Richter et al., Phys. Rev. B 91, 035306 (2015)).

Emitters that amplify a lossy plasmon mode: local dephasing raises the pumping that it takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from qutip import num

from piqs.figures._data import FigureData
from piqs.figures._style import panels
from piqs.gallery._curves import LOOKS, scan
from piqs.gallery._light_matter import light_matter
from piqs.models.composite import Composite
from piqs.models.dicke import Dicke
from piqs.models.mode import Mode
from piqs.operators.spin import jspin

TITLE = "A spaser: dephasing raises the pumping that it takes"
CAPTION = (
    "Plasmons of a mode with {photons} states in the steady state against the local pumping of N = {N} emitters, "
    "for local dephasing at {dephasing}. All other rates are those of `spaser`. The highest state of the mode holds "
    "at most {edge}."
)
PANELS = (1, 1)
SIZE = (4.6, 3.2)
FAST: dict[str, Any] = {"N": 2, "photons": 8, "points": 5}


def spaser(
    N: int = 3,
    photons: int = 10,
    pumping: float = 1.0,
    dephasing: float = 0.2,
    coupling: float = 0.2,
    loss: float = 0.5,
    gain: float = 0.05,
    emission: float = 0.1,
    collective_emission: float = 0.1,
    collective_pumping: float = 0.05,
) -> Composite:
    r"""Pumped emitters and a lossy mode with all rates, with the parts "atoms" and "cavity".

    .. math:: H = J_z + a^\dagger a + 2gJ_x(a + a^\dagger), \qquad \kappa\mathcal{D}[a] + w\mathcal{D}[a^\dagger] + \ldots

    Parameters
    ----------
    N, photons : int, default 3, 10
        Numbers of emitters and of states of the mode.
    pumping, dephasing, emission : float, default 1, 0.2, 0.1
        Local rates of the emitters.
    coupling, loss, gain : float, default 0.2, 0.5, 0.05
        g, :math:`\kappa` and w.
    collective_emission, collective_pumping : float, default 0.1, 0.05
        Collective rates of the emitters.

    Returns
    -------
    Composite

    Examples
    --------
    >>> from piqs.gallery import spaser
    >>> len(spaser().equation().channels)
    7
    """
    atoms = Dicke(
        N,
        jspin(N, "z"),
        emission=emission,
        dephasing=dephasing,
        pumping=pumping,
        collective_emission=collective_emission,
        collective_pumping=collective_pumping,
    )
    return light_matter(atoms, Mode(photons, 1.0, loss=loss), coupling, coupling, gain=gain)


def data(
    N: int = 3,
    photons: int = 14,
    dephasing: Sequence[float] = (0.0, 1.0, 4.0),
    pumping_max: float = 2.0,
    points: int = 11,
) -> FigureData:
    """Compute the plasmons against the pumping for each dephasing rate."""
    pumping = np.linspace(pumping_max / points, pumping_max, points)
    system = spaser(N, photons)
    observables = {
        "plasmons": system.embed("cavity", num(photons)),
        "edge": system.equation().edges()["cavity"],
    }
    series, edge = {}, 0.0
    for rate in dephasing:
        found = scan(pumping, partial(spaser, N, photons, dephasing=rate), observables)
        edge = max(edge, float(found["edge"].max()))
        series[f"dephasing {rate:g}"] = {"pumping": pumping, "plasmons": found["plasmons"]}
    parameters = {"N": N, "photons": photons, "dephasing": tuple(dephasing), "edge": float(f"{edge:.1e}")}
    return FigureData(parameters, {"pumping": "frequency", "plasmons": "1"}, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the plasmons against the pumping."""
    (ax,) = flat = panels(axes, PANELS, SIZE)
    for rate, columns, look in zip(data.parameters["dephasing"], data.series.values(), LOOKS, strict=False):
        ax.plot(columns["pumping"], columns["plasmons"], label=rf"$\gamma_\phi={rate:g}\,\omega_0$", **look)
    ax.set(xlabel=r"$\gamma_\uparrow/\omega_0$", ylabel=r"$\langle a^\dagger a\rangle$", ylim=(0, None))
    ax.set_xlim(0, columns["pumping"][-1])
    ax.legend(title=f"$N={data.parameters['N']}$")
    return flat
