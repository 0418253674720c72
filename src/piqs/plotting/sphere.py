"""Distributions of the collective spin on the sphere, in space and as a map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qutip import Qobj

from piqs._checks import choice, finite, flag
from piqs.measures.phase_space import spin_husimi, spin_p, spin_wigner
from piqs.plotting.axes import axes, check_cmap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize

__all__ = ["plot_sphere"]

DISTRIBUTIONS = {"wigner": spin_wigner, "husimi": spin_husimi, "p": spin_p}
LABELS = {"wigner": r"$W(\theta,\varphi)$", "husimi": r"$Q(\theta,\varphi)$", "p": r"$P(\theta,\varphi)$"}
PROJECTIONS = ("3d", "hammer", "mollweide", "aitoff")


def plot_sphere(
    rho: Qobj,
    ax: Axes | None = None,
    *,
    distribution: str = "wigner",
    projection: str = "hammer",
    points: int = 181,
    cmap: str = "RdBu_r",
    colorbar: bool = True,
    scale: float | None = None,
) -> Axes:
    """Draw a distribution of the collective spin on the sphere.

    The colours are symmetric about zero: what is blue is negative. On a map the north pole (all emitters excited) is at the
    top, phi = 0 (the x axis) in the middle, and phi = pi/2 (the y axis) to the right.

    Parameters
    ----------
    rho : Qobj
        Density matrix or ket in the Dicke basis.
    ax : matplotlib Axes, optional
        Where to draw; its projection decides. New axes of `projection` if None.
    distribution : {"wigner", "husimi", "p"}, default "wigner"
        Which of `spin_wigner`, `spin_husimi` and `spin_p`.
    projection : {"hammer", "mollweide", "aitoff", "3d"}, default "hammer"
        A map of the whole sphere, or the sphere in space.
    points : int, default 181
        Number of polar angles; there are twice as many azimuths. Details of a spin j need more than 2j.
    cmap : str, default "RdBu_r"
        Name of a diverging Matplotlib colour map.
    colorbar : bool, default True
        Whether to draw the colour scale.
    scale : float, optional
        Value of the deepest colour; the largest modulus by default.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    TypeError, ValueError
        If `rho` is no state of one ensemble in the Dicke basis, the axes have another projection, or an option is unknown.

    Examples
    --------
    >>> import piqs
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().add_subplot(projection="hammer")
    >>> piqs.plot_sphere(piqs.ghz(8), ax, points=61) is ax
    True
    """
    check_cmap(cmap)
    choice(projection, "projection", PROJECTIONS)
    choice(distribution, "distribution", DISTRIBUTIONS)
    theta, phi = sphere_grid(points)
    values = sphere_values(rho, distribution, theta, phi)
    ax = axes(ax, subplot_kw={"projection": projection}, layout="constrained")
    name = getattr(ax, "name", "")
    if name not in PROJECTIONS:
        raise ValueError(
            f"ax must have one of the projections {list(PROJECTIONS)}, got {name!r}; make it with "
            "`plt.subplots(subplot_kw={'projection': 'hammer'})`"
        )
    norm = centred(values if scale is None else np.array([finite(scale, "scale")]))
    draw_sphere(ax, values, theta, phi, norm, cmap)
    if flag(colorbar, "colorbar"):
        from matplotlib.cm import ScalarMappable

        ax.figure.colorbar(
            ScalarMappable(norm, cmap), ax=ax, shrink=0.6, pad=0.04, label=LABELS[distribution]
        )
    return ax


def sphere_grid(points: int) -> tuple[np.ndarray, np.ndarray]:
    """Centres of cells: polar angles (points,) and azimuths (2 points,) from -pi to pi."""
    if isinstance(points, bool) or not isinstance(points, (int, np.integer)) or points < 2:
        raise ValueError(f"points must be a whole number of at least 2, got {points!r}")
    return (np.arange(points) + 0.5) * np.pi / points, (np.arange(2 * points) + 0.5) * np.pi / points - np.pi


def sphere_values(rho: Qobj, distribution: str, theta: np.ndarray, phi: np.ndarray) -> np.ndarray:
    """The distribution on the grid, shape (len(phi), len(theta))."""
    return np.asarray(DISTRIBUTIONS[distribution](rho, theta, phi))


def centred(values: np.ndarray) -> Normalize:
    """Colours symmetric about zero."""
    from matplotlib.colors import Normalize

    largest = float(np.max(np.abs(values))) or 1.0
    return Normalize(-largest, largest)


def draw_sphere(
    ax: Axes, values: np.ndarray, theta: np.ndarray, phi: np.ndarray, norm: Normalize, cmap: str
) -> Any:
    """Draw values at the centres of the cells of a grid; the artist."""
    latitude = np.pi / 2 - np.linspace(0, np.pi, theta.size + 1)
    longitude = np.linspace(-np.pi, np.pi, phi.size + 1)
    if getattr(ax, "name", "") == "3d":
        return _draw_in_space(ax, values, latitude, longitude, norm, cmap)
    mesh = ax.pcolormesh(longitude, latitude, values.T, norm=norm, cmap=cmap, rasterized=True, shading="flat")
    ax.grid(color="0.6", lw=0.3)
    ax.set_xticks(np.array([-1, 0, 1]) * np.pi / 2, ["$-y$", "$x$", "$y$"])
    ax.set_yticks(np.array([-1, 0, 1]) * np.pi / 3, [])
    return mesh


def _draw_in_space(
    ax: Any, values: np.ndarray, latitude: np.ndarray, longitude: np.ndarray, norm: Normalize, cmap: str
) -> Any:
    """The coloured sphere, with the ends of its axes named."""
    x = np.outer(np.cos(longitude), np.cos(latitude))
    y = np.outer(np.sin(longitude), np.cos(latitude))
    z = np.outer(np.ones(longitude.size), np.sin(latitude))
    surface = ax.plot_surface(
        x,
        y,
        z,
        facecolors=facecolors(values, norm, cmap),
        rcount=longitude.size,
        ccount=latitude.size,
        shade=False,
        antialiased=False,
        linewidth=0,
        rasterized=True,
    )
    ax.computed_zorder = False  # lines lie on the surface that they are drawn after
    elevation, azimuth = np.deg2rad(25), np.deg2rad(30)
    eye = np.array(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)]
    )
    turn = np.linspace(0, 2 * np.pi, 361)
    for first, second in ((0, 1), (0, 2), (1, 2)):
        circle = np.outer(np.eye(3)[first], np.cos(turn)) + np.outer(np.eye(3)[second], np.sin(turn))
        ax.plot(*np.where(eye @ circle > 0, circle, np.nan), color="0.6", lw=0.4)
    for end, name in zip(np.eye(3), ("$x$", "$y$", "$z$"), strict=True):
        ax.plot(*np.stack([end, 1.25 * end]).T, color="0.3", lw=0.8)
        ax.text(*(1.36 * end), name, ha="center", va="center")
    ax.set(xlim=(-1, 1), ylim=(-1, 1), zlim=(-1, 1))
    ax.set_axis_off()
    ax.set_box_aspect((1, 1, 1), zoom=1.1)
    ax.view_init(elev=25, azim=30)
    return surface


def facecolors(values: np.ndarray, norm: Normalize, cmap: str) -> np.ndarray:
    """Colours of the cells of a surface."""
    from matplotlib import colormaps

    return colormaps[cmap](norm(values))
