r"""Antibunched light of pumped emitters (Table II, after Z.-X. Gong et al., arXiv:1611.00797).

Pumped emitters share a mode that holds one photon at most, as a Rydberg blockade makes it: two photons never come
together. The dipole of the ensemble drives the two states of the mode as a laser would an atom, so that the spectrum is
a Mollow triplet, at 0 and :math:`\pm2g\sqrt{\langle J_+J_-\rangle}`; and since that dipole keeps its phase for long, the
line in the middle is far narrower than the mode.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from qutip import destroy, expect

from piqs.figures._data import FigureData
from piqs.figures._style import letter, panels
from piqs.gallery._curves import LOOKS
from piqs.gallery._light_matter import light_matter
from piqs.models.composite import Composite
from piqs.models.dicke import Dicke
from piqs.models.mode import Mode
from piqs.operators.spin import jspin

TITLE = "Antibunched light of pumped emitters in a blockaded mode"
CAPTION = (
    "N = {N} emitters with local pumping {pumping} and emission {emission}, coupled at g = {coupling} to a mode "
    "that holds one photon at most and loses it at {loss}. (a) Spectrum of the mode in the steady state, and the line of "
    "the empty mode (dotted); grey lines: 2g times the root of <J_+J_-> = {dipole} N^2. (b) Second-order coherence of "
    "the light."
)
PANELS = (1, 2)
SIZE = (7.0, 3.0)
FAST: dict[str, Any] = {"N": 2, "points": 41}


def photon_antibunching(
    N: int = 8,
    coupling: float = 1.0,
    loss: float = 2.0,
    emission: float = 0.1,
    pumping: float = 1.0,
    dephasing: float = 0.0,
) -> Composite:
    r"""Pumped emitters and a mode of two states, with the parts "atoms" and "cavity".

    .. math:: H = g(J_+a + J_-a^\dagger), \quad a^2 = 0, \qquad \kappa\mathcal{D}[a] + \sum_n\left(
              \gamma_\downarrow\mathcal{D}[J_{-,n}] + \gamma_\uparrow\mathcal{D}[J_{+,n}]
              + \gamma_\phi\mathcal{D}[J_{z,n}]\right)

    Parameters
    ----------
    N : int, default 8
        Number of emitters.
    coupling, loss : float, default 1, 2
        g and :math:`\kappa`.
    emission, pumping, dephasing : float, default 0.1, 1, 0
        Local rates of the emitters.

    Returns
    -------
    Composite

    Examples
    --------
    >>> from piqs.gallery import photon_antibunching
    >>> photon_antibunching(4).dims
    [9, 2]
    """
    atoms = Dicke(N, emission=emission, pumping=pumping, dephasing=dephasing)
    # the blockade is the model, not a cut-off
    return light_matter(atoms, Mode(2, loss=loss), coupling, threshold=1.0)


def data(
    N: int = 40,
    coupling: float = 1.0,
    loss: float = 8.0,
    emission: float = 0.0,
    pumping: float = 0.28,
    frequency_max: float = 40.0,
    t_max: float = 2.0,
    points: int = 201,
) -> FigureData:
    """Compute the spectrum and g2(tau) of the mode in the steady state."""
    system = photon_antibunching(N, coupling, loss, emission, pumping)
    a, lower = system.embed("cavity", destroy(2)), system.embed("atoms", jspin(N, "-"))
    # the line in the middle is narrow: points are dense there
    frequency = frequency_max * np.linspace(-1, 1, points) ** 3
    tau = np.linspace(0, t_max, points)
    power = np.asarray(system.spectrum(frequency, a.dag(), a))
    dipole = float(np.real(expect(lower.dag() @ lower, system.steadystate()))) / N**2
    g2 = np.real(system.coherence_function_g2(None, tau, a)[0])
    series = {"spectrum": {"frequency": frequency, "power": power}, "coherence": {"tau": tau, "g2": g2}}
    parameters = {"N": N, "coupling": coupling, "loss": loss, "emission": emission, "pumping": pumping}
    parameters["dipole"] = float(f"{dipole:.3g}")
    return FigureData(parameters, {"frequency": "g", "power": "1/g", "tau": "1/g", "g2": "1"}, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the spectrum and the second-order coherence."""
    flat = panels(axes, PANELS, SIZE)
    spectrum, coherence, parameters = data["spectrum"], data["coherence"], data.parameters
    frequency, power = spectrum["frequency"], spectrum["power"]
    half = parameters["loss"] / 2
    flat[0].semilogy(frequency, power / power.max(), **LOOKS[0])
    flat[0].semilogy(frequency, half**2 / (half**2 + frequency**2), ":", color="0.4", lw=1.0)
    splitting = 2 * parameters["coupling"] * parameters["N"] * np.sqrt(parameters["dipole"])
    for line in (-splitting, splitting):
        flat[0].axvline(line, color="0.8", lw=0.8, zorder=0)
    flat[0].set(xlabel=r"$(\omega-\omega_0)/g$", ylabel=r"$S(\omega)/\max S$", title=f"$N={parameters['N']}$")
    flat[0].set_xlim(spectrum["frequency"][[0, -1]])
    flat[1].plot(coherence["tau"], coherence["g2"], **LOOKS[0])
    flat[1].axhline(1, color="0.6", ls=":", lw=1.0)
    flat[1].set(xlabel=r"$g\tau$", ylabel=r"$g^{(2)}(\tau)$", xlim=(0, coherence["tau"][-1]), ylim=(0, None))
    letter(flat)
    return flat
