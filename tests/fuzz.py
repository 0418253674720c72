"""Bad values in every argument of every public name: ``python -m tests.fuzz``, or ``python -m tests.fuzz mesolve css``.

One argument at a time is replaced by each of 48 values, in child processes that may crash or hang. Prints how often a call was
answered in which way, and every crash, hang, and error of another library.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import pathlib
import random
import re
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import qutip
import scipy.sparse as sp

import piqs

SECONDS = 15  # a call that takes longer hangs
GRACE = 15  # for a call that does not listen to the alarm
MEMORY = 8 << 30

N = 4
JX, JZ, JP, JM = (piqs.jspin(N, op) for op in "xz+-")
TIMES = [0.0, 0.1, 0.2]


class Alarm(BaseException):
    """A call has taken too long."""


def nothing() -> None:
    """A callable that takes no argument."""


# Made anew for every call: some can be used up.
BAD: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "True": lambda: True,
    "0": lambda: 0,
    "1": lambda: 1,
    "-1": lambda: -1,
    "2.5": lambda: 2.5,
    "1e9": lambda: 10**9,
    "1e30": lambda: 10**30,
    "1e-300": lambda: 1e-300,
    "1e300": lambda: 1e300,
    "nan": lambda: np.nan,
    "inf": lambda: np.inf,
    "-inf": lambda: -np.inf,
    "1j": lambda: 1j,
    "float64 nan": lambda: np.float64("nan"),
    "int8": lambda: np.int8(-3),
    "empty text": lambda: "",
    "text": lambda: "xyz",
    "bytes": lambda: b"xyz",
    "path": lambda: pathlib.Path("no/such/file"),
    "[]": lambda: [],
    "[[]]": lambda: [[]],
    "[None]": lambda: [None],
    "[nan]": lambda: [np.nan],
    "[1, 0]": lambda: [1, 0],
    "[text]": lambda: ["xyz"],
    "()": lambda: (),
    "{}": lambda: {},
    "{1: 2}": lambda: {1: 2},
    "{text: object}": lambda: {"xyz": object()},
    "set": lambda: {1, 2},
    "range": lambda: range(3),
    "used iterator": lambda: iter(()),
    "object": object,
    "class": lambda: int,
    "callable": lambda: nothing,
    "callable to text": lambda: lambda *_: "xyz",
    "module": lambda: np,
    "error": lambda: ValueError("xyz"),
    "empty array": lambda: np.array([]),
    "array (2, 3)": lambda: np.ones((2, 3)),
    "array (2, 2, 2)": lambda: np.zeros((2, 2, 2)),
    "array of objects": lambda: np.array([None, "a"], dtype=object),
    "sparse array": lambda: sp.csr_array(np.eye(3)),
    "Qobj of other dims": qutip.sigmaz,
    "Qobj of nan": lambda: qutip.Qobj(np.full((9, 9), np.nan)),
    "superoperator": lambda: qutip.to_super(qutip.sigmax()),
    "QobjEvo": lambda: qutip.QobjEvo([qutip.sigmaz(), [qutip.sigmax(), "t"]]),
}

# Good values by the name of the argument, and by target where that is not enough.
GOOD: dict[str, Any] = {
    "N": N, "H": JX, "A": JX, "rho0": piqs.excited(N), "state0": piqs.excited(N), "state": piqs.excited(N),
    "rho": piqs.css(N), "sigma": piqs.excited(N), "tlist": TIMES, "taulist": TIMES, "t": 0.1, "c_ops": [JM], "e_ops": [JZ],
    "a_op": JP, "b_op": JM, "c_op": JP, "d_op": JM, "wlist": [0.0, 1.0], "k": 1, "j": 1.0, "m": 0.0, "m1": 0.0, "d": 3,
    "n_fock": 3, "nds": 9, "dims": [3], "parts": {"a": piqs.FockSpace(2)}, "ntraj": 2, "op": "x", "x": [0.0, 0.1],
    "p": [0.0, 0.1], "theta": [0.1], "phi": [0.2], "diagram": (3, 1), "mat": piqs.excited(N), "space": piqs.DickeSpace(N),
    "name": "loss", "rate": 1.0, "jumps": [JM], "part": piqs.Dicke(2, emission=0.1), "edges": [0.0, 1.0],
}  # fmt: skip


class Target(NamedTuple):
    """A public name, its arguments, and good values for those that have no default."""

    call: Callable[..., Any]
    names: list[str]
    good: dict[str, Any]


def targets() -> dict[str, Target]:
    """Every public name that is called, and what it is called with; works in the folder it is called in."""
    cavity = piqs.Composite(piqs.Dicke(2, emission=0.1), piqs.Mode(3, loss=1.0))
    product = cavity.state(piqs.excited(2), qutip.fock_dm(3, 0))
    change = [("rho0", 0 * piqs.excited(N))]
    model = piqs.Dicke(N, JX, emission=1.0, pumping=0.5)
    records = piqs.mcsolve(
        model, (2, 2), [0.0, 2.0], e_ops=["jz"], ntraj=8, options={"keep_runs_results": True}, seeds=1
    )
    long_run = piqs.mcsolve(
        model, (2, 2), np.linspace(0.0, 10.0, 65), e_ops=["jz"], ntraj=2, options={"keep_runs_results": True}
    )
    evolution = piqs.mesolve(model, piqs.excited(N), TIMES)
    data = piqs.sweep(abs_of, {"x": [1.0, 2.0]}, store="store")
    local = piqs.Dicke(N, emission=1.0).jump_operators()
    qutrits = piqs.Ensemble(2, 3)
    special: dict[str, dict[str, Any]] = {
        "dicke_basis": {"jmm1": {(2.0, 0.0, 0.0): 1.0}},
        "dicke_function_trace": {"f": abs},
        "collective_jump": {"op": qutip.sigmam()}, "local_jumps": {"op": qutip.sigmam()},
        "tau_column": {"tau": "tau3", "k": 0.0, "j": 1.0},
        "dicke_to_uncoupled": {"op": piqs.excited(2)},
        "uncoupled_to_dicke": {"op": piqs.excited(2, basis="uncoupled")},
        "spectrum_correlation_fft": {"y": [1.0, 0.5, 0.2]},
        "dressed_equation": {"H": cavity.hamiltonian, "ensemble": piqs.Dicke(2, emission=0.1), "cavity_loss": 0.1},
        "sweep": {"f": abs_of, "grid": {"x": [1.0, 2.0]}},
        "sweep_to_netcdf": {"dataset": data, "path": "data.nc"},
        "fisher_information": {"povm": [piqs.jspin(N, "z") ** 0]},
        "mode_wigner": {"rho": product, "part": 1}, "plot_mode_wigner": {"rho": product, "part": 1},
        "photon_statistics": {"rho": product, "part": 1}, "plot_photon_numbers": {"rho": product, "part": 1},
        "plot_ternary": {"ensemble": qutrits, "rho": qutip.Qobj(np.eye(qutrits.space.size) / qutrits.space.size)},
        "measure_over": {"result": evolution, "f": piqs.purity_dicke},
        "animate_dicke_triangle": {"result": evolution}, "animate_sphere": {"result": evolution, "points": 11},
        "plot_sphere": {"points": 11},
        "sensitivity": {"wrt": change}, "gradient": {"wrt": change},
        "floquet_steadystate": {"H": [JZ, [JX, "cos(6.283185307179586 * t)"]], "period": 1.0, "c_ops": local},
        "mcsolve": {"state": (2, 2), "H": model, "c_ops": ()}, "steadystate": {"A": JX, "c_ops": local},
        "spectrum": {"a_op": JP, "b_op": JM, "c_ops": local}, "field_qfi_rate": {"wrt": JZ, "c_ops": local},
        "steadystate_sensitivity": {"wrt": ["c_ops[0]"], "c_ops": local}, "nm_mcsolve": {"ops_and_rates": [(JM, 1.0)]},
        "smesolve": {"sc_ops": [JM], "c_ops": []}, "ssesolve": {"psi0": piqs.excited_ket(N), "sc_ops": [JM]},
        "time_averages": {"result": long_run}, "optimize_pulse": {"controls": JX},
        "fit": {"data": [[2.0, 1.9, 1.8]], "wrt": ["c_ops[0]"]},
        "floquet_basis": {"H": [JZ, [JX, "cos(6.283185307179586 * t)"]], "period": 1.0},
        "spectrum_sensitivity": {"c_ops": local, "a_op": JP, "b_op": JM}, "record_fisher": {"wrt": change, "ntraj": 2},
        "MasterEquation": {"space": piqs.DickeSpace(N)},
        "load_sweep": {"store": "store"}, "thermal": {"n_th": 1.0},
        "coherence_function_g1": {"a_op": JM}, "coherence_function_g2": {"a_op": JM},
    }  # fmt: skip
    for name in (
        "count_statistics",
        "g2_from_records",
        "jump_times",
        "waiting_times",
        "waiting_time_distribution",
    ):
        special[name] = {"result": records}
    found = {}
    for name in piqs.__all__:
        call = composite if name == "Composite" else getattr(piqs, name)
        if name in NOT_CALLED or (inspect.isclass(call) and issubclass(call, BaseException)):
            continue
        parameters = inspect.signature(call).parameters.values()
        names = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        needed = [p.name for p in parameters if p.name in names and p.default is p.empty]
        mine = special.get(name, {})
        wanted = dict.fromkeys([*needed, *(n for n in ("c_ops", "e_ops") if n in names), *mine])
        good = {n: mine.get(n, GOOD.get(n)) for n in wanted}
        found[name] = Target(call, [n for n in names if n not in SKIPPED], good)
    return found


# Results, and classes that only this package fills.
NOT_CALLED = {
    "CountDistribution", "CountStatistics", "CountingStatistics", "DressedEquation", "Explanation", "FloquetSteadyState",
    "FitResult", "McResult", "NmmcResult", "PhotonStatistics", "PulseResult", "RecordFisher", "Result", "StochasticResult",
    "TimeAverage", "Sensitivity", "SpinSqueezingInequality", "Squeezing", "about", "jax_expect", "jax_steadystate",
    "MCSolver", "MESolver", "correlation_3op", "ModeFactors", "SpinFactors", "OperatorSum",
}  # fmt: skip
# A text as client is an address that is tried for half a minute.
SKIPPED = {"client"}


def composite(part: Any, threshold: Any = 1e-4) -> Any:
    return piqs.Composite(part, piqs.Mode(3, loss=1.0), threshold=threshold)


def abs_of(x: float) -> float:
    return abs(x)


def answer(target: Target, name: str, value: Any) -> tuple[str, str]:
    """What becomes of a call with a bad value: the class of the answer, and its words."""
    try:
        target.call(**{**target.good, name: value})
    except MemoryError as error:
        return ("named" if str(error) else "obscure"), f"MemoryError: {error}"
    except Exception as error:
        words = f"{type(error).__name__}: {str(error)[:200]}"
        where = traceback.extract_tb(error.__traceback__)[-1].filename
        inside = f"{os.sep}piqs{os.sep}" in where and "site-packages" not in where
        accidents = (IndexError, OverflowError, AssertionError, AttributeError, UnboundLocalError, SystemError,
                     RecursionError, ZeroDivisionError, ArithmeticError)  # fmt: skip
        if re.search(rf"\b{re.escape(name)}\b", str(error)) and not (
            isinstance(error, accidents) and not inside
        ):
            return "named", words
        if isinstance(error, accidents):
            return "obscure", words
        return ("unnamed" if inside else "obscure"), words
    return "returned", ""


def child(target: Target, calls: list[tuple[str, str]], pipe: int) -> None:
    """Make calls, writing a line before and after each."""

    def ring(*_: Any) -> None:
        raise Alarm

    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, ring)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(quiet, stream)
    with os.fdopen(pipe, "w", buffering=1) as out:
        for name, bad in calls:
            signal.alarm(SECONDS)
            try:
                kind, words = answer(target, name, BAD[bad]())
            except Alarm:
                kind, words = "hang", f"stopped after {SECONDS} s"
            except BaseException as error:
                kind, words = "obscure", repr(error)
            signal.alarm(0)
            out.write(json.dumps([name, bad, kind, words]) + "\n")
            if "matplotlib.pyplot" in sys.modules:
                sys.modules["matplotlib.pyplot"].close("all")


def fuzz(target: Target, calls: list[tuple[str, str]]) -> Iterator[tuple[str, str, str, str]]:
    """Argument, value, class and words of every call; a child that dies or hangs is replaced by another."""
    left = list(calls)
    while left:
        read, write = os.pipe()
        process = os.fork()
        if not process:
            os.close(read)
            try:
                child(target, left, write)
            finally:
                os._exit(0)
        os.close(write)
        ended = "crash"
        with os.fdopen(read, "rb", buffering=0) as lines:  # select sees no line that has been read ahead
            while left:
                if not select.select([lines], [], [], SECONDS + GRACE)[0]:
                    ended = "hang"
                    break
                line = lines.readline()
                if not line:
                    break
                name, bad, kind, words = json.loads(line)
                left.pop(0)
                yield name, bad, kind, words
        if left:
            os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        if left:
            name, bad = left.pop(0)
            yield name, bad, ended, f"exit status {os.waitstatus_to_exitcode(status)}"


def all_calls(target: Target) -> list[tuple[str, str]]:
    return [(name, bad) for name in target.names for bad in BAD]


def good_call(target: Target) -> str:
    """Empty where the good call succeeds, else its error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            target.call(**target.good)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def main() -> None:
    import matplotlib

    matplotlib.use("Agg")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="public names; all by default")
    parser.add_argument("--share", type=float, default=1.0, help="part of the calls, drawn at random")
    parser.add_argument("--all", action="store_true", help="print every answer")
    asked = parser.parse_args()
    os.chdir(tempfile.mkdtemp())
    found = targets()
    rng = random.Random(3)
    counted: Counter[str] = Counter()
    begin = time.monotonic()
    for name in asked.names or found:
        wrong = good_call(found[name])
        if wrong:
            print(f"{name}: the good call fails: {wrong}", flush=True)
            counted["names without a good call"] += 1
            continue
        calls = [call for call in all_calls(found[name]) if rng.random() < asked.share]
        mine: Counter[str] = Counter()
        for argument, bad, kind, words in fuzz(found[name], calls):
            mine[kind] += 1
            if asked.all or kind in ("crash", "hang", "obscure"):
                print(f"{kind}: {name}({argument}={bad}) {words}", flush=True)
        print(f"{name}: {json.dumps(mine)}", flush=True)
        counted += mine
    total = sum(n for kind, n in counted.items() if " " not in kind)
    print(
        f"{total} calls of {len(asked.names or found)} names with {len(BAD)} values in {time.monotonic() - begin:.0f} s:"
    )
    print(", ".join(f"{n} {kind}" for kind, n in counted.most_common()))


if __name__ == "__main__":
    main()
