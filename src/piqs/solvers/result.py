"""The result of an evolution, as QuTiP's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from qutip import Qobj, ket2dm, qzero, settings
from qutip.core.data import CSR
from qutip.solver.result import Result as QutipResult

from piqs.liouville import Generator
from piqs.solvers.base_result import BaseResult
from piqs.spaces import Space

# States of which this part of the elements may be occupied are dense, as QuTiP's are; others sparse.
_FULL = 0.25


class Result(BaseResult, QutipResult):
    """Times, expectation values and states of an evolution, with the attributes of ``qutip.solver.Result``.

    States are held as reduced vectors and become Qobj when they are asked for.

    Attributes
    ----------
    times : list of float
        Output times.
    expect : list of arrays
        Expectation values, in the order of e_ops.
    e_data : dict
        The same, by the keys of e_ops.
    states : list of Qobj
        Density matrices (kets, where a ket evolves without noise), where stored.
    final_state : Qobj or None
        The last of them, where stored.
    stats : dict
        Solver, method, number of real unknowns, applications of the generator, seconds.
    space : Space or None
        The space of the states, where it is known.
    """

    def __init__(
        self,
        e_ops: Mapping[Any, Any],
        options: dict[str, Any],
        stats: dict[str, Any],
        expand: Callable[[np.ndarray], Qobj],
        space: Space | None = None,
    ) -> None:
        self.space = space
        self._vectors: list[np.ndarray] = []
        self._expanded: list[Qobj] | None = None
        self._final_vector: np.ndarray | None = None
        self._final: Qobj | None = None
        self.expand = expand
        super().__init__(dict(e_ops), options, solver="mesolve", stats=stats)

    def fill(
        self,
        times: np.ndarray,
        values: Mapping[Any, np.ndarray],
        vectors: Sequence[np.ndarray],
        final: np.ndarray | None,
    ) -> None:
        """Enter the outputs of an evolution."""
        self.times = times.tolist()
        for key, series in values.items():
            self.e_data[key][:] = series.tolist()
        self._vectors = list(vectors)
        self._final_vector = final

    def _held(self) -> dict[str, bool]:
        states = bool(self._vectors or self._expanded)
        return {"states": states, "final_state": states or not (self._final is self._final_vector is None)}

    @property
    def states(self) -> list[Qobj]:
        """States at all times, expanded on first use."""
        if self._expanded is None:
            self._expanded = [self.expand(x) for x in self._vectors]
        return self._expanded

    @states.setter
    def states(self, value: list[Qobj]) -> None:
        self._expanded = value or None

    def density_matrices(self) -> Iterator[Qobj]:
        """Density matrices at all times, one at a time: only one of them is held in memory."""
        if not self._vectors and self._expanded is None:
            raise ValueError("the result holds no states; ask for them with options={'store_states': True}")
        for state in self._expanded or map(self.expand, self._vectors):
            yield ket2dm(state) if state.isket else state

    @property
    def final_state(self) -> Qobj | None:
        """The last state, where stored."""
        if self._final is None and self._final_vector is not None:
            self._final = self.expand(self._final_vector)
        if self._final is None and (self._vectors or self._expanded):
            return self.states[-1]
        return self._final

    @final_state.setter
    def final_state(self, value: Qobj | None) -> None:
        self._final = value


def qobj(generator: Generator, x: np.ndarray, dims: list[Any]) -> Qobj:
    """The Hermitian operator of a reduced vector."""
    matrix = generator.unpack(x)
    if matrix.nnz == 0:
        state = qzero(dims[0], dtype="csr")
    else:
        state = Qobj(CSR(matrix_to_spmatrix(matrix)), dims=dims, isherm=True, copy=False)
    dtype = settings.core["default_dtype"]
    if dtype in (None, "core"):
        dtype = "dense" if generator.n >= _FULL * matrix.shape[0] ** 2 else "csr"
    return state.to(dtype)


def matrix_to_spmatrix(matrix: Any) -> Any:
    """SciPy's older matrix class, which QuTiP's CSR takes."""
    from scipy.sparse import csr_matrix

    return csr_matrix(matrix, dtype=complex)
