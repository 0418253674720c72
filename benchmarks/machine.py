"""The machine and the versions a table was made with."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import piqs
from benchmarks.runner import ROOT, Runner, available_memory

PACKAGES = ("piqs", "qutip", "pibs", "numpy", "scipy", "numba")


def processor() -> str:
    """Name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def version(package: str) -> str:
    """Installed version of a package."""
    if package == "piqs":
        return piqs.__version__  # of this checkout
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def commit() -> str:
    """Commit of this checkout."""
    call = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return call.stdout.strip() or "unknown"


def load() -> str:
    """How many processes want a core."""
    return f"{os.getloadavg()[0]:.2f} processes waiting for or using a core (1-minute average)"


def describe(runner: Runner) -> dict[str, str]:
    """Everything that a time depends on besides the code."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit(),
        "processor": f"{processor()}, {os.cpu_count()} cores",
        "memory": f"{available_memory() / 1e9:.1f} GB free, {runner.memory_limit / 1e9:.1f} GB allowed for a process",
        "load at the start": load(),
        "threads": f"{runner.threads} for BLAS, OpenMP and Numba (pibs: 1 in each of its processes)",
        "Python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
    }
