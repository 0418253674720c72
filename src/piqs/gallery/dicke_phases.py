r"""Rotating and counter-rotating coupling with a pump (Table II, after P. Kirton and J. Keeling, New J. Phys. 20, 015009 (2018)).

With g and g' apart, the model has a normal and a superradiant phase, a laser (g > g') and a counter-laser (g' > g), in which
the inversion has the other sign.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from qutip import num

from piqs.figures._data import FigureData
from piqs.figures._style import letter, panels
from piqs.gallery._curves import scan
from piqs.gallery._light_matter import light_matter
from piqs.models.composite import Composite
from piqs.models.dicke import Dicke
from piqs.models.mode import Mode
from piqs.operators.spin import jspin

TITLE = "Rotating and counter-rotating coupling: photons and inversion"
CAPTION = (
    "N = {N} emitters, w_0 = {frequency}, in a cavity with w = 1, loss {loss} and {photons} photon states, local "
    "emission {emission}, dephasing {dephasing} and pumping {pumping}, in the steady state against the rotating "
    "coupling g and the counter-rotating one g'. (a) Photons. (b) Inversion. The highest photon state holds at most "
    "{edge}."
)
PANELS = (1, 2)
SIZE = (7.0, 3.0)
FAST: dict[str, Any] = {"N": 2, "photons": 6, "points": 3}


def generalized_dicke(
    N: int = 3,
    photons: int = 10,
    rotating: float = 0.45,
    counter: float = 0.15,
    frequency: float = 0.5,
    loss: float = 1.0,
    emission: float = 0.2,
    dephasing: float = 0.1,
    pumping: float = 0.3,
) -> Composite:
    r"""Dicke model with two couplings and a pump, with the parts "atoms" and "cavity".

    .. math:: H = \omega_0J_z + a^\dagger a + g(J_+a + J_-a^\dagger) + g'(J_-a + J_+a^\dagger)

    Parameters
    ----------
    N, photons : int, default 3, 10
        Numbers of emitters and of photon states.
    rotating, counter : float, default 0.45, 0.15
        g and g'.
    frequency, loss : float, default 0.5, 1
        :math:`\omega_0` and :math:`\kappa`, in units of the mode's frequency.
    emission, dephasing, pumping : float, default 0.2, 0.1, 0.3
        Local rates of the emitters.

    Returns
    -------
    Composite

    Examples
    --------
    >>> from piqs.gallery import generalized_dicke
    >>> generalized_dicke(3).dims
    [6, 10]
    """
    atoms = Dicke(N, frequency * jspin(N, "z"), emission=emission, dephasing=dephasing, pumping=pumping)
    return light_matter(atoms, Mode(photons, 1.0, loss=loss), rotating, counter)


def data(
    N: int = 3,
    photons: int = 12,
    frequency: float = 0.5,
    loss: float = 1.0,
    emission: float = 0.2,
    dephasing: float = 0.1,
    pumping: float = 0.3,
    coupling_max: float = 0.5,
    points: int = 9,
) -> FigureData:
    """Compute photons and inversion on a grid of both couplings."""
    axis = np.linspace(0, coupling_max, points)
    rotating, counter = (grid.ravel() for grid in np.meshgrid(axis, axis))
    settings = {
        "frequency": frequency,
        "loss": loss,
        "emission": emission,
        "dephasing": dephasing,
        "pumping": pumping,
    }
    system = generalized_dicke(N, photons)
    observables = {
        "photons": system.embed("cavity", num(photons)),
        "jz": system.embed("atoms", jspin(N, "z")),
        "edge": system.equation().edges()["cavity"],
    }

    def model(couplings: tuple[float, float]) -> Composite:
        return generalized_dicke(N, photons, *couplings, **settings)

    found = scan(zip(rotating, counter, strict=True), model, observables)
    series = {
        "steady state": {
            "rotating": rotating,
            "counter": counter,
            "photons": found["photons"],
            "inversion": found["jz"] / (N / 2),
        }
    }
    parameters: dict[str, Any] = {"N": N, "photons": photons, **settings}
    parameters["edge"] = float(f"{found['edge'].max():.1e}")
    return FigureData(parameters, dict.fromkeys(series["steady state"], "1"), series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw photons and inversion over the two couplings."""
    flat = panels(axes, PANELS, SIZE)
    columns = data["steady state"]
    axis = np.unique(columns["rotating"])
    for ax, column, cmap, label in zip(
        flat,
        ("photons", "inversion"),
        ("Blues", "RdBu_r"),
        (r"$\langle a^\dagger a\rangle$", r"$\langle J_z\rangle\,/\,(N/2)$"),
        strict=True,
    ):
        values = columns[column].reshape(axis.size, axis.size)
        limits = (0, values.max()) if column == "photons" else (-np.abs(values).max(), np.abs(values).max())
        image = ax.pcolormesh(
            axis, axis, values, cmap=cmap, vmin=limits[0], vmax=limits[1], shading="gouraud"
        )
        ax.figure.colorbar(image, ax=ax, label=label)
        ax.plot(axis, axis, ":", color="0.4", lw=0.8)
        ax.set(xlabel=r"$g/\omega$", ylabel=r"$g'/\omega$", aspect="equal")
    flat[0].set_title(f"$N={data.parameters['N']}$")
    letter(flat, x=0.0)
    return flat
