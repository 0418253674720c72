"""Kernels in the cache on disk."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from piqs import Dicke, css, excited, jspin
from tests import kernel_tour

ROOT = Path(__file__).parents[1]


def test_each_has_one_signature(monkeypatch):
    # what this process has called so far counts as well
    N = 4
    for drive in (jspin(N, "x"), jspin(N, "x") + jspin(N, "z")):
        system = Dicke(N, drive, 0.3, 0.2, 0.1, 0.3, 0.2, 0.1)
        e_ops = [jspin(N, "z"), jspin(N, "-")]
        for largest in (0, 300_000):
            monkeypatch.setattr("piqs.integrators.choose.LARGEST_ASSEMBLED", largest)
            for method in ("faber", "rational", "exponential", "dop853"):
                for rho0 in (excited(N), css(N)):
                    system.mesolve(rho0, np.linspace(0, 1, 3), e_ops, options={"method": method})
        for method in ("direct", "iterative", "evolution"):
            system.steadystate(method=method)
    Dicke(N, emission=1.0, collective_emission=1.0).mesolve(
        excited(N), [0, 1], [jspin(N, "z")], options={"method": "uniformization"}
    )
    kernels = dict(kernel_tour.kernels())
    assert len(kernels) > 10
    for name, kernel in kernels.items():
        assert len(kernel.signatures) <= 1, f"{name}: {kernel.signatures}"


def test_only_functions_that_python_calls_are_cached():
    private = [name for name, _ in kernel_tour.kernels() if name.rpartition(".")[2].startswith("_")]
    assert private == []


@pytest.mark.slow
def test_a_second_process_compiles_nothing(tmp_path):
    script = """
import numpy as np
from numba.core.event import RecordingListener, register
from piqs import Dicke, excited, jspin
N = 4
listener = RecordingListener()
register("numba:compile", listener)
system = Dicke(N, jspin(N, "x"), emission=1.0)
for method in ("faber", "rational", "exponential"):
    system.mesolve(excited(N), np.linspace(0, 1, 3), [jspin(N, "z")], options={"method": method})
system.steadystate()
print(len(listener.buffer))
"""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    counts = [
        int(
            subprocess.run(
                [sys.executable, "-c", script], env=environment, capture_output=True, check=True
            ).stdout
        )
        for _ in range(2)
    ]
    assert counts[0] > 0
    assert counts[1] == 0


def tour(cache, **modes):
    """The tour in a process of its own, with a cache of its own."""
    environment = {**os.environ, **modes, "NUMBA_CACHE_DIR": str(cache)}
    run = subprocess.run(
        [sys.executable, "-m", "tests.kernel_tour"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return json.loads(run.stdout)


@pytest.mark.slow
def test_other_modes_of_numba_give_the_same_numbers(tmp_path):
    usual = tour(tmp_path / "usual")
    assert usual["not reached"] == []
    for mode in ("NUMBA_BOUNDSCHECK", "NUMBA_DISABLE_JIT"):
        assert np.allclose(
            tour(tmp_path / mode, **{mode: "1"})["numbers"], usual["numbers"], rtol=1e-9, atol=1e-9
        )
