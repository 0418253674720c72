"""Figure 4: the Dicke triangle, its degeneracies, and the nine rates that connect a state to its neighbours.

The populations obey p'_jm = -Gamma1 p_jm + sum over the eight neighbours of Gamma2 ... Gamma9 (paper, Eq.
(23)).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from piqs.figures._data import FigureData
from piqs.figures._style import BLUE, GREEN, RED, letter, panels
from piqs.models.dicke import Dicke
from piqs.spaces.dicke import ket_index, quantum_numbers, state_degeneracy

TITLE = "Dicke triangle with degeneracies and the nine rates of one state"
PANELS = (1, 2)
SIZE = (7.0, 4.4)
FAST: dict[str, Any] = {}

#: The paper's number of each rate, by (j' - j, m' - m) of the neighbour j', m' the population comes from.
NUMBER = {
    (0, 0): 1,
    (0, 1): 2,
    (1, 1): 3,
    (-1, 1): 4,
    (1, 0): 5,
    (-1, 0): 6,
    (1, -1): 7,
    (0, -1): 8,
    (-1, -1): 9,
}


def data(
    N: int = 8,
    j: float = 2,
    m: float = 0,
    emission: float = 1.0,
    dephasing: float = 1.0,
    pumping: float = 1.0,
    collective_emission: float = 0.1,
    collective_pumping: float = 0.1,
) -> FigureData:
    """Give the degeneracy of every state and the rates into and out of one of them.

    Parameters
    ----------
    N : int, default 8
        Number of two-level systems.
    j, m : float, default 2, 0
        Quantum numbers of the state.
    emission, dephasing, pumping : float, default 1
        Local rates.
    collective_emission, collective_pumping : float, default 0.1
        Collective rates, in the same unit.

    Returns
    -------
    FigureData
        Series ``triangle`` (j, m, degeneracy of every state), ``into`` and ``out of`` (j, m of the other
        state, the paper's number of the rate, and the rate; number 1 is the total rate out).
    """
    rates: dict[str, Any] = {
        "emission": emission,
        "dephasing": dephasing,
        "pumping": pumping,
        "collective_emission": collective_emission,
        "collective_pumping": collective_pumping,
    }
    all_j, all_m = quantum_numbers(N)
    degeneracy = np.array([state_degeneracy(N, value) for value in all_j], dtype=float)
    # |<a|K|b>|^2 summed over the jumps is the rate from b to a.
    jumps = Dicke(N, **rates).jump_matrices()
    rate = sum(abs(K.toarray()) ** 2 for K in jumps)
    state = ket_index(N, j, m)
    np.fill_diagonal(rate, 0)
    into, out = rate[state], rate[:, state]

    def neighbours(values: np.ndarray) -> dict[str, np.ndarray]:
        other = np.flatnonzero(values)
        steps = zip(all_j[other] - j, all_m[other] - m, strict=True)
        number = np.array([NUMBER[round(dj), round(dm)] for dj, dm in steps], dtype=float)
        return {"j": all_j[other], "m": all_m[other], "number": number, "rate": values[other]}

    leaving = neighbours(out)
    total = {"j": [j], "m": [m], "number": [1.0], "rate": [out.sum()]}
    series = {
        "triangle": {"j": all_j, "m": all_m, "degeneracy": degeneracy},
        "into": neighbours(into),
        "out of": {name: np.append(leaving[name], total[name]) for name in leaving},
    }
    units = {"j": "1", "m": "1", "degeneracy": "1", "number": "1", "rate": "local emission rate"}
    return FigureData({"N": N, "j": j, "m": m, **rates}, units, series)


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the triangle twice: with the arrows into the state, and with those out of it."""
    flat = panels(axes, PANELS, SIZE)
    N, j, m = (data.parameters[name] for name in ("N", "j", "m"))
    triangle = data["triangle"]
    largest = max(data["into"]["rate"].max(), data["out of"]["rate"][:-1].max())
    for ax, name in zip(flat, ("into", "out of"), strict=True):
        ax.hlines(triangle["m"], triangle["j"] - 0.25, triangle["j"] + 0.25, color="0.55", lw=1.5)
        ax.hlines(m, j - 0.25, j + 0.25, color="k", lw=2.5)
        tops = triangle["j"] == triangle["m"]
        for top, degeneracy in zip(triangle["j"][tops], triangle["degeneracy"][tops], strict=True):
            ax.text(top, top + 0.3, f"{degeneracy:.0f}", ha="center", fontsize=8.5, color="0.35")
        arrows = data[name]
        for x, y, number, rate in zip(*(arrows[c] for c in ("j", "m", "number", "rate")), strict=True):
            if number > 1:
                _arrow(ax, (j, m), (x, y), name == "into", number, rate / largest)
        ax.set(xlabel="$j$", ylabel="$m$", xlim=(-0.6, N / 2 + 0.6), ylim=(-N / 2 - 0.6, N / 2 + 1.0))
        ax.set_xticks(np.unique(triangle["j"]))
    flat[0].set_title(rf"into $|{j:g},{m:g}\rangle$: $\Gamma^{{(2)}}$ to $\Gamma^{{(9)}}$")
    total = data["out of"]["rate"][-1]
    flat[1].set_title(rf"out of $|{j:g},{m:g}\rangle$: $\Gamma^{{(1)}}={total:.3g}$ in all")
    for colour, label in ((RED, "emission"), (BLUE, "dephasing"), (GREEN, "pumping")):
        flat[0].plot([], [], color=colour, lw=2, label=label)
    flat[0].legend(loc="upper left")
    flat[1].text(
        0.03, 0.97, "numbers above the ladders:\ndegeneracy $d_N^j$", transform=flat[1].transAxes, va="top"
    )
    letter(flat, x=0.0)
    return flat


def _arrow(
    ax: Any,
    state: tuple[float, float],
    other: tuple[float, float],
    inward: bool,
    number: float,
    strength: float,
) -> None:
    """Draw the arrow between a state and a neighbour, as wide as the rate is large."""
    step = (other[1] - state[1]) * (-1 if inward else 1)
    colour = {-1: RED, 0: BLUE, 1: GREEN}[round(step)]
    start, stop = (other, state) if inward else (state, other)
    ax.annotate(
        "",
        xy=stop,
        xytext=start,
        arrowprops={
            "arrowstyle": "-|>",
            "color": colour,
            "lw": 0.6 + 2.4 * strength,
            "shrinkA": 5,
            "shrinkB": 5,
        },
    )
    if inward:
        x, y = (0.42 * s + 0.58 * o for s, o in zip(state, other, strict=True))
        box = {"boxstyle": "circle,pad=0.12", "fc": "w", "ec": "none", "alpha": 0.85}
        ax.text(x, y, f"{number:.0f}", ha="center", va="center", fontsize=7.5, color=colour, bbox=box)
