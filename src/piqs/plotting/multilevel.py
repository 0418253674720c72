"""Pictures of emitters with three levels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qutip import Qobj

from piqs._checks import flag, instance
from piqs.models.multilevel import Ensemble
from piqs.plotting.axes import axes, check_cmap
from piqs.plotting.axes import colorbar as draw_colorbar
from piqs.plotting.dicke import populations_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

__all__ = ["plot_ternary"]


def plot_ternary(
    ensemble: Ensemble,
    rho: Qobj | np.ndarray,
    ax: Axes | None = None,
    *,
    irrep: Sequence[int] | None = None,
    cmap: str = "Blues",
    colorbar: bool = True,
) -> Axes:
    r"""Draw how many emitters are in each of three levels: the probability of each triple of numbers, on a triangle.

    Each triple :math:`(n_1, n_2, n_3)` is a hexagon. All emitters are in one level at a corner, the third level is empty on the
    edge between two corners. A Young diagram with k boxes below its first row holds the triples without the corners.

    Parameters
    ----------
    ensemble : Ensemble
        Emitters with three levels.
    rho : Qobj or array
        Ket or density matrix on its kets, or the array of its populations in ket order.
    ax : matplotlib Axes, optional
        Where to draw; new axes if None.
    irrep : sequence of int, optional
        Young diagram of one irrep, such as ``(10, 0, 0)`` for the symmetric one; all of them together by default.
    cmap : str, default "Blues"
        Name of the Matplotlib colour map.
    colorbar : bool, default True
        Whether to draw the scale of the probabilities.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the emitters have not three levels, the state is of another ensemble, or there is no such irrep.

    Examples
    --------
    >>> import piqs
    >>> from matplotlib.figure import Figure
    >>> atoms = piqs.Ensemble(6, levels=("e", "g1", "g2"))
    >>> ax = piqs.plot_ternary(atoms, atoms.dicke(e=2, g1=2, g2=2), ax=Figure().subplots())
    >>> len(ax.collections[0].get_paths())
    28
    """
    check_cmap(cmap)
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import RegularPolygon

    instance(ensemble, Ensemble, "ensemble", "an Ensemble")
    kets = ensemble.kets
    if kets.d != 3:
        raise ValueError(f"ensemble must have emitters with three levels, got {kets.d}")
    populations = populations_of(rho)
    if populations.shape != (kets.size,):
        raise ValueError(
            f"rho must be a state on the {kets.size} kets of the ensemble, got {populations.size} populations"
        )
    kept = np.ones(kets.size, dtype=bool)
    if irrep is not None:
        same = (
            np.all(kets.diagrams == np.asarray(irrep), axis=1)
            if isinstance(irrep, (list, tuple, np.ndarray)) and np.shape(irrep) == (3,)
            else np.zeros(1, dtype=bool)
        )
        if not same.any():
            raise ValueError(
                f"irrep must be one of the Young diagrams {kets.diagrams.tolist()}, got {irrep!r}"
            )
        kept = same[kets.irrep]
    triples, place = np.unique(kets.occupations[kept], axis=0, return_inverse=True)
    probability = np.bincount(place.ravel(), populations[kept])
    # The first level on top, the others left and right.
    x, y = (triples[:, 2] - triples[:, 1]) / 2, triples[:, 0] * np.sqrt(0.75)
    tiles = [RegularPolygon((a, b), 6, radius=0.56) for a, b in zip(x, y, strict=True)]
    ax = axes(ax)
    collection = PatchCollection(tiles, cmap=cmap, ec="0.6", lw=0.4)
    collection.set_array(probability)
    collection.set_clim(0, max(probability.max(), np.finfo(float).tiny))
    ax.add_collection(collection)
    N, (first, second, third) = kets.N, ensemble.levels
    ax.set(aspect="equal", xlim=(-N / 2 - 1, N / 2 + 1), ylim=(-1.2, N * np.sqrt(0.75) + 1.2))
    ax.set_axis_off()
    ax.text(0, N * np.sqrt(0.75) + 0.9, first, ha="center", va="bottom")
    ax.text(-N / 2, -0.9, second, ha="center", va="top")
    ax.text(N / 2, -0.9, third, ha="center", va="top")
    if flag(colorbar, "colorbar"):
        draw_colorbar(ax, collection, "probability")
    return ax
