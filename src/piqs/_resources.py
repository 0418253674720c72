"""How much memory there is, and the error raised before it is exceeded."""

from __future__ import annotations

import os


def available_bytes() -> float:
    """Bytes a new allocation may take: four fifths of what the system says is available (infinite where unknown)."""
    try:
        with open("/proc/meminfo", encoding="ascii") as info:
            for line in info:
                if line.startswith("MemAvailable:"):
                    return 0.8 * 1024.0 * float(line.split()[1])
    except OSError:
        pass
    try:
        return 0.8 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return float("inf")


def too_large(unknowns: int, entries: int, n_kets: int) -> MemoryError:
    """The error for a reduced generator that does not fit, with what would make it smaller."""
    return MemoryError(
        f"the reduced generator has more than {unknowns:,} real unknowns and {entries:,} nonzeros "
        f"(of at most {n_kets**2:,} unknowns on {n_kets:,} kets), which exceeds the "
        f"{available_bytes() / 1e9:.1f} GB available. Ask for expectation values only (e_ops), start from a state with fewer "
        "coherences, lower the number of emitters or photons, or use trajectories (piqs.mcsolve)."
    )
