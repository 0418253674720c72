"""How large a problem is in each representation, before it is solved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from qutip import Qobj

from piqs._interrupts import bringing
from piqs.equations import read
from piqs.liouville import AssembledGenerator, reduce
from piqs.liouville.assembled import TooManyUnknowns
from piqs.liouville.basis import coordinates
from piqs.spaces import Space

__all__ = ["Explanation", "explain"]

# Kets that are read, and unknowns that are searched for, within seconds.
_MOST = 500_000


@dataclass(frozen=True)
class Explanation:
    """Sizes and structure of a problem; print it.

    Attributes
    ----------
    sizes : dict
        For each representation the number of real unknowns and the bytes of one state.
    nonzeros : int or None
        Nonzeros of the reduced generator; None where it is too large to search for at once.
    generator_bytes : int or None
        Memory of the reduced generator.
    findings : list of str
        What the search found.
    """

    sizes: dict[str, tuple[int, int]]
    nonzeros: int | None
    generator_bytes: int | None
    findings: list[str]

    def __str__(self) -> str:
        width = max(len(name) for name in self.sizes)
        lines = [f"{'representation':<{width}}  {'real unknowns':>16}  {'one state':>10}"]
        for name, (unknowns, size) in self.sizes.items():
            lines.append(f"{name:<{width}}  {_count(unknowns):>16}  {_bytes(size):>10}")
        if self.nonzeros is not None and self.generator_bytes is not None:
            lines.append(f"reduced generator: {self.nonzeros:,} nonzeros, {_bytes(self.generator_bytes)}")
        return "\n".join(lines + [f"found: {finding}" for finding in self.findings])

    def _repr_html_(self) -> str:
        return f"<pre>{self}</pre>"


@bringing()
def explain(
    H: Any,
    rho0: Qobj | None = None,
    c_ops: Any = None,
    e_ops: Any = None,
    args: dict[str, Any] | None = None,
) -> Explanation:
    """Size of a master equation in each representation, and the structure found in it.

    Parameters
    ----------
    H, c_ops, e_ops, args
        As in `piqs.mesolve`; without e_ops the whole state is wanted.
    rho0 : Qobj, optional
        Initial state; without it the steady-state problem is described.

    Returns
    -------
    Explanation

    Notes
    -----
    The answer comes within seconds for any number of emitters: beyond 500,000 kets, or where more than 500,000 unknowns are
    coupled, `findings` says so in place of the reduced problem.

    Examples
    --------
    >>> from piqs import Dicke, excited
    >>> print(Dicke(100, emission=1.0, collective_emission=1.0).explain(excited(100)))
    representation                      real unknowns   one state
    2^N x 2^N, complex                       3.21e+60  2.57e+52 GB
    Dicke kets squared, complex            13,530,402    108.2 MB
    blocks of equal j, complex                353,702      2.8 MB
    closed under the dynamics, real             2,601     20.8 kB
    reduced generator: 10,150 nonzeros, 132.2 kB
    found: populations only
    """
    space = getattr(H, "space", None)
    if isinstance(space, Space) and space.size > _MOST:
        return _too_large(space, f"more than {_MOST:,} kets, not searched")
    equation = read(H, c_ops, args)
    seeds = None if rho0 is None else coordinates(equation.density_matrix(rho0))[0]
    observables = None if e_ops is None else equation.observables(e_ops).keys()
    try:
        generator = reduce(equation.lindbladian, seeds, observables, _MOST)
    except TooManyUnknowns:
        return _too_large(equation.space, f"more than {_MOST:,} unknowns are coupled, the search ended there")
    sizes = _sizes(equation.space)
    sizes["closed under the dynamics, real"] = (generator.n, 8 * generator.n)
    findings = _findings(generator, equation.space.quantum_numbers)
    if not generator.constant:
        findings.append(
            "depends on time: explicit steps, and implicit ones (radau) from where the problem turns out to be stiff"
        )
    return Explanation(sizes, generator.nnz, 12 * generator.nnz + 4 * generator.n, findings)


def _sizes(space: Space) -> dict[str, tuple[int, int]]:
    return {name: (count, 8 * count) for name, count in space.representations.items()}


def _too_large(space: Space, why: str) -> Explanation:
    remedy = "expectation values of fewer emitters, or trajectories (mcsolve), take less"
    return Explanation(_sizes(space), None, None, [why, remedy])


def _findings(generator: AssembledGenerator, labels: Mapping[str, np.ndarray]) -> list[str]:
    """Structure of the kept elements, in words."""
    n = generator.n_kets
    pair = generator.keys >> 1
    a, b = pair // n, pair % n
    if np.all(a == b):
        return ["populations only"]
    found = []
    coherences = int(np.sum(np.unique(pair[a != b]) >= 0))
    parts = int(np.sum(a != b))
    found.append(f"{generator.populations.size:,} populations and {coherences:,} coherences")
    if parts == coherences:
        found.append("each coherence with its real or its imaginary part only")
    for name, values in labels.items():
        orders = np.unique(np.round(np.abs(values[a] - values[b]), 9))
        listed = ", ".join(f"{order:g}" for order in orders[:6]) + (", ..." if orders.size > 6 else "")
        parity = " (even only: parity is conserved)" if orders.size > 1 and not np.any(orders % 2) else ""
        found.append(f"coherence orders in {name}: {listed}{parity}")
    return found


def table_of_sizes(representations: Mapping[str, int]) -> str:
    """Numbers of real unknowns of a state in some representations, as an HTML table."""
    rows = "".join(
        f"<tr><td>{name}</td><td style='text-align:right'>{_count(unknowns)}</td></tr>"
        for name, unknowns in representations.items()
    )
    return f"<table><tr><th>representation</th><th>real unknowns of a state</th></tr>{rows}</table>"


def _count(unknowns: int) -> str:
    """A whole number, to three digits where it is beyond all counting."""
    return f"{unknowns:,}" if unknowns < 10**15 else _rounded(unknowns)


def _bytes(size: int) -> str:
    """A number of bytes in the largest unit that keeps it above one."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}" if size < 10**15 else f"{_rounded(size // scale)} {unit}"
    return f"{size} B"


def _rounded(count: int) -> str:
    """Three digits of a number that may have a million of them."""
    dropped = max(0, count.bit_length() - 100)
    return f"{Decimal(count >> dropped) * Decimal(2) ** dropped:.3g}"
