"""What the results of all evolutions have in common: how they ended, what they saved, and what they can show."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from qutip import Qobj

from piqs.spaces import ProductSpace, Space
from piqs.states.modes import mode_wigner

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["BaseResult"]


class BaseResult(ABC):
    """The result of one evolution or of many trajectories.

    Attributes
    ----------
    times : list of float
        Output times.
    e_ops, e_data : dict
        Observables and their expectation values at the times, by the same keys.
    stats : dict
        What was done, and how it ended.
    space : Space or None
        The space of the states, where it is known.
    """

    times: list[float]
    e_ops: dict[Any, Any]
    e_data: Any
    stats: dict[str, Any]
    space: Space | None = None

    @property
    def status(self) -> str:
        """How the computation ended: "finished", or why it did not go on ("interrupted", "timeout", ...)."""
        return str(self.stats.get("end_condition", "finished"))

    @property
    def saved(self) -> list[str]:
        """What the result holds, by the names of its attributes."""
        held = {"expect": bool(self.e_ops), **self._held()}
        return [name for name, is_there in held.items() if is_there]

    @abstractmethod
    def _held(self) -> dict[str, bool]:
        """Whether each of the attributes that may be missing is there, expectation values aside."""

    def _repr_html_(self) -> str:
        """What was solved and how, for notebooks."""
        shown = {"status": self.status, "outputs": len(self.times), "saved": ", ".join(self.saved)}
        known = ("solver", "method", "unknowns", "num_collapse", "error estimate", "run time")
        shown.update({key: self.stats[key] for key in known if key in self.stats})
        rows = "".join(
            f"<tr><td>{key}</td><td>{f'{value:.3g}' if isinstance(value, float) else value}</td></tr>"
            for key, value in shown.items()
        )
        return f"<table>{rows}</table>"

    @property
    @abstractmethod
    def final_state(self) -> Any:
        """The last state, where stored."""

    @abstractmethod
    def density_matrices(self) -> Iterator[Qobj]:
        """The density matrices at the output times, one at a time.

        Raises
        ------
        ValueError
            If states were not stored.
        """

    def _plotted(self) -> dict[Any, Any]:
        """The series that `plot` draws, by key."""
        return dict(self.e_data)

    def plot(self, ax: Axes | None = None, labels: Any = None) -> Axes:
        """Draw the expectation values over time.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; new axes if None.
        labels : list of str, optional
            One for each observable; the keys of `e_ops` by default.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        ValueError
            If the result holds no expectation values, or another number of them than of labels.

        Examples
        --------
        >>> import piqs
        >>> from matplotlib.figure import Figure
        >>> atoms = piqs.Dicke(4, collective_emission=1.0)
        >>> inversion = {"inversion": piqs.jspin(4, "z")}
        >>> result = atoms.mesolve(piqs.excited(4), [0.0, 1.0, 2.0], inversion)
        >>> ax = result.plot(Figure().subplots())
        >>> ax.get_xlabel(), len(ax.lines)
        ('$t$', 1)
        """
        series = self._plotted()
        if not series:
            raise ValueError(
                "the result holds no expectation values to plot; pass e_ops to the solver, or draw its states with "
                "`piqs.plot_dicke_triangle` or `piqs.plot_sphere`"
            )
        names = [key if isinstance(key, str) else f"e_ops[{key!r}]" for key in series]
        if labels is not None:
            if len(labels) != len(series):
                raise ValueError(f"labels must be one for each of {len(series)} observables, got {labels!r}")
            names = list(labels)
        if ax is None:
            from matplotlib import pyplot

            _, ax = pyplot.subplots(layout="constrained")
        for name, values in zip(names, series.values(), strict=True):
            values = np.asarray(values)
            line = ax.plot(self.times, values.real, label=name)[0]
            if np.iscomplexobj(values) and np.any(values.imag):
                ax.plot(
                    self.times, values.imag, "--", color=line.get_color(), label=f"{name}, imaginary part"
                )
        ax.set(xlabel="$t$")
        if len(names) == 1:
            ax.set_ylabel(names[0])
        else:
            ax.legend()
        return ax

    def wigner(self, part: int | str, x: Any, p: Any, index: int = -1) -> np.ndarray:
        """Wigner function of a mode at one of the output times; see `piqs.mode_wigner`.

        Parameters
        ----------
        part : str or int
            Name of the mode as in `Composite`, or number of its tensor factor.
        x, p : array_like
            Quadratures.
        index : int, default -1
            Which of the output times; the last by default.

        Returns
        -------
        ndarray of float64, shape (len(p), len(x))

        Raises
        ------
        ValueError
            If there is no such part, or no state is stored for that time.
        """
        return mode_wigner(self._state_at(index), x, p, self._factor(part))

    def _state_at(self, index: int) -> Qobj:
        final = self.final_state if index in (-1, len(self.times) - 1) else None
        if isinstance(final, Qobj):
            return final
        states = list(self.density_matrices())
        if not -len(states) <= index < len(states):
            raise ValueError(f"index must be that of one of {len(states)} output times, got {index!r}")
        return states[index]

    def _factor(self, part: int | str) -> int:
        """Number of the tensor factor of a part."""
        if not isinstance(part, str):
            return part
        parts = self.space.parts if isinstance(self.space, ProductSpace) else {}
        if part not in parts:
            known = f"one of {list(parts)}" if parts else "the number of a tensor factor"
            raise ValueError(f"part must be {known}, got {part!r}")
        names = list(parts)
        return sum(len(parts[name].dims) for name in names[: names.index(part)])
