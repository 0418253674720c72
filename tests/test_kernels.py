"""Kernels in the cache on disk."""

import importlib
import os
import pkgutil
import subprocess
import sys

import numpy as np
from numba.core.dispatcher import Dispatcher

import piqs._kernels
from piqs import Dicke, css, excited, jspin

MODULES = [f"piqs._kernels.{module.name}" for module in pkgutil.iter_modules(piqs._kernels.__path__)]


def cached_functions():
    for name in MODULES:
        module = importlib.import_module(name)
        for kernel in vars(module).values():
            if (
                isinstance(kernel, Dispatcher)
                and kernel.py_func.__module__ == name
                and kernel.stats.cache_path
            ):
                yield f"{name}.{kernel.__name__}", kernel


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
    kernels = dict(cached_functions())
    assert len(kernels) > 10
    for name, kernel in kernels.items():
        assert len(kernel.signatures) <= 1, f"{name}: {kernel.signatures}"


def test_only_functions_that_python_calls_are_cached():
    private = [name for name, _ in cached_functions() if name.rpartition(".")[2].startswith("_")]
    assert private == []


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
