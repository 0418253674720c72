"""One integration: choosing the method, running it with its progress shown, and what results and statistics keep of it."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import scipy.sparse as sp

from piqs._interrupts import interrupts
from piqs.integrators.base import Integrator, Problem
from piqs.integrators.choose import choose
from piqs.integrators.invariants import Invariants
from piqs.integrators.options import Options
from piqs.liouville import Generator
from piqs.solvers.progress import Progress
from piqs.solvers.result import Result


def integrate(
    result: Result,
    generator: Generator,
    x0: np.ndarray,
    times: np.ndarray,
    rows: sp.csr_array,
    settings: Options,
    on_state: Callable[[int, np.ndarray], None] | None,
    start: float,
    collect: Callable[[Integrator], None],
    are_states: bool = False,
) -> None:
    """Run the method asked for, and hand what it has done to `collect`, even after an interruption.

    Parameters
    ----------
    result : Result
        Its ``stats`` are filled in; a KeyboardInterrupt carries it.
    generator, x0, times, rows, on_state
        The problem, as for `piqs.integrators.base.Problem`.
    settings : Options
        Method, accuracy, progress bar.
    start : float
        ``time.perf_counter()`` when the preparation began.
    collect : callable
        Enters the outputs into the result.
    are_states : bool
        Whether the vectors are density matrices and stay so, so that trace and populations are watched.
    """
    stats = result.stats
    progress = Progress(settings.progress_bar, times.size, **settings.progress_kwargs)
    on_progress = progress if progress.shown else None
    problem = Problem(
        generator, x0, times, rows, settings.rtol, settings.atol, settings.max_step, on_state, on_progress
    )
    watch = Invariants(problem) if are_states else None
    if watch is not None and on_state is not None:
        problem.on_state = watch.each(on_state)
    choice = choose(settings.integrator, problem)
    integrator = choice.integrator
    stats["considered"] = choice.considered
    if settings.without_effect:
        stats["options without effect"] = list(settings.without_effect)
    begin = time.perf_counter()
    stats["preparation time"] = begin - start
    try:
        with progress, interrupts():
            integrator.run()
            if watch is not None:
                watch.check(integrator.x, float(times[-1]), integrator.error)
    except KeyboardInterrupt as interrupt:
        stats["end_condition"] = "interrupted"
        interrupt.result = result  # type: ignore[attr-defined]
        raise
    finally:
        stats["method"] = integrator.used
        stats["run time"] = time.perf_counter() - begin
        stats["applications"] = integrator.applications
        stats["error estimate"] = float(integrator.error)
        collect(integrator)
