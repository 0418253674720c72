"""One tool on one case, in the process this module is started in.

The parent gives a JSON task on the command line and reads a JSON record from a file; see `benchmarks.runner`.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.case import Tool

# Runs are repeated up to this often, or until this many seconds have gone by.
MOST_RUNS, SECONDS_OF_RUNS = 9, 1.0


def peak_memory() -> int:
    """Largest memory of this process so far, in bytes, or of the largest process it has started."""
    usage = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return max(usage) * (1 if sys.platform == "darwin" else 1024)


def timed(task: dict[str, Any]) -> dict[str, Any]:
    """For every N seconds of all runs, peak memory so far and the answer; after them, the converged values asked for.

    The record is written after each step: what is done counts if a later step takes too long.
    """
    from benchmarks.cases import CASES

    case = CASES[task["case"]]
    tool = case.tool(task["tool"])
    importlib.import_module(tool.package)
    compilations: list[Any] = []
    if tool is case.ours:
        # Loads the compiled kernels.
        tool.solve(case.smallest)
        compilations = _recorded_compilations()
    base_memory = peak_memory()
    record: dict[str, Any] = {"rows": {}, "converged": {}}
    for N in task["sizes"]:
        try:
            row = {"base_memory": base_memory, **_measured(tool, N, compilations)}
        except Exception as failure:
            row = failed(failure)
        record["rows"][N] = row
        write(task, record)
        if "MemoryError" in row.get("failure", ""):
            break
    for N in task["converged"]:
        record["converged"][N] = np.asarray(case.reference(N)).tolist()
        write(task, record)
    return record


def _measured(tool: Tool, N: int, compilations: list[Any]) -> dict[str, Any]:
    """One tool at one N."""
    seconds: list[float] = []
    while not seconds or (len(seconds) < MOST_RUNS and sum(seconds) + seconds[0] < SECONDS_OF_RUNS):
        before = len(compilations)
        begin = time.perf_counter()
        result = tool.solve(N)
        duration = time.perf_counter() - begin
        # A run that had to compile a kernel does not count; that happens on a new machine only.
        if len(compilations) == before:
            seconds.append(duration)
    memory = peak_memory()
    answer = tool.read(N, result)
    values = np.asarray(answer.values).tolist()
    return {"seconds": seconds, "memory": memory, "values": values, "stats": plain(answer.stats)}


def _recorded_compilations() -> list[Any]:
    """A list that grows with every kernel compiled from now on."""
    from numba.core.event import RecordingListener, register

    listener = RecordingListener()
    register("numba:compile", listener)
    return listener.buffer


def prepared(task: dict[str, Any]) -> dict[str, Any]:
    """Compile all kernels, or load them where they have been compiled before."""
    from benchmarks.cases import CASES

    start = time.perf_counter()
    for case in CASES.values():
        case.ours.solve(case.smallest)
    return {"seconds": time.perf_counter() - start}


def checked(task: dict[str, Any]) -> dict[str, Any]:
    """Distance of the reference from brute force at the smallest N of each case."""
    from benchmarks.cases import CASES

    record: dict[str, Any] = {}
    for name in task["cases"]:
        case = CASES[name]
        difference = np.asarray(case.reference(case.smallest)) - np.asarray(case.brute_force(case.smallest))
        record[name] = {"N": case.smallest, "difference": float(np.abs(difference).max())}
    return record


def limit(task: dict[str, Any]) -> dict[str, Any]:
    """Distance of an evolution to the limit of the machine and of its method."""
    from benchmarks.cases import CASES
    from benchmarks.limit import distance

    return distance(CASES[task["case"]], task["N"], task["stats"])


def plain(stats: dict[str, Any]) -> dict[str, Any]:
    """The entries that JSON can hold."""
    return {
        key: value.item() if isinstance(value, np.generic) else value
        for key, value in stats.items()
        if isinstance(value, (str, int, float, np.generic))
    }


def failed(failure: Exception) -> dict[str, Any]:
    """A failure as a result."""
    text = str(failure).strip().splitlines()
    return {"failure": f"{type(failure).__name__}: {text[0] if text else ''}"}


def write(task: dict[str, Any], record: dict[str, Any]) -> None:
    """Replace the record that the parent reads."""
    output = Path(task["output"])
    new = output.with_suffix(".new")
    new.write_text(json.dumps(record))
    new.replace(output)


def main() -> None:
    """Do the task; an exception is a result too."""
    task = json.loads(sys.argv[1])
    kinds = {"prepare": prepared, "time": timed, "check": checked, "limit": limit}
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            record = kinds[task["kind"]](task)
    except Exception as failure:
        record = failed(failure)
    write(task, record)


if __name__ == "__main__":
    main()
