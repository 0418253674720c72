r"""Figure 13: ultrastrong coupling, ordinary against dressed master equation (paper, Sec. V G).

H = w0 J_z + w_cav a^+ a + g (a + a^+)(J_+ + J_-) with photon loss and local emission.  The ordinary equation damps the
bare states: its steady state holds and emits photons that nothing supplies.  The dressed equation damps the eigenstates
of H, whose ground state emits nothing.  What leaves the cavity is kappa <X^- X^+>, X^+ the part of a + a^+ that lowers
the energy (M. Bamba and T. Ogawa, Phys. Rev. A 86, 063831 (2012)).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from qutip import basis, destroy, qeye, tensor

from piqs import mesolve, spectrum
from piqs.figures._data import FigureData
from piqs.figures._style import BLUE, RED, letter, panels
from piqs.models.dicke import Dicke
from piqs.models.dressed import dressed_equation
from piqs.operators.spin import jspin
from piqs.states.density import excited_ket

TITLE = "Ultrastrong coupling: ordinary against dressed master equation"
PANELS = (1, 2)
SIZE = (7.0, 3.0)
FAST: dict[str, Any] = {"N": 2, "points": 101, "frequencies": 101}


def data(
    N: int = 10,
    photons: int = 3,
    w0: float = 1.0,
    w_cav: float = 1.0,
    coupling: float = 0.1,
    loss: float = 0.01,
    t_max: float = 1000.0,
    points: int = 1001,
    frequencies: int = 281,
) -> FigureData:
    """Compute the photon number in time and the emission spectrum of the steady state with both equations.

    Parameters
    ----------
    N : int, default 10
        Number of two-level systems, all excited at t = 0, with the cavity empty.
    photons : int, default 3
        Number of photon states kept.
    w0, w_cav : float, default 1
        Frequencies of the two-level systems and of the cavity.
    coupling : float, default 0.1
        Coupling g of one two-level system.
    loss : float, default 0.01
        Rate of photon loss and of local emission.
    t_max : float, default 1000
        Last time, in units of 1/w0.
    points, frequencies : int, default 1001, 281
        Number of times and of frequencies; the latter run from 0.4 to 1.8 w0.

    Returns
    -------
    FigureData
        For each equation the time and the photon number (ordinary: <a^+ a>, dressed: <X^- X^+>), and the frequency and
        the spectrum of the steady state.
    """
    a = tensor(qeye(jspin(N, "z").dims[0]), destroy(photons))
    jx, jz = (tensor(jspin(N, op), qeye(photons)) for op in ("x", "z"))
    H = w0 * jz + w_cav * a.dag() @ a + 2 * coupling * (a + a.dag()) @ jx
    ensemble = Dicke(N, emission=loss)
    jumps = [tensor(jump, qeye(photons)) for jump in ensemble.jump_operators()]
    rho0 = tensor(excited_ket(N), basis(photons, 0)).proj()
    equation = dressed_equation(H, ensemble, cavity_loss=loss)
    lowering = equation.positive_frequency(a + a.dag())
    problems = {
        "ordinary": (H, [np.sqrt(loss) * a, *jumps], a, rho0),
        "dressed": (equation.hamiltonian, equation.jump_operators, lowering, equation.to_dressed(rho0)),
    }
    time, frequency = np.linspace(0, t_max, points), np.linspace(0.4, 1.8, frequencies)
    # Undamped oscillations over many periods: polynomials of the generator need no factorisation.
    options = {"method": "faber"}
    series = {}
    for name, (hamiltonian, c_ops, field, start) in problems.items():
        emitted = mesolve(
            hamiltonian, start, time / w0, c_ops, [field.dag() @ field], options=options
        ).expect[0]
        power = np.asarray(spectrum(hamiltonian, frequency * w0, c_ops, field.dag(), field))
        series[f"{name}, photons"] = {"time": time, "photons": emitted}
        series[f"{name}, spectrum"] = {"frequency": frequency, "spectrum": power * w0}
    parameters = {
        "N": N,
        "photons": photons,
        "w0": w0,
        "w_cav": w_cav,
        "coupling": coupling,
        "loss": loss,
    }
    units = {"time": "1/w0", "photons": "1", "frequency": "w0", "spectrum": "1/w0"}
    return FigureData(parameters, units, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the photon number in time and the emission spectrum of the steady state."""
    flat = panels(axes, PANELS, SIZE)
    looks = {
        "ordinary": (BLUE, "-", r"ordinary, $\langle a^\dagger a\rangle$"),
        "dressed": (RED, "--", r"dressed, $\langle X^-X^+\rangle$"),
    }
    for name, (colour, line, label) in looks.items():
        curve, power = data[f"{name}, photons"], data[f"{name}, spectrum"]
        flat[0].plot(curve["time"], curve["photons"], color=colour, ls=line, lw=1.0, label=label)
        flat[1].plot(power["frequency"], power["spectrum"], color=colour, ls=line, label=name)
    flat[0].set(xlabel=r"$\omega_0t$", ylabel="photons", xlim=(0, curve["time"][-1]), yscale="log")
    flat[0].set_ylim(bottom=1e-4)
    flat[1].set(
        xlabel=r"$\omega/\omega_0$",
        ylabel=r"$S(\omega)\,\omega_0$",
        xlim=(power["frequency"][0], power["frequency"][-1]),
    )
    for ax in flat:
        ax.legend()
    letter(flat)
    return flat
