"""Pictures of states in the Dicke basis.

Every function draws on the Matplotlib axes given (new ones if None) and returns the axes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qutip import Qobj

from piqs._checks import flag
from piqs.plotting.axes import axes, check_cmap
from piqs.plotting.axes import colorbar as draw_colorbar
from piqs.spaces.dicke import block_offsets, num_tls, quantum_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_block_matrix", "plot_dicke_triangle", "plot_ladder_populations"]


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
    check_cmap(cmap)
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    ax = axes(ax)
    populations = populations_of(rho)
    N = num_tls(populations.size)
    j, m = quantum_numbers(N)
    tiles = [Rectangle((x - 0.4, y - 0.4), 0.8, 0.8) for x, y in zip(j, m, strict=True)]
    collection = PatchCollection(tiles, cmap=cmap, ec="0.6", lw=0.4)
    collection.set_array(populations)
    collection.set_clim(0, max(populations.max(), np.finfo(float).tiny))
    ax.add_collection(collection)
    ax.set(xlabel="$j$", ylabel="$m$", aspect="equal")
    ax.set(xlim=(j.min() - 0.6, N / 2 + 0.6), ylim=(-N / 2 - 0.6, N / 2 + 0.6))
    if flag(colorbar, "colorbar"):
        draw_colorbar(ax, collection, r"$\langle j,m|\rho|j,m\rangle$")
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
    check_cmap(cmap)
    from matplotlib.patches import Rectangle

    ax = axes(ax)
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
    if flag(colorbar, "colorbar"):
        draw_colorbar(ax, image, label)
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
    ax = axes(ax)
    populations = populations_of(rho)
    N = num_tls(populations.size)
    starts = block_offsets(N)[:-1]
    weights = np.add.reduceat(populations, starts)
    ax.bar(quantum_numbers(N)[0][starts], weights, **{"width": 0.7, **bar_options})
    ax.set(xlabel="$j$", ylabel="$p_j$")
    return ax


def populations_of(rho: Qobj | np.ndarray) -> np.ndarray:
    """Return the populations of a density matrix, ket, matrix or array of populations."""
    if isinstance(rho, Qobj):
        return np.abs(rho.full().ravel()) ** 2 if rho.isket else np.real(rho.diag())
    values = np.asarray(rho)
    if values.dtype.kind not in "biufc":
        raise TypeError(f"rho must be a Qobj or an array of numbers, got {rho!r:.60}")
    return np.real(np.diagonal(values) if values.ndim == 2 else values)


def _matrix(rho: Qobj | np.ndarray) -> np.ndarray:
    """Return the matrix of a density matrix, operator or ket."""
    values = (rho.proj() if rho.isket else rho).full() if isinstance(rho, Qobj) else np.asarray(rho)
    if values.ndim != 2 or values.shape[0] != values.shape[1]:
        raise ValueError(f"rho must be a square matrix in the Dicke basis; got shape {values.shape}.")
    return values
