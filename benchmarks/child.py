"""One tool on one case at one N, in the process this module is started in.

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
from numba.core.event import install_recorder

# Runs are repeated up to this often, or until this many seconds have gone by.
MOST_RUNS, SECONDS_OF_RUNS = 9, 2.0


def peak_memory() -> int:
    """Largest memory of this process so far, in bytes, or of the largest process it has started."""
    usage = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return max(usage) * (1 if sys.platform == "darwin" else 1024)


def timed(task: dict[str, Any]) -> dict[str, Any]:
    """Seconds of every run, peak memory, and the answer."""
    from benchmarks.cases import CASES

    case = CASES[task["case"]]
    tool, N = case.tool(task["tool"]), task["N"]
    start = time.perf_counter()
    importlib.import_module(tool.package)
    if tool is case.ours:
        # Loads the compiled kernels.
        tool.solve(case.smallest)
    record: dict[str, Any] = {"start_up": time.perf_counter() - start, "base_memory": peak_memory()}
    seconds: list[float] = []
    while not seconds or (len(seconds) < MOST_RUNS and sum(seconds) + seconds[0] < SECONDS_OF_RUNS):
        with install_recorder("numba:compile") as compilations:
            begin = time.perf_counter()
            result = tool.solve(N)
            duration = time.perf_counter() - begin
        # A kernel that no smaller run had needed: on a machine's first run only.
        if not compilations.buffer:
            seconds.append(duration)
    record |= {"seconds": seconds, "memory": peak_memory()}
    answer = tool.read(N, result)
    record |= {"values": np.asarray(answer.values).tolist(), "stats": plain(answer.stats)}
    if task.get("converged"):
        # Kept in case that the converged run takes too long.
        Path(task["output"]).write_text(json.dumps(record))
        record["converged"] = np.asarray(case.reference(N)).tolist()
    return record


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


def main() -> None:
    """Do the task; an exception is a result too."""
    task = json.loads(sys.argv[1])
    kinds = {"prepare": prepared, "time": timed, "check": checked, "limit": limit}
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            record = kinds[task["kind"]](task)
    except Exception as failure:
        text = str(failure).strip().splitlines()
        record = {"failure": f"{type(failure).__name__}: {text[0] if text else ''}"}
    Path(task["output"]).write_text(json.dumps(record))


if __name__ == "__main__":
    main()
