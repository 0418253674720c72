"""Import times, and the first call in a fresh process."""

from __future__ import annotations

import sys
import tempfile
from typing import Any

from benchmarks.runner import Runner

OURS = """
import numpy as np, piqs
jz = piqs.jspin(10, "z")
c_ops = piqs.Dicke(10, emission=0.1, collective_emission=0.01).jump_operators()
piqs.mesolve(jz, piqs.excited(10), np.linspace(0, 10, 101), c_ops, [jz])
"""
QUTIP = """
import numpy as np, qutip
from qutip import piqs
jz = piqs.jspin(10, "z")
liouvillian = piqs.Dicke(10, jz, emission=0.1, collective_emission=0.01).liouvillian()
qutip.mesolve(liouvillian, piqs.excited(10), np.linspace(0, 10, 101), e_ops=[jz])
"""
DRIVEN = """
import numpy as np, piqs
jx, jz = piqs.jspin(40, "x"), piqs.jspin(40, "z")
piqs.Dicke(40, jx, collective_emission=0.05, dephasing=0.1).mesolve(piqs.excited(40), np.linspace(0, 10, 101), [jz])
"""
# What is run, and how many times at most.
SCRIPTS: dict[str, tuple[str, int]] = {
    "Python alone": ("pass", 3),
    "`import qutip.piqs`": ("import qutip.piqs", 3),
    "`import piqs`": ("import piqs", 3),
    "`qutip.piqs`, first evolution (N = 10), import included": (QUTIP, 3),
    "`piqs`, first evolution (N = 10), import included": (OURS, 3),
    "`piqs`, first evolution of a driven ensemble (N = 40), import included": (DRIVEN, 3),
}
# The same with an empty cache of compiled kernels.
COMPILING = {
    "`piqs`, N = 10, the very first time on a machine": OURS,
    "`piqs`, driven, N = 40, the very first time on a machine (compiles its kernels)": DRIVEN,
}


def measure(runner: Runner, quick: bool) -> dict[str, dict[str, Any]]:
    """Seconds from the start of the process to its end."""
    table: dict[str, dict[str, Any]] = {}
    for name, (script, runs) in SCRIPTS.items():
        table[name] = _wall(runner, script, 1 if quick else runs)
    if not quick:
        for name, script in COMPILING.items():
            with tempfile.TemporaryDirectory() as empty:
                table[name] = _wall(runner, script, 1, NUMBA_CACHE_DIR=empty)
    return table


def _wall(runner: Runner, script: str, runs: int, **environment: str) -> dict[str, Any]:
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(runs):
            record = runner.call(
                [sys.executable, "-c", script], folder, environment={**runner.environment(), **environment}
            )
            if "failure" in record:
                return {"failure": record["failure"]}
            seconds.append(record["wall"])
    return {"seconds": seconds}
