r"""Dark states of a driven ensemble (Table II, super- and subradiance, after M. Gegg et al., New J. Phys. 20, 013006 (2018)).

A driven cavity holds many emitters; local decay leads them down a cascade to small j, where they are dark: <J^2> falls below
that of the symmetric ladder.
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
from piqs.operators.spin import jspin

TITLE = "A driven cavity fills the dark states of its emitters"
CAPTION = (
    "N = {N} emitters with local emission {emission} in a cavity with g = {coupling}, loss {loss}, {photons} photon "
    "states and the drive eta, in the steady state. (a) Photons and inversion. (b) Squared spin in units of N/2 "
    "(N/2 + 1); dotted: fully mixed emitters. The highest photon state holds at most {edge}."
)
PANELS = (1, 2)
SIZE = (7.0, 3.0)
FAST: dict[str, Any] = {"N": 2, "photons": 8, "points": 5}


def driven_subradiance(
    N: int = 3,
    photons: int = 10,
    drive: float = 2.0,
    coupling: float = 1.0,
    loss: float = 10.0,
    emission: float = 0.1,
) -> Composite:
    r"""Emitters in a driven lossy cavity on resonance, with the parts "atoms" and "cavity".

    .. math:: H = g(J_+a + J_-a^\dagger) + \eta(a + a^\dagger), \qquad \kappa\mathcal{D}[a]
              + \gamma_\downarrow\sum_n\mathcal{D}[J_{-,n}]

    Parameters
    ----------
    N, photons : int, default 3, 10
        Numbers of emitters and of photon states.
    drive, coupling, loss, emission : float, default 2, 1, 10, 0.1
        :math:`\eta`, g, :math:`\kappa` and :math:`\gamma_\downarrow`.

    Returns
    -------
    Composite

    Examples
    --------
    >>> from piqs.gallery import driven_subradiance
    >>> driven_subradiance(3).dims
    [6, 10]
    """
    return light_matter(Dicke(N, emission=emission), Mode(photons, loss=loss), coupling, drive=drive)


def data(
    N: int = 3,
    photons: int = 12,
    coupling: float = 1.0,
    loss: float = 10.0,
    emission: float = 0.1,
    drive_max: float = 10.0,
    points: int = 16,
) -> FigureData:
    """Compute photons, inversion and squared spin against the drive."""
    drive = np.linspace(drive_max / points, drive_max, points)
    system = driven_subradiance(N, photons)
    a = system.embed("cavity", destroy(photons))
    spin = [system.embed("atoms", op) for op in jspin(N)]
    observables = {
        "photons": a.dag() @ a,
        "jz": spin[2],
        "J2": spin[0] @ spin[0] + spin[1] @ spin[1] + spin[2] @ spin[2],
        "edge": system.equation().edges()["cavity"],
    }

    model = partial(driven_subradiance, N, photons, coupling=coupling, loss=loss, emission=emission)
    found = scan(drive, model, observables)
    series = {
        "steady state": {
            "drive": drive,
            "photons": found["photons"],
            "inversion": found["jz"] / (N / 2),
            "J2": found["J2"] / (N / 2 * (N / 2 + 1)),
        }
    }
    parameters = {"N": N, "photons": photons, "coupling": coupling, "loss": loss, "emission": emission}
    parameters["edge"] = float(f"{found['edge'].max():.1e}")
    return FigureData(
        parameters, {"drive": "g", "photons": "1", "inversion": "N/2", "J2": "N/2 (N/2+1)"}, series
    )


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw photons and inversion, and the squared spin, against the drive."""
    flat = panels(axes, PANELS, SIZE)
    columns, N = data["steady state"], data.parameters["N"]
    flat[0].plot(columns["drive"], columns["photons"], label=r"$\langle a^\dagger a\rangle$", **LOOKS[0])
    flat[0].plot(columns["drive"], columns["inversion"], label=r"$\langle J_z\rangle\,/\,(N/2)$", **LOOKS[1])
    flat[1].plot(columns["drive"], columns["J2"], **LOOKS[0])
    flat[1].axhline(3 * N / 4 / (N / 2 * (N / 2 + 1)), color="0.6", ls=":", lw=1.0)
    flat[1].set(ylabel=r"$\langle J^2\rangle\,/\,[\frac{N}{2}(\frac{N}{2}+1)]$", ylim=(0, 1.05))
    for ax in flat:
        ax.set(xlabel=r"$\eta/g$", xlim=(0, columns["drive"][-1]))
    flat[0].legend(title=f"$N={N}$")
    letter(flat)
    return flat
