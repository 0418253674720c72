r"""Dicke model with a drive of the emitters (Table II, super/subradiant phase transition, after M. Gegg et al., New J. Phys. 20,
013006 (2018)).

The drive w_x J_x breaks the symmetry between the two lobes of the superradiant phase: the cavity takes one sign.
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

TITLE = "A drive of the emitters chooses the sign of the field"
CAPTION = (
    "N = {N} emitters, H = J_z + a^+ a + g J_x (a + a^+) + w_x J_x with g = {coupling}, photon loss {loss}, local "
    "emission {emission} and dephasing {dephasing}, {photons} photon states, in the steady state against the drive. "
    "(a) Field and mean spin. (b) Photons and inversion. The highest photon state holds at most {edge}."
)
PANELS = (1, 2)
SIZE = (7.0, 3.0)
FAST: dict[str, Any] = {"N": 2, "photons": 8, "points": 5}


def driven_dicke(
    N: int = 3,
    photons: int = 10,
    drive: float = 0.7,
    coupling: float = 0.8,
    loss: float = 1.0,
    emission: float = 0.2,
    dephasing: float = 0.1,
) -> Composite:
    r"""Dicke model with driven emitters, with the parts "atoms" and "cavity".

    .. math:: H = J_z + \omega_xJ_x + a^\dagger a + gJ_x(a + a^\dagger), \qquad \kappa\mathcal{D}[a]
              + \sum_n\left(\gamma_\downarrow\mathcal{D}[J_{-,n}] + \gamma_\phi\mathcal{D}[J_{z,n}]\right)

    Parameters
    ----------
    N, photons : int, default 3, 10
        Numbers of emitters and of photon states.
    drive, coupling : float, default 0.7, 0.8
        :math:`\omega_x` and g.
    loss, emission, dephasing : float, default 1, 0.2, 0.1
        The rates.

    Returns
    -------
    Composite

    Examples
    --------
    >>> from piqs.gallery import driven_dicke
    >>> driven_dicke(3).dims
    [6, 10]
    """
    jx, _, jz = jspin(N)
    atoms = Dicke(N, jz + drive * jx, emission=emission, dephasing=dephasing)
    return light_matter(atoms, Mode(photons, 1.0, loss=loss), coupling / 2, coupling / 2)


def data(
    N: int = 3,
    photons: int = 12,
    coupling: float = 0.8,
    loss: float = 1.0,
    emission: float = 0.2,
    dephasing: float = 0.1,
    drive_max: float = 1.5,
    points: int = 15,
) -> FigureData:
    """Compute field, spin, photons and inversion against the drive."""
    drive = np.linspace(-drive_max, drive_max, points)
    system = driven_dicke(N, photons)
    a = system.embed("cavity", destroy(photons))
    observables = {
        "photons": a.dag() @ a,
        "field": (a + a.dag()) / 2,
        "jx": system.embed("atoms", jspin(N, "x")),
        "jz": system.embed("atoms", jspin(N, "z")),
        "edge": system.equation().edges()["cavity"],
    }

    settings = {"coupling": coupling, "loss": loss, "emission": emission, "dephasing": dephasing}
    found = scan(drive, partial(driven_dicke, N, photons, **settings), observables)
    series = {
        "steady state": {
            "drive": drive,
            "photons": found["photons"],
            "field": found["field"],
            "spin": found["jx"] / (N / 2),
            "inversion": found["jz"] / (N / 2),
        }
    }
    parameters = {"N": N, "photons": photons, "coupling": coupling, "loss": loss, "emission": emission}
    parameters |= {"dephasing": dephasing, "edge": float(f"{found['edge'].max():.1e}")}
    units = {"drive": "frequency", "photons": "1", "field": "1", "spin": "N/2", "inversion": "N/2"}
    return FigureData(parameters, units, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw field and spin, photons and inversion against the drive."""
    flat = panels(axes, PANELS, SIZE)
    columns = data["steady state"]
    for ax, pair in zip(
        flat,
        (
            (("field", r"$\mathrm{Re}\,\langle a\rangle$"), ("spin", r"$\langle J_x\rangle\,/\,(N/2)$")),
            (("photons", r"$\langle a^\dagger a\rangle$"), ("inversion", r"$\langle J_z\rangle\,/\,(N/2)$")),
        ),
        strict=True,
    ):
        for (column, label), look in zip(pair, LOOKS, strict=False):
            ax.plot(columns["drive"], columns[column], label=label, **look)
        ax.set(xlabel=r"$\omega_x/\omega_0$", xlim=(columns["drive"][0], columns["drive"][-1]))
        ax.axhline(0, color="0.7", lw=0.6, zorder=0)
        ax.legend()
    flat[0].set_title(f"$N={data.parameters['N']}$, $g={data.parameters['coupling']:g}\\,\\omega_0$")
    letter(flat)
    return flat
