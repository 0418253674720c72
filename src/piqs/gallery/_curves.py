"""What the pictures of the gallery share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from qutip import Qobj, expect

from piqs.figures._style import BLACK, BLUE, GREEN, ORANGE, RED
from piqs.models.composite import Composite

LOOKS: tuple[dict[str, Any], ...] = (
    {"color": BLACK, "ls": "-"},
    {"color": BLUE, "ls": "--"},
    {"color": RED, "ls": "-."},
    {"color": GREEN, "ls": (0, (5, 1))},
    {"color": ORANGE, "ls": (0, (1, 1.2))},
)


def curves(ax: Any, series: Mapping[str, Mapping[str, np.ndarray]], x: str, y: str, **options: Any) -> None:
    """Draw one column of each series against another, labelled with the names of the series."""
    for (name, columns), look in zip(series.items(), LOOKS, strict=False):
        ax.plot(columns[x], columns[y], label=name, **{**look, **options})
    values = next(iter(series.values()))[x]
    ax.set_xlim(values[0], values[-1])


def scan(
    values: Iterable[Any],
    model: Callable[[Any], Any],
    observables: Mapping[str, Qobj],
    start: Qobj | None = None,
) -> dict[str, np.ndarray]:
    """Expectation values of named observables in the steady state of the model of each value."""
    rows: dict[str, list[float]] = {name: [] for name in observables}
    for value in values:
        system = model(value)
        if isinstance(system, Composite):
            system.threshold = 1.0  # the captions report the population at the cut-off
        rho = system.steadystate(start)
        for name, operator in observables.items():
            rows[name].append(float(np.real(expect(operator, rho))))
    return {name: np.array(row) for name, row in rows.items()}
