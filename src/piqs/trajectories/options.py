"""Options of the trajectory solvers: ours, and QuTiP's, those without effect here named in a warning."""

from __future__ import annotations

import warnings
from operator import index
from typing import Any

import numpy as np
from qutip.ui.progressbar import progress_bars

from piqs import _checks

METHODS = ("auto", "jump_chain", "wave_function")
_OPTIONS: dict[str, Any] = {
    "store_states": None,
    "store_final_state": False,
    "keep_runs_results": False,
    "store_jumps": None,
    "improved_sampling": False,
    "method": "auto",
    "rtol": 1e-9,
    "cutoff": 1e-12,
    "frame": "auto",
    "bitgenerator": None,
    "map": "parallel",
    "num_cpus": None,
    "progress_bar": "",
    "progress_kwargs": {},
}
_STOCHASTIC: dict[str, Any] = {"dt": None, "step_tol": 0.2, "store_measurement": ""}
# QuTiP's integrators and the tolerances of its search for jumps, which is exact to rtol here.
_WITHOUT_EFFECT = (
    "atol", "nsteps", "max_step", "min_step", "first_step", "order", "interpolate", "norm_tol", "norm_t_tol",
    "norm_steps", "norm_min_step", "mc_corr_eps", "mpi_options", "normalize_output", "safety", "ifactor", "dfactor",
    "beta", "lband", "uband", "limit",
)  # fmt: skip
_INTEGRATORS = ("adams", "bdf", "lsoda", "dop853", "vern7", "vern9", "tsit5", "diag", "krylov", "zvode")


def read_options(options: dict[str, Any] | None) -> dict[str, Any]:
    """Options with defaults, checked.

    Raises
    ------
    KeyError, ValueError
        For an option or value that neither this package nor QuTiP has.
    """
    given = _checks.mapping(options, "options", "of options of the solver")
    unused = sorted(set(given) & set(_WITHOUT_EFFECT))
    unknown = sorted(set(given) - set(_OPTIONS) - set(unused))
    if unknown:
        raise KeyError(
            f"options {unknown} are not options of this solver; it has {sorted(_OPTIONS)} "
            "(its steps and jump times have one tolerance, rtol)"
        )
    settings = {**_OPTIONS, **{key: given[key] for key in given if key not in unused}}
    if settings["method"] in _INTEGRATORS:
        settings["method"], unused = "auto", [*unused, f"method={settings['method']!r}"]
    if settings["map"] in ("loky", "mpi"):
        settings["map"], unused = "parallel", [*unused, f"map={settings['map']!r}"]
    if unused:
        warnings.warn(
            f"options {unused} have no effect here: steps and jump times have one tolerance, rtol, and trajectories run on "
            "threads (map, num_cpus) or on a Dask client",
            category=UserWarning,
            stacklevel=4,
        )
    _checks.choice(settings["method"], "options['method']", METHODS)
    _checks.choice(settings["map"], "options['map']", ("parallel", "serial"))
    settings["progress_bar"] = {None: "", False: "", True: "text"}.get(
        settings["progress_bar"], settings["progress_bar"]
    )
    _checks.choice(settings["progress_bar"], "options['progress_bar']", progress_bars)
    if not 0 < settings["rtol"] < 1:
        raise ValueError(f"options['rtol'] must be between 0 and 1, got {settings['rtol']!r}")
    if not 0 < settings["cutoff"] < 0.01:
        raise ValueError(f"options['cutoff'] must be between 0 and 0.01, got {settings['cutoff']!r}")
    _checks.choice(settings["frame"], "options['frame']", ("auto", "fixed", "moving"))
    cpus = settings["num_cpus"]
    if cpus is not None and (not isinstance(cpus, int) or cpus < 1):
        raise ValueError(f"options['num_cpus'] must be a positive integer, got {cpus!r}")
    bits = settings["bitgenerator"]
    if bits is not None and not isinstance(getattr(np.random, str(bits), None), type):
        raise ValueError(f"options['bitgenerator'] must be a bit generator of numpy.random, got {bits!r}")
    return settings


def read_stochastic_options(options: dict[str, Any] | None) -> dict[str, Any]:
    """Options of `smesolve` and `ssesolve`: those of `mcsolve` that apply, and the step.

    Raises
    ------
    KeyError, ValueError
        As `read_options`.
    """
    given = _checks.mapping(options, "options", "of options of the solver")
    own = {name: given.pop(name, value) for name, value in _STOCHASTIC.items()}
    absent = sorted({"improved_sampling", "cutoff", "frame", "rtol"} & set(given))
    if absent:
        raise KeyError(f"options {absent} are not options of this solver; its step is dt")
    given.pop("method", None)  # of QuTiP's stochastic integrators: there is one here, of weak order 2
    settings = {**read_options(given), **own}
    if own["dt"] is not None and not _checks.finite(own["dt"], "options['dt']") > 0:
        raise ValueError(f"options['dt'] must be positive, got {own['dt']!r}")
    if not 0 < own["step_tol"] < 1:
        raise ValueError(f"options['step_tol'] must be between 0 and 1, got {own['step_tol']!r}")
    return settings


def read_ntraj(ntraj: Any) -> int:
    """A number of trajectories, at least 1."""
    try:
        number = index(ntraj)
    except TypeError:
        raise TypeError(f"ntraj must be an integer, got {ntraj!r}") from None
    if number < 1:
        raise ValueError(f"ntraj must be at least 1, got {ntraj!r}")
    return _checks.at_most(number, _checks.MANY, "ntraj", "nobody waits for so many trajectories")


def read_timeout(timeout: Any) -> None:
    """Refuse what is no number of seconds, or None."""
    if timeout is not None and not (isinstance(timeout, (int, float)) and timeout > 0):
        raise ValueError(f"timeout must be a positive number of seconds, got {timeout!r}")
