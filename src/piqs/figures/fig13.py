r"""Figure 13: ultrastrong coupling, ordinary against dressed master equation (paper, Sec. IV F, Eqs. 32-35).

H = w0 J_z + w_cav a^+ a + g J_x (a + a^+) (Eq. 26) with photon loss and local emission.  The ordinary equation damps the
bare states: its steady state holds and emits photons that nothing supplies.  The dressed equation damps the eigenstates
of H and ends in the ground state, which emits nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from qutip import basis, destroy, expect, num

from piqs.figures._data import FigureData
from piqs.figures._style import BLACK, BLUE, GREEN, RED, YELLOW, letter, panels
from piqs.models.base import Model
from piqs.models.composite import Composite
from piqs.models.dicke import Dicke
from piqs.models.dressed import dressed_equation
from piqs.models.mode import Mode
from piqs.operators.spin import jspin
from piqs.states.density import ground

TITLE = "Ultrastrong coupling: ordinary against dressed master equation"
CAPTION = (
    "N = {N} emitters in a lossy cavity, H = w0 J_z + w_cav a^+ a + g J_x (a + a^+) with w0 = {w0}, w_cav = {w_cav}, "
    "g = {coupling}, photon loss and local emission {loss}, {photons} photon states, the highest holds at most {edge} of the "
    "population. (a) Photons <a^+ a> above their number in the ground state, from all emitters in their ground state and no "
    "photon, with the ordinary equation (black, dashed) and the dressed one (blue; operator {operator}); lines: their steady "
    "states (green, and yellow dashed). (b) Spectrum of <a^+(tau) a(0)> in the steady state of both; red dotted lines: the "
    "polaritons w0 +- sqrt(N) g/2."
)
PANELS = (1, 2)
SIZE = (7.0, 3.0)
FAST: dict[str, Any] = {"N": 2, "points": 401, "frequencies": 101}


def data(
    N: int = 10,
    photons: int = 3,
    w0: float = 1.0,
    w_cav: float = 1.0,
    coupling: float = 0.1,
    loss: float = 0.01,
    operator: Any = "x",
    secular: bool | str = "pairs",
    t_max: float = 50.0,
    points: int = 4001,
    frequencies: int = 401,
) -> FigureData:
    """Compute the photon number in time and the emission spectrum of the steady state with both equations.

    Parameters
    ----------
    N : int, default 10
        Number of emitters, in the state ``|N/2,-N/2>`` at t = 0, with the cavity empty.
    photons : int, default 3
        Number of photon states kept.
    w0, w_cav : float, default 1
        Frequencies of the emitters and of the cavity.
    coupling : float, default 0.1
        Coupling g of Eq. 26.
    loss : float, default 0.01
        Rate of photon loss and of local emission.
    operator : {"x", "-"} or 2 x 2 array, default "x"
        What couples an emitter to its bath in the dressed equation; see `piqs.dressed_equation`.
    secular : bool or "pairs", default "pairs"
        Which transitions act together, as in `piqs.dressed_equation`; "pairs" is Eq. 32.
    t_max : float, default 50
        Last time, in units of 1/g.
    points, frequencies : int, default 4001, 401
        Number of times and of frequencies; the latter run from 0.6 to 1.4 w0.

    Returns
    -------
    FigureData
        For each equation the time and ``<a^+ a>`` above the ground state's, the same of its steady state, and frequency
        and spectrum of the steady state.
    """
    ensemble = Dicke(N, w0 * jspin(N, "z"), emission=loss)
    # `edge` below reports the cut-off, so that no warning need do it
    system = Composite(atoms=ensemble, cavity=Mode(photons, w_cav, loss=loss), threshold=1.0)
    a, number = system.embed("cavity", destroy(photons)), system.embed("cavity", num(photons))
    top = system.embed("cavity", basis(photons, photons - 1).proj())
    system.interaction = coupling * system.embed("atoms", jspin(N, "x")) @ (a + a.dag())
    rho0 = system.state(atoms=ground(N), cavity=basis(photons, 0))
    equation = dressed_equation(system.hamiltonian, ensemble, loss, operator=operator, secular=secular)

    def unchanged(A: Any) -> Any:
        return A

    problems: dict[str, tuple[Model, Any]] = {
        "ordinary": (system, unchanged),
        "dressed": (equation, equation.to_dressed),
    }
    in_ground_state = expect(equation.to_dressed(number), basis(equation.energies.size, 0))
    time, frequency = np.linspace(0, t_max, points), np.linspace(0.6, 1.4, frequencies)
    series, edge = {}, 0.0
    for name, (model, change) in problems.items():
        # Undamped oscillations over many periods: polynomials of the generator need no factorisation.
        e_ops = [change(number), change(top)]
        result = model.mesolve(change(rho0), time / coupling, e_ops=e_ops, options={"method": "faber"})
        edge = max(edge, float(result.expect[1].max()))
        steady = expect(change(number), model.steadystate()) - in_ground_state
        power = np.asarray(model.spectrum(frequency * w0, change(a.dag()), change(a)))
        series[f"{name}, photons"] = {
            "time": time,
            "photons": result.expect[0] - in_ground_state,
            "steady": np.full(points, steady),
        }
        series[f"{name}, spectrum"] = {"frequency": frequency, "spectrum": power * w0}
    parameters = {
        "N": N,
        "photons": photons,
        "w0": w0,
        "w_cav": w_cav,
        "coupling": coupling,
        "loss": loss,
        "operator": operator,
        "secular": secular,
        "edge": float(f"{edge:.1e}"),
    }
    units = {"time": "1/g", "photons": "1", "steady": "1", "frequency": "w0", "spectrum": "1/w0"}
    return FigureData(parameters, units, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the photon number in time and the emission spectrum of the steady state."""
    flat = panels(axes, PANELS, SIZE)
    p = data.parameters
    curves, powers = (
        {name: data[f"{name}, {kind}"] for name in ("ordinary", "dressed")}
        for kind in ("photons", "spectrum")
    )
    looks: dict[str, dict[str, Any]] = {
        "dressed": {"color": BLUE, "ls": "-", "lw": 0.9},
        "ordinary": {"color": BLACK, "ls": (0, (3, 1)), "lw": 0.7},
    }
    for name, look in looks.items():
        flat[0].plot(curves[name]["time"], curves[name]["photons"], label=f"{name} equation", **look)
    for name, colour, line in (("ordinary", GREEN, "-"), ("dressed", YELLOW, "--")):
        level = curves[name]["steady"]
        flat[0].plot(
            curves[name]["time"], level, color=colour, ls=line, lw=2.0, label=f"{name}, steady state"
        )
    flat[0].set(xlabel="$gt$", xlim=(0, curves[name]["time"][-1]))
    flat[0].set_ylabel(r"$\langle a^\dagger a\rangle(t)-\langle a^\dagger a\rangle_\mathrm{GS}$")
    for name in ("ordinary", "dressed"):
        look = looks[name] | {"lw": 1.4}
        flat[1].plot(powers[name]["frequency"], powers[name]["spectrum"], label=name, **look)
    for sign in (1, -1):
        polariton = 1 + sign * np.sqrt(p["N"]) * p["coupling"] / (2 * p["w0"])
        flat[1].axvline(polariton, color=RED, ls=":", lw=1.2)
    flat[1].set(xlabel=r"$\omega/\omega_0$", ylabel=r"$S(\omega)\,\omega_0$")
    flat[1].set_xlim(powers["dressed"]["frequency"][[0, -1]])
    label = (
        rf"$N={p['N']}$, $g={p['coupling']:g}\,\omega_0$, $\gamma_\downarrow=\kappa={p['loss']:g}\,\omega_0$"
    )
    flat[0].legend(loc="upper right", fontsize=8, labelspacing=0.2)
    flat[1].set_title(label, fontsize=9)
    flat[1].legend(loc="upper center", fontsize=8)
    letter(flat)
    return flat
