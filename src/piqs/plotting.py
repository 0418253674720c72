"""Pictures of states in the Dicke basis, and of emitters with three levels.

Every function draws on the Matplotlib axes given (new ones if None) and returns the axes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qutip import Qobj

from piqs.models.multilevel import Ensemble
from piqs.spaces.dicke import block_offsets, num_tls, quantum_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

__all__ = ["plot_block_matrix", "plot_dicke_triangle", "plot_ladder_populations", "plot_ternary"]


def plot_dicke_triangle(
    rho: Qobj | np.ndarray, ax: Axes | None = None, *, cmap: str = "Blues", colorbar: bool = True
) -> Axes:
    r"""Draw the populations :math:`p_{jm} = \langle j,m|\rho|j,m\rangle` on the Dicke triangle.

    Each ladder of equal j is a column, each state a tile coloured by its population.

    Parameters
    ----------
    rho : Qobj or array
        Density matrix or ket in the Dicke basis, or the array of its populations in ket order
        (j descending, m descending).
    ax : matplotlib Axes, optional
        Where to draw; new axes if None.
    cmap : str, default "Blues"
        Name of the Matplotlib colour map.
    colorbar : bool, default True
        Whether to draw the scale of the populations.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the dimension is not that of a Dicke basis.

    Examples
    --------
    >>> import piqs
    >>> from matplotlib.figure import Figure
    >>> ax = piqs.plot_dicke_triangle(piqs.css(6), ax=Figure().subplots())
    >>> ax.get_xlabel()
    '$j$'
    """
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    ax = _axes(ax)
    populations = _populations(rho)
    N = num_tls(populations.size)
    j, m = quantum_numbers(N)
    tiles = [Rectangle((x - 0.4, y - 0.4), 0.8, 0.8) for x, y in zip(j, m, strict=True)]
    collection = PatchCollection(tiles, cmap=cmap, ec="0.6", lw=0.4)
    collection.set_array(populations)
    collection.set_clim(0, max(populations.max(), np.finfo(float).tiny))
    ax.add_collection(collection)
    ax.set(xlabel="$j$", ylabel="$m$", aspect="equal")
    ax.set(xlim=(j.min() - 0.6, N / 2 + 0.6), ylim=(-N / 2 - 0.6, N / 2 + 0.6))
    if colorbar:
        _colorbar(ax, collection, r"$\langle j,m|\rho|j,m\rangle$")
    return ax


def plot_block_matrix(
    rho: Qobj | np.ndarray, ax: Axes | None = None, *, cmap: str = "RdBu_r", colorbar: bool = True
) -> Axes:
    r"""Draw a density matrix or operator in the Dicke basis, with the block of each j outlined.

    The colour is the real part of :math:`\langle j,m|\rho|j',m'\rangle` on a scale symmetric about zero, or
    the modulus if the matrix has an imaginary part.

    Parameters
    ----------
    rho : Qobj or array, shape (n_DS, n_DS)
        Matrix in the Dicke basis; a ket stands for its projector.
    ax : matplotlib Axes, optional
        Where to draw; new axes if None.
    cmap : str, default "RdBu_r"
        Name of a diverging Matplotlib colour map.
    colorbar : bool, default True
        Whether to draw the colour scale.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the matrix is not square with the dimension of a Dicke basis.

    Examples
    --------
    >>> import piqs
    >>> from matplotlib.figure import Figure
    >>> ax = piqs.plot_block_matrix(piqs.ghz(4), ax=Figure().subplots())
    >>> len(ax.images)
    1
    """
    from matplotlib.patches import Rectangle

    ax = _axes(ax)
    matrix = _matrix(rho)
    N = num_tls(matrix.shape[0])
    is_real = not np.any(np.imag(matrix))
    values, label = (np.real(matrix), r"$\rho$") if is_real else (np.abs(matrix), r"$|\rho|$")
    scale = max(np.abs(values).max(), np.finfo(float).tiny)
    image = ax.imshow(values, cmap=cmap, vmin=-scale, vmax=scale, interpolation="nearest")
    for start, stop in zip(block_offsets(N)[:-1], block_offsets(N)[1:], strict=True):
        ax.add_patch(
            Rectangle((start - 0.5, start - 0.5), stop - start, stop - start, fill=False, ec="0.35", lw=0.6)
        )
    ax.set(xlabel="ket", ylabel="ket")
    if colorbar:
        _colorbar(ax, image, label)
    return ax


def plot_ladder_populations(rho: Qobj | np.ndarray, ax: Axes | None = None, **bar_options: Any) -> Axes:
    r"""Draw the weight :math:`p_j = \sum_m \langle j,m|\rho|j,m\rangle` of each Dicke ladder as bars.

    Parameters
    ----------
    rho : Qobj or array
        Density matrix or ket in the Dicke basis, or the array of its populations in ket order.
    ax : matplotlib Axes, optional
        Where to draw; new axes if None.
    **bar_options
        Passed to ``Axes.bar``.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the dimension is not that of a Dicke basis.

    Examples
    --------
    >>> import piqs
    >>> from matplotlib.figure import Figure
    >>> ax = piqs.plot_ladder_populations(piqs.dicke(4, 1, 0), ax=Figure().subplots())
    >>> [float(bar.get_height()) for bar in ax.patches]
    [0.0, 1.0, 0.0]
    """
    ax = _axes(ax)
    populations = _populations(rho)
    N = num_tls(populations.size)
    starts = block_offsets(N)[:-1]
    weights = np.add.reduceat(populations, starts)
    ax.bar(quantum_numbers(N)[0][starts], weights, **{"width": 0.7, **bar_options})
    ax.set(xlabel="$j$", ylabel="$p_j$")
    return ax


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
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import RegularPolygon

    kets = ensemble.kets
    if kets.d != 3:
        raise ValueError(f"ensemble must have emitters with three levels, got {kets.d}")
    populations = _populations(rho)
    if populations.shape != (kets.size,):
        raise ValueError(
            f"rho must be a state on the {kets.size} kets of the ensemble, got {populations.size} populations"
        )
    kept = np.ones(kets.size, dtype=bool)
    if irrep is not None:
        same = (
            np.all(kets.diagrams == np.asarray(irrep), axis=1) if len(irrep) == 3 else np.zeros(1, dtype=bool)
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
    ax = _axes(ax)
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
    if colorbar:
        _colorbar(ax, collection, "probability")
    return ax


def _axes(ax: Axes | None) -> Axes:
    """Return `ax`, or the axes of a new pyplot figure."""
    if ax is None:
        from matplotlib import pyplot

        _, ax = pyplot.subplots()
    return ax


def _colorbar(ax: Axes, mappable: Any, label: str) -> None:
    """Draw a colour bar as high as the axes."""
    ax.figure.colorbar(mappable, cax=ax.inset_axes((1.04, 0.0, 0.05, 1.0)), label=label)


def _populations(rho: Qobj | np.ndarray) -> np.ndarray:
    """Return the populations of a density matrix, ket, matrix or array of populations."""
    if isinstance(rho, Qobj):
        return np.abs(rho.full().ravel()) ** 2 if rho.isket else np.real(rho.diag())
    values = np.asarray(rho)
    return np.real(np.diagonal(values) if values.ndim == 2 else values)


def _matrix(rho: Qobj | np.ndarray) -> np.ndarray:
    """Return the matrix of a density matrix, operator or ket."""
    values = (rho.proj() if rho.isket else rho).full() if isinstance(rho, Qobj) else np.asarray(rho)
    if values.ndim != 2 or values.shape[0] != values.shape[1]:
        raise ValueError(f"rho must be a square matrix in the Dicke basis; got shape {values.shape}.")
    return values
