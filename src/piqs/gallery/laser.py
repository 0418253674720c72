r"""A laser (Table II, lasing, after M. Xu, D. A. Tieri and M. J. Holland, Phys. Rev. A 87, 062101 (2013)).

Pumped emitters in a cavity: the photon number rises with the pump, g2(0) falls from thermal light towards 1, and too strong a
pump quenches both.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from qutip import destroy

from piqs.figures._data import FigureData
from piqs.figures._style import letter, panels
from piqs.gallery._curves import LOOKS, scan
from piqs.gallery._light_matter import light_matter
from piqs.models.composite import Composite
from piqs.models.dicke import Dicke
from piqs.models.mode import Mode

TITLE = "A laser of few emitters: photons and coherence"
CAPTION = (
    "N = {N} emitters with local pumping and emission {emission} in a cavity with g = {coupling}, loss {loss} and "
    "{photons} photon states, in the steady state against the pumping. (a) Photons. (b) g2(0). The highest photon "
    "state holds at most {edge}."
)
PANELS = (1, 2)
SIZE = (7.0, 3.0)
FAST: dict[str, Any] = {"N": 2, "photons": 8, "points": 5}


def lasing(
    N: int = 3,
    photons: int = 10,
    coupling: float = 0.5,
    loss: float = 1.0,
    emission: float = 0.1,
    pumping: float = 2.0,
    gain: float = 0.0,
) -> Composite:
    r"""Pumped emitters in a lossy cavity on resonance, with the parts "atoms" and "cavity".

    .. math:: H = g(J_+a + J_-a^\dagger), \qquad \kappa\mathcal{D}[a] + w\mathcal{D}[a^\dagger]
              + \sum_n\left(\gamma_\downarrow\mathcal{D}[J_{-,n}] + \gamma_\uparrow\mathcal{D}[J_{+,n}]\right)

    Parameters
    ----------
    N, photons : int, default 3, 10
        Numbers of emitters and of photon states.
    coupling, loss : float, default 0.5, 1
        g and :math:`\kappa`.
    emission, pumping : float, default 0.1, 2
        Local rates of the emitters.
    gain : float, default 0
        Incoherent pumping of the mode, w.

    Returns
    -------
    Composite

    Examples
    --------
    >>> from piqs.gallery import lasing
    >>> lasing(3, 12).dims
    [6, 12]
    """
    return light_matter(
        Dicke(N, emission=emission, pumping=pumping), Mode(photons, loss=loss), coupling, gain=gain
    )


def data(
    N: int = 4,
    photons: int = 20,
    coupling: float = 0.5,
    loss: float = 1.0,
    emission: float = 0.1,
    pumping_max: float = 4.0,
    points: int = 17,
) -> FigureData:
    """Compute photons and g2(0) against the pumping."""
    pumping = np.linspace(pumping_max / points, pumping_max, points)
    system = lasing(N, photons, coupling, loss, emission)
    a = system.embed("cavity", destroy(photons))
    number = a.dag() @ a
    observables = {
        "photons": number,
        "pairs": a.dag() @ a.dag() @ a @ a,
        "edge": system.equation().edges()["cavity"],
    }

    found = scan(pumping, partial(lasing, N, photons, coupling, loss, emission), observables)
    series = {
        "steady state": {
            "pumping": pumping,
            "photons": found["photons"],
            "g2": found["pairs"] / found["photons"] ** 2,
        }
    }
    parameters = {"N": N, "photons": photons, "coupling": coupling, "loss": loss, "emission": emission}
    parameters["edge"] = float(f"{found['edge'].max():.1e}")
    return FigureData(parameters, {"pumping": "cavity loss", "photons": "1", "g2": "1"}, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw photons and g2(0) against the pumping."""
    flat = panels(axes, PANELS, SIZE)
    columns = data["steady state"]
    for ax, column, label in zip(
        flat, ("photons", "g2"), (r"$\langle a^\dagger a\rangle$", r"$g^{(2)}(0)$"), strict=True
    ):
        ax.plot(columns["pumping"], columns[column], **LOOKS[0])
        ax.set(xlabel=r"$\gamma_\uparrow/\kappa$", ylabel=label, xlim=(0, columns["pumping"][-1]))
    flat[0].set(ylim=(0, None), title=f"$N={data.parameters['N']}$")
    flat[1].axhline(1, color="0.6", ls=":", lw=1.0)
    letter(flat)
    return flat
