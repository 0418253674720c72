"""Options of the solvers, by QuTiP's names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from qutip.ui.progressbar import progress_bars

from piqs import _checks
from piqs.integrators.registry import METHODS, QUTIP_METHODS

_REAL = (int, float, np.integer, np.floating)

# Options of QuTiP's integrators that have no counterpart here: accepted, so that existing scripts run, and reported.
_WITHOUT_EFFECT = {
    "allow_sub_steps", "beta", "derr_dt", "dfactor", "first_step", "ifactor", "interpolate", "krylov_dim", "matrix_form",
    "max_order_ns", "max_order_s", "min_step", "normalize_output", "nsteps", "order", "safety_factor", "sub_system_tol",
}  # fmt: skip


@dataclass(frozen=True)
class Options:
    """Accuracy, method, what to store and how to show progress.

    Parameters
    ----------
    rtol, atol : float
        Error allowed in the state: atol + rtol times its norm. Default 1e-6, and a hundredth of rtol.
    method : str
        "auto" (default), "exponential", "uniformization", "faber", "support", "rational", "piecewise", "series",
        "dop853", "radau" or "bdf"; QuTiP's names lead to the same kind.
    max_step : float
        Longest internal step, 0 (default) for no limit. Methods that make no steps refuse it.
    store_states : bool or None
        Keep all states; None keeps them where no e_ops are given.
    store_final_state : bool
        Keep the last state.
    progress_bar : str or bool
        "text", "enhanced", "tqdm", "html" or "" (QuTiP's).
    progress_kwargs : dict
        Passed to the progress bar.
    without_effect : tuple of str
        Options of QuTiP's integrators among those given that have no counterpart here.
    """

    rtol: float = 1e-6
    atol: float = 1e-8
    method: str = "auto"
    max_step: float = 0.0
    store_states: bool | None = None
    store_final_state: bool = False
    progress_bar: Any = ""
    progress_kwargs: dict[str, Any] = field(default_factory=lambda: {"chunk_size": 10})

    without_effect: tuple[str, ...] = ()

    @property
    def integrator(self) -> str:
        """Name of the method in the registry, or "auto"."""
        return QUTIP_METHODS.get(self.method, self.method)

    @classmethod
    def read(cls, options: Mapping[str, Any] | None, **defaults: Any) -> Options:
        """Options from a dictionary with QuTiP's keys, and other defaults than QuTiP's.

        Raises
        ------
        KeyError
            For an option that neither this package nor QuTiP has.
        ValueError
            For a tolerance that is not positive or a method that does not exist.
        """
        given = {**defaults, **_checks.mapping(options, "options", "of options of the solver")}
        known = set(cls.__dataclass_fields__) - {"without_effect"}
        unknown = set(given) - known - _WITHOUT_EFFECT
        if unknown:
            raise KeyError(
                f"options {sorted(map(str, unknown))} are not supported; the solver takes {sorted(known)}"
            )
        without_effect = tuple(sorted(_WITHOUT_EFFECT.intersection(given)))
        known_ones = {key: value for key, value in given.items() if key in known}
        read = cls(**known_ones, without_effect=without_effect)
        if "atol" not in given and isinstance(read.rtol, _REAL):
            read = replace(read, atol=read.rtol / 100)
        for name in ("rtol", "atol"):
            value = getattr(read, name)
            if not (isinstance(value, _REAL) and np.isfinite(value) and value > 0):
                raise ValueError(f"options[{name!r}] must be a positive number, got {value!r}")
        if not (isinstance(read.max_step, _REAL) and np.isfinite(read.max_step) and read.max_step >= 0):
            raise ValueError(f"options['max_step'] must be a finite time >= 0, got {read.max_step!r}")
        methods = {"auto", *METHODS, *QUTIP_METHODS}
        if read.method not in methods:
            raise ValueError(f"options['method'] must be one of {sorted(methods)}, got {read.method!r}")
        try:
            progress_bars[read.progress_bar]
        except KeyError:
            raise ValueError(
                "options['progress_bar'] must be one of QuTiP's ('text', 'enhanced', 'tqdm', 'html', '' for none), got "
                f"{read.progress_bar!r}"
            ) from None
        return read
