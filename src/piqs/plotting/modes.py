"""The Wigner function of a mode in the plane, and its photon numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qutip import Qobj

from piqs._checks import flag
from piqs.plotting.axes import axes, check_cmap
from piqs.plotting.axes import colorbar as draw_colorbar
from piqs.plotting.sphere import centred
from piqs.states.modes import mode_wigner, photon_statistics

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_mode_wigner", "plot_photon_numbers"]


def plot_mode_wigner(
    rho: Qobj,
    x: Any,
    p: Any,
    part: int | None = None,
    ax: Axes | None = None,
    *,
    cmap: str = "RdBu_r",
    colorbar: bool = True,
) -> Axes:
    """Draw the Wigner function of a mode in the plane of its quadratures, colours symmetric about zero.

    Parameters
    ----------
    rho : Qobj
        Ket or density matrix of the mode, or of a composite that holds it.
    x, p : array_like
        Quadratures, equally spaced; see `mode_wigner`.
    part : int, optional
        Which tensor factor is the mode; not needed where there is one only.
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
    TypeError, ValueError
        As `mode_wigner`.

    Examples
    --------
    >>> import numpy as np
    >>> import piqs
    >>> from matplotlib.figure import Figure
    >>> from qutip import coherent
    >>> grid = np.linspace(-3, 3, 31)
    >>> ax = Figure().subplots()
    >>> piqs.plot_mode_wigner(coherent(12, 1.0), grid, grid, ax=ax).get_xlabel()
    '$x$'
    """
    check_cmap(cmap)
    W = mode_wigner(rho, x, p, part)
    ax = axes(ax, layout="constrained")
    mesh = ax.pcolormesh(
        np.asarray(x), np.asarray(p), W, norm=centred(W), cmap=cmap, shading="nearest", rasterized=True
    )
    ax.set(xlabel="$x$", ylabel="$p$", aspect="equal")
    if flag(colorbar, "colorbar"):
        draw_colorbar(ax, mesh, "$W(x,p)$")
    return ax


def plot_photon_numbers(
    rho: Qobj, part: int | None = None, ax: Axes | None = None, **bar_options: Any
) -> Axes:
    """Draw the photon number distribution of a mode as bars.

    Parameters
    ----------
    rho : Qobj
        Ket or density matrix of the mode, or of a composite that holds it.
    part : int, optional
        Which tensor factor is the mode; not needed where there is one only.
    ax : matplotlib Axes, optional
        Where to draw; new axes if None.
    **bar_options
        Passed to ``Axes.bar``.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    TypeError, ValueError
        As `photon_statistics`.

    Examples
    --------
    >>> import piqs
    >>> from matplotlib.figure import Figure
    >>> from qutip import basis
    >>> ax = piqs.plot_photon_numbers(basis(3, 1), ax=Figure().subplots())
    >>> [float(bar.get_height()) for bar in ax.patches]
    [0.0, 1.0, 0.0]
    """
    probabilities = photon_statistics(rho, part).probabilities
    ax = axes(ax, layout="constrained")
    ax.bar(np.arange(probabilities.size), probabilities, **{"width": 0.7, **bar_options})
    ax.set(xlabel="$n$", ylabel="$p_n$")
    return ax
