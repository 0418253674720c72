"""Construction of the whole Liouvillian with all six rates."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Answer, Case, Tool
from benchmarks.cases import brute_force
from benchmarks.cases.emission import RATES


def scale(N: int) -> np.ndarray:
    """Largest values of <J_x>, <J_y>, <J_z>, <J_+J_->."""
    return np.array([N / 2, N / 2, N / 2, N / 2 * (N / 2 + 1)])


def liouvillian(N: int) -> Any:
    """`piqs.Dicke.liouvillian`."""
    import piqs

    return piqs.Dicke(N, piqs.jspin(N, "z"), **RATES).liouvillian()


def qutip_liouvillian(N: int) -> Any:
    """`qutip.piqs.Dicke.liouvillian`."""
    from qutip import piqs

    return piqs.Dicke(N, piqs.jspin(N, "z"), **RATES).liouvillian()


def read(N: int, superoperator: Any) -> Answer:
    """Rates of change of <J_x>, <J_y>, <J_z> and <J_+J_-> in the coherent state along x."""
    from qutip import operator_to_vector, piqs, vector_to_operator

    flow = vector_to_operator(superoperator @ operator_to_vector(piqs.css(N)))
    jp, jm = piqs.jspin(N, "+"), piqs.jspin(N, "-")
    values = [(op @ flow).tr() for op in (*piqs.jspin(N), jp @ jm)]
    nonzeros = superoperator.to("CSR").data_as("csr_matrix").nnz
    return Answer(np.real(values) / scale(N), {"nonzeros": int(nonzeros)})


def all_states(N: int) -> np.ndarray:
    """Brute force."""
    from qutip import basis, tensor

    site = brute_force.spins(N)
    jp, jm, jz = (sum(site[q]) for q in "+-z")
    rho = tensor([(basis(2, 0) + basis(2, 1)).unit()] * N).proj()
    flow = -1j * (jz @ rho - rho @ jz)
    for c in brute_force.noise(N, **RATES):
        flow += c @ rho @ c.dag() - 0.5 * (c.dag() @ c @ rho + rho @ c.dag() @ c)
    values = [(op @ flow).tr() for op in ((jp + jm) / 2, (jp - jm) / 2j, jz, jp @ jm)]
    return np.real(values) / scale(N)


def exact(N: int) -> np.ndarray:
    """The same at any N: in a product state these rates are polynomials in N of degree 3, known from N = 1 to 4."""
    nodes = np.arange(1, 5)
    values = np.array([all_states(n) * scale(n) for n in nodes])
    weights = [np.prod([(N - m) / (n - m) for m in nodes if m != n]) for n in nodes]
    return weights @ values / scale(N)


CASES = (
    Case(
        "liouvillian",
        "Construction of the Liouvillian",
        "H = J_z and the six rates of Fig. 6, as a superoperator on all n_DS^2 elements",
        "rates of change of <J_x>, <J_y>, <J_z>, <J_+J_-> in the coherent state along x, over their largest values",
        Tool("piqs", "piqs", liouvillian, read, (10, 50, 100), (10, 30)),
        (Tool("qutip.piqs", "qutip.piqs", qutip_liouvillian, read, (10, 30, 50, 100), (10,), 20.0),),
        exact,
        all_states,
        3,
    ),
)
