"""States over time as films, drawn from the result of a solver in one call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from piqs._checks import choice, finite
from piqs.measures.series import measure_over
from piqs.plotting.axes import check_cmap
from piqs.plotting.dicke import plot_dicke_triangle
from piqs.plotting.sphere import (
    DISTRIBUTIONS,
    LABELS,
    PROJECTIONS,
    centred,
    draw_sphere,
    facecolors,
    sphere_grid,
    sphere_values,
)

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.figure import Figure

__all__ = ["animate_dicke_triangle", "animate_sphere"]


def animate_sphere(
    result: Any,
    filename: str | Path | None = None,
    *,
    distribution: str = "wigner",
    projection: str = "hammer",
    points: int = 91,
    cmap: str = "RdBu_r",
    fps: int = 20,
) -> FuncAnimation:
    """Film a distribution of the collective spin on the sphere, one picture for each output time.

    Parameters
    ----------
    result : Result, McResult or list of Qobj
        Result with stored states of one ensemble.
    filename : str or Path, optional
        File to write, such as ``"spin.gif"`` (Pillow), ``"spin.mp4"`` (needs ffmpeg). None is written by default.
    distribution, projection, points, cmap
        As in `plot_sphere`. The colour scale is the same in all pictures.
    fps : int, default 20
        Pictures a second.

    Returns
    -------
    matplotlib.animation.FuncAnimation
        Keep it: Matplotlib stops a film that nobody holds. In a notebook ``HTML(film.to_jshtml())`` shows it.

    Raises
    ------
    TypeError, ValueError
        If the result holds no states of one ensemble, or an option is unknown.

    Examples
    --------
    >>> import piqs
    >>> atoms = piqs.Dicke(4, piqs.jspin(4, "z") @ piqs.jspin(4, "z"), dephasing=0.1)
    >>> result = atoms.mesolve(piqs.css(4), [0.0, 0.5, 1.0])
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     film = piqs.animate_sphere(result, f"{folder}/spin.gif", points=21)
    ...     pathlib.Path(folder, "spin.gif").exists()
    True
    """
    from matplotlib.cm import ScalarMappable

    choice(distribution, "distribution", DISTRIBUTIONS)
    choice(projection, "projection", PROJECTIONS)
    check_cmap(cmap)
    theta, phi = sphere_grid(points)
    values = measure_over(result, lambda rho: sphere_values(rho, distribution, theta, phi))
    norm = centred(values)
    figure = _figure((6.4, 3.8))
    ax = figure.add_subplot(projection=projection)
    artist = draw_sphere(ax, values[0], theta, phi, norm, cmap)
    figure.colorbar(ScalarMappable(norm, cmap), ax=ax, shrink=0.6, pad=0.04, label=LABELS[distribution])
    times = _times(result, len(values))
    title = ax.set_title(times(0))

    def show(i: int) -> list[Any]:
        if projection == "3d":
            artist.set_facecolor(facecolors(values[i], norm, cmap).reshape(-1, 4))
        else:
            artist.set_array(values[i].T)
        title.set_text(times(i))
        return [artist, title]

    return _film(figure, show, len(values), filename, fps)


def animate_dicke_triangle(
    result: Any, filename: str | Path | None = None, *, cmap: str = "Blues", fps: int = 20
) -> FuncAnimation:
    """Film the populations on the Dicke triangle, one picture for each output time.

    Parameters
    ----------
    result : Result, McResult or list of Qobj
        Result with stored states of one ensemble.
    filename : str or Path, optional
        File to write, such as ``"triangle.gif"`` (Pillow), ``"triangle.mp4"`` (needs ffmpeg). None is written by default.
    cmap : str, default "Blues"
        Name of the Matplotlib colour map. Each picture has the scale of its own largest population.
    fps : int, default 20
        Pictures a second.

    Returns
    -------
    matplotlib.animation.FuncAnimation
        Keep it: Matplotlib stops a film that nobody holds. In a notebook ``HTML(film.to_jshtml())`` shows it.

    Raises
    ------
    TypeError, ValueError
        If the result holds no states of one ensemble.

    Examples
    --------
    >>> import piqs
    >>> atoms = piqs.Dicke(6, emission=1.0, collective_emission=1.0)
    >>> result = atoms.mesolve(piqs.excited(6), [0.0, 0.2, 0.4])
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     film = piqs.animate_dicke_triangle(result, f"{folder}/triangle.gif")
    ...     pathlib.Path(folder, "triangle.gif").exists()
    True
    """
    check_cmap(cmap)
    populations = measure_over(result, lambda rho: rho.diag().real)
    figure = _figure((4.8, 5.4))
    ax = plot_dicke_triangle(populations[0], figure.add_subplot(), cmap=cmap, colorbar=False)
    (tiles,) = ax.collections
    bar = figure.colorbar(tiles, ax=ax, label=r"$\langle j,m|\rho|j,m\rangle$")
    times = _times(result, len(populations))
    title = ax.set_title(times(0))

    def show(i: int) -> list[Any]:
        tiles.set_array(populations[i])
        tiles.set_clim(0, populations[i].max())
        bar.update_normal(tiles)
        title.set_text(times(i))
        return [tiles, title]

    return _film(figure, show, len(populations), filename, fps)


def _figure(size: tuple[float, float]) -> Figure:
    """A figure that pyplot does not show by itself."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _times(result: Any, number: int) -> Callable[[int], str]:
    """The title of each picture."""
    times = getattr(result, "times", None)
    return lambda i: f"{i + 1} of {number}" if times is None else f"$t={times[i]:.4g}$"


def _film(
    figure: Figure, show: Callable[[int], list[Any]], number: int, filename: str | Path | None, fps: int
) -> FuncAnimation:
    from matplotlib.animation import FuncAnimation

    if isinstance(fps, bool) or not finite(fps, "fps").is_integer() or fps < 1:
        raise ValueError(f"fps must be a whole number of pictures a second, got {fps!r}")
    if filename is not None and not (isinstance(filename, (str, Path)) and Path(filename).suffix):
        raise ValueError(f'filename must be a path with an ending, such as "spin.gif", got {filename!r}')
    film = FuncAnimation(figure, show, frames=number, interval=1000 / fps, blit=False)
    if filename is not None:
        film.save(str(filename), fps=fps, writer="pillow" if Path(filename).suffix == ".gif" else None)
    return film
