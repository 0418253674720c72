r"""Multiple-quantum coherences as an entanglement witness (Table II, after M. Gaerttner, P. Hauke and A. M. Rey, Phys. Rev.
Lett. 120, 040402 (2018)).

The intensities I_m of the coherences of order m bound the quantum Fisher information: 2 sum_m m^2 I_m <= F.  More than N
is more than any separable state has.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from qutip import Qobj

from piqs.figures._data import FigureData
from piqs.figures._style import letter, panels
from piqs.gallery._curves import LOOKS
from piqs.measures import coherence_bound, multiple_quantum_coherence, quantum_fisher_information
from piqs.models.dicke import Dicke
from piqs.operators.spin import jspin
from piqs.states.density import ground

TITLE = "Multiple-quantum coherences bound the quantum Fisher information"
CAPTION = (
    "N = {N} emitters, all down at first, under H = -w_xx J_x^2 with w_xx = {interaction}, local emission "
    "{emission}, dephasing {dephasing} and pumping {pumping}. (a) Quantum Fisher information of rotations about y, "
    "and its bound 2 sum m^2 I_m; above N (dotted) the state is entangled. (b) Intensities I_m at the time of the "
    "largest bound."
)
PANELS = (1, 2)
SIZE = (7.0, 3.0)
FAST: dict[str, Any] = {"N": 4, "points": 11}


def entanglement_witness(
    N: int = 10,
    interaction: float = 0.5,
    frequency: float = 0.0,
    emission: float = 0.1,
    dephasing: float = 0.05,
    pumping: float = 0.02,
) -> Dicke:
    r"""Ising interaction between all pairs, with local noise.

    .. math:: H = -\omega_{xx}J_x^2 - \omega_0J_z

    Parameters
    ----------
    N : int, default 10
        Number of emitters.
    interaction, frequency : float, default 0.5, 0
        :math:`\omega_{xx}` and :math:`\omega_0`.
    emission, dephasing, pumping : float, default 0.1, 0.05, 0.02
        Local rates.

    Returns
    -------
    Dicke

    Examples
    --------
    >>> from piqs import ground, jspin
    >>> from piqs.gallery import entanglement_witness
    >>> atoms = entanglement_witness()
    >>> result = atoms.mesolve(ground(10), [0.0, 0.3], e_ops=[jspin(10, "z")])
    >>> round(float(result.expect[0][-1]), 5)
    -4.4733
    """
    jx, jz = jspin(N, "x"), jspin(N, "z")
    H = -interaction * jx @ jx - frequency * jz
    return Dicke(N, H, emission=emission, dephasing=dephasing, pumping=pumping)


def data(
    N: int = 10,
    interaction: float = 0.5,
    emission: float = 0.1,
    dephasing: float = 0.05,
    pumping: float = 0.02,
    t_max: float = 4.0,
    points: int = 41,
) -> FigureData:
    """Compute the Fisher information and its bound in time, from all emitters down, and the intensities."""
    time = np.linspace(0, t_max, points)
    model = entanglement_witness(N, interaction, 0.0, emission, dephasing, pumping)
    states: list[Qobj] = model.mesolve(ground(N), time).states
    bound = np.array([coherence_bound(rho, "y") for rho in states])
    fisher = np.array([quantum_fisher_information(rho, "y") for rho in states])
    order, intensity = multiple_quantum_coherence(states[int(bound.argmax())], "y")
    series = {
        "in time": {"time": time, "fisher": fisher, "bound": bound},
        "intensities": {"order": order.astype(float), "intensity": intensity},
    }
    parameters = {
        "N": N,
        "interaction": interaction,
        "emission": emission,
        "dephasing": dephasing,
        "pumping": pumping,
    }
    units = {"time": "1/unit of the rates", "fisher": "1", "bound": "1", "order": "1", "intensity": "1"}
    return FigureData(parameters, units, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the Fisher information and its bound in time, and the intensities of the coherences."""
    flat = panels(axes, PANELS, SIZE)
    N, curve = data.parameters["N"], data["in time"]
    flat[0].plot(curve["time"], curve["fisher"], label=r"$F_Q$", **LOOKS[0])
    flat[0].plot(curve["time"], curve["bound"], label=r"$2\sum_mm^2I_m$", **LOOKS[1])
    flat[0].axhline(N, color="0.5", ls=":", lw=1.0)
    flat[0].set(xlabel="time", xlim=(0, curve["time"][-1]), ylim=(0, None), title=f"$N={N}$")
    flat[0].legend()
    bars = data["intensities"]
    flat[1].bar(bars["order"], bars["intensity"], width=0.7, color=LOOKS[1]["color"])
    flat[1].set(xlabel="order $m$", ylabel="$I_m$", yscale="log", ylim=(1e-5, 1))
    letter(flat)
    return flat
