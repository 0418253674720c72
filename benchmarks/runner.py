"""Runs each task in a fresh process with pinned threads, a time limit and a memory limit."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
)
# Part of the memory available at the start that a process may use.
MEMORY_SHARE = 0.75


def cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def available_memory() -> int:
    """Bytes of memory free for use."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))


@dataclass
class Runner:
    """Starts processes until the time for all of them is over.

    Parameters
    ----------
    budget : float
        Seconds for all processes.
    time_limit : float, optional
        Seconds after which any run is given up, instead of the limits of the tools.
    threads : int
        Threads for BLAS, OpenMP and Numba.
    """

    budget: float
    time_limit: float | None = None
    threads: int = field(default_factory=cores)
    memory_limit: int = field(default_factory=lambda: int(MEMORY_SHARE * available_memory()))

    def __post_init__(self) -> None:
        self.start = time.monotonic()

    @property
    def remaining(self) -> float:
        """Seconds left for all that is still to do."""
        return self.budget - (time.monotonic() - self.start)

    def environment(self, threads: int | None = None) -> dict[str, str]:
        """Environment of a process: pinned threads, and the package of this checkout."""
        pinned = dict.fromkeys(THREAD_VARIABLES, str(threads or self.threads))
        return {**os.environ, **pinned, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "src")))}

    def run(
        self, kind: str, limit: float | None = None, threads: int | None = None, **task: Any
    ) -> dict[str, Any]:
        """The record of one task; its key "failure" says what went wrong, if anything did.

        `limit` is in seconds, and begins anew whenever the task writes its record.
        """
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder, "record.json")
            message = json.dumps({"kind": kind, "output": str(output), **task})
            command = [sys.executable, "-m", "benchmarks.child", message]
            outcome = self.call(command, folder, limit, self.environment(threads), output)
            record = json.loads(output.read_text()) if output.exists() else {}
        if not record:
            outcome.setdefault("failure", "ended without a result")
        return {**outcome, **record}

    def call(
        self,
        command: list[str],
        folder: str,
        limit: float | None = None,
        environment: dict[str, str] | None = None,
        record: Path | None = None,
    ) -> dict[str, Any]:
        """Wall time and, where it fails, the failure of one command with its children."""
        seconds = min(limit or float("inf"), self.remaining)
        if seconds < 1.0:
            return {"failure": "not tried: time is over"}
        errors = Path(folder, "errors.txt")
        begin = time.monotonic()
        with errors.open("w") as stderr:
            process = subprocess.Popen(
                command, cwd=folder, env=environment or self.environment(), stdout=subprocess.DEVNULL, stderr=stderr,
                start_new_session=True, preexec_fn=self._hold_memory,
            )  # fmt: skip
            since, written = begin, 0.0
            while (code := process.poll()) is None:
                time.sleep(0.02)
                now = record.stat().st_mtime if record is not None and record.exists() else 0.0
                if now != written:
                    since, written = time.monotonic(), now
                    seconds = min(limit or float("inf"), self.remaining)
                if time.monotonic() - since > seconds:
                    used = _resident_peak(process.pid)
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
                    memory = f", {used / 1e9:.1f} GB" if used else ""
                    return {"failure": f"not done after {seconds:.0f} s{memory}", "limit": seconds}
        outcome: dict[str, Any] = {"wall": time.monotonic() - begin}
        if code < 0:
            outcome["failure"] = f"killed by signal {-code} (out of memory?)"
        elif code > 0:
            lines = errors.read_text().strip().splitlines()
            outcome["failure"] = lines[-1] if lines else f"ended with code {code}"
        return outcome

    def _hold_memory(self) -> None:
        resource.setrlimit(resource.RLIMIT_AS, (self.memory_limit, self.memory_limit))


def _resident_peak(pid: int) -> int:
    """Largest resident memory of a process that is still running, in bytes; 0 where the system does not say."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)
