"""Options of the solvers, by QuTiP's names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from qutip.ui.progressbar import progress_bars

_REAL = (int, float, np.integer, np.floating)

# Options of QuTiP's integrators that have no counterpart here: accepted, so that existing scripts run, and not needed.
_NOT_NEEDED = {
    "allow_sub_steps", "beta", "derr_dt", "dfactor", "first_step", "ifactor", "interpolate", "krylov_dim", "matrix_form",
    "max_order_ns", "max_order_s", "min_step", "normalize_output", "nsteps", "order", "safety_factor", "sub_system_tol",
}  # fmt: skip

# QuTiP's names for explicit and for implicit integrators lead to the ones of the same kind here.
METHODS = {
    "auto": "auto",
    "faber": "faber",
    "krylov": "faber",
    "dop853": "dop853",
    "adams": "auto",
    "lsoda": "auto",
    "vern7": "dop853",
    "vern9": "dop853",
    "tsit5": "dop853",
    "rational": "rational",
    "exponential": "exponential",
    "diag": "exponential",
    "uniformization": "uniformization",
    "radau": "radau",
    "bdf": "bdf",
}


@dataclass(frozen=True)
class Options:
    """Accuracy, method, what to store and how to show progress.

    Parameters
    ----------
    rtol : float
        Relative accuracy of the evolution. Default 1e-6.
    atol : float
        Absolute accuracy. Default 1e-8.
    method : str
        "auto" (default), "exponential", "uniformization", "faber", "rational", "dop853", "radau" or "bdf"; QuTiP's names
        lead to the same kind.
    max_step : float
        Longest internal step, 0 for no limit.
    store_states : bool or None
        Keep all states; None keeps them where no e_ops are given.
    store_final_state : bool
        Keep the last state.
    progress_bar : str or bool
        "text", "enhanced", "tqdm", "html" or "" (QuTiP's).
    progress_kwargs : dict
        Passed to the progress bar.
    """

    rtol: float = 1e-6
    atol: float = 1e-8
    method: str = "auto"
    max_step: float = 0.0
    store_states: bool | None = None
    store_final_state: bool = False
    progress_bar: Any = ""
    progress_kwargs: dict[str, Any] = field(default_factory=lambda: {"chunk_size": 10})

    @classmethod
    def read(cls, options: Mapping[str, Any] | None) -> Options:
        """Options from a dictionary with QuTiP's keys.

        Raises
        ------
        KeyError
            For an option that neither this package nor QuTiP has.
        ValueError
            For a tolerance that is not positive or a method that does not exist.
        """
        given = dict(options or {})
        known = set(cls.__dataclass_fields__)
        unknown = set(given) - known - _NOT_NEEDED
        if unknown:
            raise KeyError(f"options {sorted(unknown)} are not supported; the solver takes {sorted(known)}")
        read = cls(**{key: value for key, value in given.items() if key in known})
        for name in ("rtol", "atol"):
            value = getattr(read, name)
            if not (isinstance(value, _REAL) and np.isfinite(value) and value > 0):
                raise ValueError(f"options[{name!r}] must be a positive number, got {value!r}")
        if not (isinstance(read.max_step, _REAL) and np.isfinite(read.max_step) and read.max_step >= 0):
            raise ValueError(f"options['max_step'] must be a finite time >= 0, got {read.max_step!r}")
        if read.method not in METHODS:
            raise ValueError(f"options['method'] must be one of {sorted(METHODS)}, got {read.method!r}")
        try:
            progress_bars[read.progress_bar]
        except KeyError:
            raise ValueError(
                "options['progress_bar'] must be one of QuTiP's ('text', 'enhanced', 'tqdm', 'html', '' for none), got "
                f"{read.progress_bar!r}"
            ) from None
        return read
