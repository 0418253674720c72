r"""The superradiant transition with local noise (Table II; see also Figure 10).

After P. Kirton and J. Keeling, Phys. Rev. Lett. 118, 123602 (2017).

Any local dephasing alone suppresses the transition; local emission restores it.  With it, mean-field theory has the
threshold g_c^2 N = (w_0^2 + g_T^2)(w^2 + kappa^2/4)/(4 w w_0), g_T = (emission + dephasing)/2.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from qutip import basis, num

from piqs.figures._data import FigureData
from piqs.figures._style import panels
from piqs.gallery._curves import LOOKS, scan
from piqs.gallery._light_matter import light_matter
from piqs.models.composite import Composite
from piqs.models.dicke import Dicke
from piqs.models.mode import Mode
from piqs.operators.spin import jspin
from piqs.states.density import ground

TITLE = "The superradiant transition: dephasing suppresses it, emission restores it"
CAPTION = (
    "Photons in the steady state of N = {N} emitters, H = w_0 J_z + w a^+ a + 2g J_x (a + a^+), w = w_0 = 1, photon "
    "loss {loss}, {photons} photon states, against g sqrt(N), with local dephasing and emission as written; dotted: "
    "the mean-field threshold with emission alone. The highest photon state holds at most {edge}."
)
PANELS = (1, 1)
SIZE = (4.6, 3.2)
FAST: dict[str, Any] = {"N": 2, "photons": 8, "points": 5}


def superradiant_transition(
    N: int = 8,
    photons: int = 10,
    coupling: float = 0.9,
    frequency: float = 1.0,
    mode_frequency: float = 1.0,
    loss: float = 1.0,
    dephasing: float = 0.4,
    emission: float = 0.2,
) -> Composite:
    r"""Dicke model with local noise, with the parts "atoms" and "cavity".

    .. math:: H = \omega_0J_z + \omega a^\dagger a + 2gJ_x(a + a^\dagger), \qquad \kappa\mathcal{D}[a]
              + \sum_n\left(\gamma_\phi\mathcal{D}[J_{z,n}] + \gamma_\downarrow\mathcal{D}[J_{-,n}]\right)

    Parameters
    ----------
    N, photons : int, default 8, 10
        Numbers of emitters and of photon states.
    coupling : float, default 0.9
        :math:`g\sqrt N`.
    frequency, mode_frequency, loss : float, default 1
        :math:`\omega_0, \omega, \kappa`.
    dephasing, emission : float, default 0.4, 0.2
        Local rates.  :math:`\mathcal{D}[\sigma_z]` at a rate is dephasing at four times it.

    Returns
    -------
    Composite

    Examples
    --------
    >>> from piqs.gallery import superradiant_transition
    >>> superradiant_transition(4).dims
    [9, 10]
    """
    atoms = Dicke(N, frequency * jspin(N, "z"), dephasing=dephasing, emission=emission)
    g = coupling / np.sqrt(N)
    return light_matter(atoms, Mode(photons, mode_frequency, loss=loss), g, g)


def threshold(
    frequency: float = 1.0,
    mode_frequency: float = 1.0,
    loss: float = 1.0,
    dephasing: float = 0.0,
    emission: float = 0.0,
) -> float:
    """Mean-field threshold of g sqrt(N); it takes local emission for it to exist."""
    transverse = (emission + dephasing) / 2
    square = (
        (frequency**2 + transverse**2) * (mode_frequency**2 + loss**2 / 4) / (4 * mode_frequency * frequency)
    )
    return float(np.sqrt(square))


def data(
    N: int = 3,
    photons: int = 18,
    noise: Sequence[tuple[float, float]] = ((0.0, 0.0), (0.4, 0.0), (0.4, 0.2), (0.0, 0.2)),
    loss: float = 1.0,
    coupling_max: float = 1.2,
    points: int = 9,
) -> FigureData:
    """Compute the photons against the coupling for each pair of dephasing and emission rates."""
    coupling = np.linspace(0.05, coupling_max, points)
    system = superradiant_transition(N, photons)
    observables = {
        "photons": system.embed("cavity", num(photons)),
        "edge": system.equation().edges()["cavity"],
    }
    series, edge = {}, 0.0
    for dephasing, emission in noise:
        model = partial(
            superradiant_transition, N, photons, loss=loss, dephasing=dephasing, emission=emission
        )
        # without local noise j is conserved: the emitters start in their ground state
        start = None if dephasing or emission else system.state(atoms=ground(N), cavity=basis(photons, 0))
        found = scan(coupling, model, observables, start)
        edge = max(edge, float(found["edge"].max()))
        name = rf"$\gamma_\phi={dephasing:g}$, $\gamma_\downarrow={emission:g}$"
        series[name] = {"coupling": coupling, "photons": found["photons"]}
    parameters = {"N": N, "photons": photons, "loss": loss, "edge": float(f"{edge:.1e}")}
    return FigureData(parameters, {"coupling": "frequency", "photons": "1"}, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the photons against the coupling."""
    (ax,) = flat = panels(axes, PANELS, SIZE)
    for (name, columns), look in zip(data.series.items(), LOOKS, strict=False):
        ax.plot(columns["coupling"], columns["photons"], label=name, **look)
    ax.axvline(threshold(loss=data.parameters["loss"], emission=0.2), color="0.6", ls=":", lw=1.0)
    ax.set(xlabel=r"$g\sqrt{N}/\omega_0$", ylabel=r"$\langle a^\dagger a\rangle$", ylim=(0, None))
    ax.set_xlim(0, columns["coupling"][-1])
    ax.legend(title=f"$N={data.parameters['N']}$")
    return flat
