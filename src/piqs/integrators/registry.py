"""The methods of time evolution, in the order in which "auto" asks them for their cost."""

from __future__ import annotations

from piqs.integrators.base import Integrator
from piqs.integrators.exponential import Exponential
from piqs.integrators.faber import Faber
from piqs.integrators.implicit import BackwardDifferences, Implicit
from piqs.integrators.piecewise import Piecewise
from piqs.integrators.rational import Rational
from piqs.integrators.runge_kutta import Explicit
from piqs.integrators.series import Series
from piqs.integrators.still import Still
from piqs.integrators.support import Support
from piqs.integrators.uniformization import Uniformization

METHODS: dict[str, type[Integrator]] = {
    method.name: method
    for method in (
        Still,
        Exponential,
        Uniformization,
        Faber,
        Support,
        Rational,
        Piecewise,
        Series,
        Explicit,
        Implicit,
        BackwardDifferences,
    )
}

# QuTiP's names for explicit and for implicit integrators lead to the ones of the same kind here.
QUTIP_METHODS = {
    "krylov": "faber",
    "adams": "auto",
    "lsoda": "auto",
    "vern7": "dop853",
    "vern9": "dop853",
    "tsit5": "dop853",
    "diag": "exponential",
}
