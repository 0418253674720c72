"""Figure 2: what permutation symmetry leaves of the density matrix.

In the coupled basis a permutation-invariant density matrix is block diagonal in j, and the d_N^j blocks of
equal j are copies of each other (paper, Sec. II C).  The Dicke basis keeps one block of each kind.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from piqs.figures._data import FigureData
from piqs.figures._style import COLOURS, letter, panels
from piqs.spaces.dicke import block_offsets, num_dicke_states, quantum_numbers, state_degeneracy

TITLE = "Block structure of a permutation-invariant density matrix"
PANELS = (1, 2)
SIZE = (7.0, 3.6)
FAST: dict[str, Any] = {"N": 4}


def data(N: int = 6) -> FigureData:
    """List the blocks of N emitters, j descending.

    Parameters
    ----------
    N : int, default 6
        Number of two-level systems.

    Returns
    -------
    FigureData
        One series ``blocks``: j, size 2j+1 and number of copies d_N^j of each.
    """
    j = quantum_numbers(N)[0][block_offsets(N)[:-1]]
    copies = np.array([state_degeneracy(N, value) for value in j], dtype=float)
    blocks = {"j": j, "size": 2 * j + 1, "copies": copies}
    return FigureData({"N": N}, {"j": "1", "size": "kets", "copies": "1"}, {"blocks": blocks})


def plot(data: FigureData, axes: Any = None) -> list[Any]:
    """Draw the blocks with their copies beside the Dicke basis, which keeps one of each."""
    from matplotlib.patches import Rectangle

    flat = panels(axes, PANELS, SIZE)
    N, blocks = data.parameters["N"], data["blocks"]
    sizes, copies = blocks["size"].astype(int), blocks["copies"].astype(int)
    for ax, repeats in zip(flat, (copies, np.ones_like(copies)), strict=True):
        corner = 0
        for kind, (size, repeat) in enumerate(zip(sizes, repeats, strict=True)):
            for copy in range(repeat):
                ax.add_patch(
                    Rectangle((corner, corner), size, size, fc=COLOURS[kind % 7], ec="k", lw=0.5, alpha=0.85)
                )
                if copy == repeat // 2:
                    label = rf"$j={_fraction(blocks['j'][kind])}$" + (
                        rf", $\times{repeat}$" if repeat > 1 else ""
                    )
                    # Beside the diagonal: small blocks have no room inside.
                    above = corner + size < 0.6 * int(sizes @ repeats)
                    x, side, gap = (corner + size, "left", 4) if above else (corner, "right", -4)
                    ax.annotate(
                        label,
                        (x, corner + size / 2),
                        (gap, gap),
                        textcoords="offset points",
                        ha=side,
                        va="center",
                        fontsize=9,
                    )
                corner += size
        ax.set(xlim=(0, corner), ylim=(corner, 0), aspect="equal", xticks=[0, corner], yticks=[0, corner])
    flat[0].set_title(rf"coupled basis, $2^{{{N}}}={2**N}$ kets")
    flat[1].set_title(f"Dicke basis, {num_dicke_states(N)} kets")
    letter(flat, x=0.0)
    return flat


def _fraction(j: float) -> str:
    """Write an integer or half-integer as physicists do."""
    return f"{j:.0f}" if float(j).is_integer() else f"{2 * j:.0f}/2"
