r"""Three-level emitters in a cavity (Table II, multi-level systems).

M. Gegg and M. Richter, New J. Phys. 18, 043037 (2016), Sci. Rep. 7, 16304 (2017); the example is that of P. Kirton's library
`permutations`: oscillators cut off at three levels that exchange energy with a mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from qutip import Qobj, basis, destroy

from piqs.figures._data import FigureData
from piqs.figures._style import letter, panels
from piqs.gallery._curves import curves
from piqs.models.composite import Composite
from piqs.models.mode import Mode
from piqs.models.multilevel import Ensemble

TITLE = "Pumped three-level emitters in a cavity"
CAPTION = (
    "N = {sizes} emitters with three levels, each pumped up its ladder at {pumping}, that exchange energy with a "
    "mode of {photons} states at g = {coupling} with loss {loss}, from one photon and all emitters in the middle "
    "level. (a) Photons. (b) Excitations of one emitter."
)
PANELS = (1, 2)
SIZE = (7.0, 3.0)
FAST: dict[str, Any] = {"sizes": (2,), "points": 41}


def three_level_laser(
    N: int = 2, photons: int = 2, coupling: float = 0.2, pumping: float = 0.05, loss: float = 0.05
) -> Composite:
    r"""Emitters with three levels in a ladder and a mode, with the parts "atoms" and "cavity".

    .. math:: H = a^\dagger a + g\sum_n(b_n a^\dagger + b_n^\dagger a), \qquad
              w\sum_n\mathcal{D}[b_n^\dagger] + \kappa\,\mathcal{D}[a]

    where b lowers the levels 2, 1, 0 as a cut-off oscillator does.

    Parameters
    ----------
    N : int, default 2
        Number of emitters.
    photons : int, default 2
        Number of states of the mode, part of the model.
    coupling, pumping, loss : float, default 0.2, 0.05, 0.05
        g, w and :math:`\kappa`.

    Returns
    -------
    Composite

    Examples
    --------
    >>> from piqs.gallery import three_level_laser
    >>> three_level_laser(2).space.size
    18
    """
    atoms = Ensemble(N, levels=3)
    atoms.local(destroy(3).dag(), pumping)
    system = Composite(atoms=atoms, cavity=Mode(photons, frequency=1.0, loss=loss), threshold=1.0)
    down = system.embed("atoms", atoms.one_body(destroy(3)))
    exchange = down @ system.embed("cavity", destroy(photons)).dag()
    system.interaction = coupling * (exchange + exchange.dag())
    return system


def observables(system: Composite) -> list[Qobj]:
    """Photons, and excitations of one emitter."""
    atoms: Any = system.parts["atoms"]
    a = system.embed("cavity", destroy(system.dims[1]))
    b = destroy(3)
    return [a.dag() @ a, system.embed("atoms", atoms.one_body(b.dag() @ b)) / atoms.N]


def data(
    sizes: Sequence[int] = (2, 4, 6),
    photons: int = 2,
    coupling: float = 0.2,
    pumping: float = 0.05,
    loss: float = 0.05,
    t_max: float = 60.0,
    points: int = 301,
) -> FigureData:
    """Compute photons and excitations in time."""
    time = np.linspace(0, t_max, points)
    series = {}
    for N in sizes:
        system = three_level_laser(N, photons, coupling, pumping, loss)
        atoms: Any = system.parts["atoms"]
        rho0 = system.state(atoms=atoms.all_in("1"), cavity=basis(photons, 1))
        light, excited = system.mesolve(rho0, time, e_ops=observables(system)).expect
        series[f"$N={N}$"] = {"time": time, "photons": light, "excitations": excited}
    parameters = {
        "sizes": tuple(sizes),
        "photons": photons,
        "coupling": coupling,
        "pumping": pumping,
        "loss": loss,
    }
    units = {"time": "1/frequency of the mode", "photons": "1", "excitations": "1"}
    return FigureData(parameters, units, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw photons and excitations against time."""
    flat = panels(axes, PANELS, SIZE)
    for ax, column, label in zip(
        flat,
        ("photons", "excitations"),
        (r"$\langle a^\dagger a\rangle$", r"$\langle b_n^\dagger b_n\rangle$"),
        strict=True,
    ):
        curves(ax, data.series, "time", column)
        ax.set(xlabel=r"$\omega t$", ylabel=label)
    flat[1].legend()
    letter(flat)
    return flat
