"""One list of bad inputs for all verbs: each is an error of the same kind, whichever verb is asked."""

import inspect

import numpy as np
import pytest
import qutip
from scipy.sparse import csr_matrix, dia_matrix

import piqs
from piqs import Composite, Dicke, Mode, jspin

N = 2
H, LOWER, RHO = jspin(N, "x"), jspin(N, "-"), piqs.excited(N)
TIMES = [0.0, 0.5, 1.0]
STORAGES = ["dense", "csr", "dia"]


def nan(storage):
    # QuTiP's own conversions drop NaN
    values = np.diag([np.nan, 1, 0, 0])
    return qutip.Qobj({"dense": np.array, "csr": csr_matrix, "dia": dia_matrix}[storage](values))


H_CHANGE = [("rho0", 0 * RHO)]


def channels_of(model):
    """Names of the channels of a model, whose light smesolve detects."""
    return [channel.name for channel in model.equation().channels]


# Verbs as functions of H, state, times, c_ops, e_op and args; those without a state, times or an observable ignore them.
VERBS = {
    "mesolve": lambda H, s, t, c, e, args: piqs.mesolve(H, s, t, c, [e], args=args),
    "mcsolve": lambda H, s, t, c, e, args: piqs.mcsolve(H, s, t, c, [e], ntraj=2, args=args),
    "steadystate": lambda H, s, t, c, e, args: piqs.steadystate(H, c, s, args=args),
    "explain": lambda H, s, t, c, e, args: piqs.explain(H, s, c, [e], args=args),
    "correlation_2op_1t": lambda H, s, t, c, e, args: piqs.correlation_2op_1t(H, s, t, c, e, e, args=args),
    "correlation_2op_2t": lambda H, s, t, c, e, args: piqs.correlation_2op_2t(H, s, t, t, c, e, e, args=args),
    "correlation_3op_1t": lambda H, s, t, c, e, args: piqs.correlation_3op_1t(H, s, t, c, e, e, e, args=args),
    "correlation_3op_2t": lambda H, s, t, c, e, args: piqs.correlation_3op_2t(
        H, s, t, t, c, e, e, e, args=args
    ),
    "correlation_4op_1t": lambda H, s, t, c, e, args: piqs.correlation_4op_1t(
        H, s, t, c, e, e, e, e, args=args
    ),
    "correlation_4op_2t": lambda H, s, t, c, e, args: piqs.correlation_4op_2t(
        H, s, t, t, c, e, e, e, e, args=args
    ),
    "coherence_function_g1": lambda H, s, t, c, e, args: piqs.coherence_function_g1(H, s, t, c, e, args=args),
    "coherence_function_g2": lambda H, s, t, c, e, args: piqs.coherence_function_g2(H, s, t, c, e, args=args),
    "spectrum": lambda H, s, t, c, e, args: piqs.spectrum(H, t, c, e, e),
    "liouvillian_eigenvalues": lambda H, s, t, c, e, args: piqs.liouvillian_eigenvalues(H, c, args=args),
    "liouvillian_gap": lambda H, s, t, c, e, args: piqs.liouvillian_gap(H, c, args=args),
    "liouvillian_modes": lambda H, s, t, c, e, args: piqs.liouvillian_modes(H, c, args=args),
    "counting_statistics": lambda H, s, t, c, e, args: piqs.counting_statistics(H, c, args=args).cumulants,
    "sensitivity": lambda H, s, t, c, e, args: piqs.sensitivity(H, s, t, e + e.dag(), H_CHANGE, c, args),
    "gradient": lambda H, s, t, c, e, args: piqs.gradient(H, s, t, e + e.dag(), H_CHANGE, None, c, args),
    "steadystate_sensitivity": lambda H, s, t, c, e, args: piqs.steadystate_sensitivity(
        H, e + e.dag(), H_CHANGE, c, args
    ),
    "spectrum_sensitivity": lambda H, s, t, c, e, args: piqs.spectrum_sensitivity(
        H, t, jspin(N, "z"), c, e, e, args
    ),
    "record_fisher": lambda H, s, t, c, e, args: piqs.record_fisher(
        H, s, t, jspin(N, "z"), c_ops=c, args=args, ntraj=2
    ),
    "gap_sensitivity": lambda H, s, t, c, e, args: piqs.gap_sensitivity(H, H_CHANGE, c, args),
    "field_qfi_rate": lambda H, s, t, c, e, args: piqs.field_qfi_rate(H, jspin(N, "z"), c, args),
    "floquet_steadystate": lambda H, s, t, c, e, args: piqs.floquet_steadystate(H, c, 1.0, args),
    "dynamics_qfi": lambda H, s, t, c, e, args: piqs.dynamics_qfi(H, s, t, H_CHANGE, c, args),
    "optimize_pulse": lambda H, s, t, c, e, args: piqs.optimize_pulse(
        H, s, t, jspin(N, "z"), e + e.dag(), c_ops=c, args=args, maxiter=1
    ),
    "fit": lambda H, s, t, c, e, args: piqs.fit(
        H, s, t, e + e.dag(), [[0.0] * np.size(t)], jspin(N, "z"), c_ops=c, args=args
    ),
    "smesolve": lambda H, s, t, c, e, args: piqs.smesolve(
        H, s, t, c, [LOWER] if c else [channels_of(H)[0]], e_ops=[e], args=args, ntraj=2
    ),
    "correlation_mc": lambda H, s, t, c, e, args: piqs.correlation_mc(
        H, s, 0.1, t, c, e, e, ntraj=2, args=args
    ),
}
OF_THE_GENERATOR = {
    "liouvillian_eigenvalues",
    "liouvillian_gap",
    "liouvillian_modes",
    "counting_statistics",
    "gap_sensitivity",
    "field_qfi_rate",
    "floquet_steadystate",
}
NEEDS = {
    "state": set(VERBS) - {"spectrum", "spectrum_sensitivity", "steadystate_sensitivity", *OF_THE_GENERATOR},
    "times": set(VERBS) - {"steadystate", "explain", "steadystate_sensitivity", *OF_THE_GENERATOR},
    "observable": set(VERBS) - {"steadystate", "dynamics_qfi", "record_fisher", *OF_THE_GENERATOR},
    "args": set(VERBS) - {"spectrum"},
}
BAD = (TypeError, ValueError)


def call(verb, H=H, state=RHO, times=TIMES, c_ops=(LOWER,), e_op=LOWER, args=None):
    c_ops = list(c_ops) if isinstance(c_ops, tuple) else c_ops
    return VERBS[verb](H, state, times, c_ops, e_op, args)


def test_the_table_holds_every_verb():
    taking_problems = {
        name
        for name in piqs.__all__
        if inspect.isfunction(f := getattr(piqs, name))
        and {"H", "c_ops"} <= set(inspect.signature(f).parameters)
        and not name.startswith("jax_")  # functions that JAX, an extra, differentiates: tests/test_jax.py
    }
    assert taking_problems <= set(VERBS)


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("verb", VERBS)
def test_nan_in_operators(verb, storage):
    with pytest.raises(ValueError, match="H holds NaN"):
        call(verb, H=nan(storage))
    with pytest.raises(ValueError, match=r"c_ops\[0\] holds NaN"):
        call(verb, c_ops=(nan(storage),))


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("verb", sorted(NEEDS["state"]))
def test_nan_in_states(verb, storage):
    with pytest.raises(ValueError, match="holds NaN"):
        call(verb, state=nan(storage))


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("verb", sorted(NEEDS["observable"]))
def test_nan_in_observables(verb, storage):
    with pytest.raises(ValueError, match="holds NaN"):
        call(verb, e_op=nan(storage))


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("wrong", [[], [[]], 3.0, np.eye(4), "x", None])
def test_hamiltonians_that_are_none(verb, wrong):
    with pytest.raises(BAD, match="H"):
        call(verb, H=wrong)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("wrong", [[[]], 3.0, ["x"], [np.eye(4)], [jspin(3, "-")]])
def test_collapse_operators_that_are_none(verb, wrong):
    with pytest.raises(BAD, match="c_ops"):
        call(verb, c_ops=wrong)


@pytest.mark.parametrize("verb", VERBS)
def test_other_dims(verb):
    with pytest.raises(piqs.DimensionError, match=r"c_ops\[0\] has dims"):
        call(verb, c_ops=(jspin(3, "-"),))
    if verb in NEEDS["state"]:
        with pytest.raises(piqs.DimensionError, match=r"dims \[\[6\], \[6\]\]"):
            call(verb, state=piqs.excited(3))
    if verb in NEEDS["observable"]:
        with pytest.raises(piqs.DimensionError, match="has dims"):
            call(verb, e_op=jspin(3, "-"))


@pytest.mark.parametrize("verb", VERBS)
def test_hamiltonians_that_are_not_hermitian(verb):
    handed_over = verb == "mesolve" or (
        verb.startswith(("correlation_", "coherence_")) and verb != "correlation_mc"
    )
    refused = pytest.warns(piqs.UnphysicalWarning, match="must be Hermitian")
    with refused if handed_over else pytest.raises(ValueError, match="must be Hermitian"):
        call(verb, H=jspin(N, "+"))
    # Hermitian at the output times, and at equally spaced ones
    refused = pytest.warns(piqs.UnphysicalWarning, match="must be Hermitian")
    with refused if handed_over else pytest.raises(ValueError, match=r"must be Hermitian|constant in time"):
        call(verb, H=[H, [jspin(N, "+"), lambda t: np.sin(6 * np.pi * t)]])


@pytest.mark.parametrize("verb", sorted(NEEDS["times"]))
@pytest.mark.parametrize(
    "wrong", [[0, 2, 1], [0, np.nan], [0, np.inf], [], [[0, 1]], None, ["0", "1"], [0, 1j]]
)
def test_times(verb, wrong):
    if verb.endswith("_2t") and wrong is None:
        return  # its list of first times may be None
    with pytest.raises(BAD, match="list"):
        call(verb, times=wrong)


@pytest.mark.parametrize("verb", sorted(NEEDS["args"]))
@pytest.mark.parametrize("wrong", [3, [jspin(N, "z")], "w"])
def test_args_that_are_no_dict(verb, wrong):
    with pytest.raises(TypeError, match="args must be a dict"):
        call(verb, args=wrong)


@pytest.mark.parametrize("verb", sorted(NEEDS["state"]))
def test_coherence_between_different_j(verb):
    ket = (qutip.basis(4, 1) + qutip.basis(4, 3)).unit()  # |1,0> and |0,0>
    ensemble = Dicke(N, H, emission=1.0)
    for state in (ket, ket.proj()):
        with pytest.raises(ValueError, match="between two j"):
            call(verb, H=ensemble, c_ops=(), state=state)


# The parameters of those left out here are operators of one ensemble.
@pytest.mark.parametrize("verb", sorted(NEEDS["state"] - {"fit", "dynamics_qfi", "record_fisher"}))
def test_coherence_between_different_j_beside_a_cavity(verb):
    system = Composite(atoms=Dicke(N, H, emission=1.0), cavity=Mode(2, loss=1.0))
    ket = system.state((qutip.basis(4, 1) + qutip.basis(4, 3)).unit(), qutip.basis(2, 0))
    with pytest.raises(ValueError, match="between two j"):
        call(verb, H=system, c_ops=(), state=ket, e_op=system.embed("atoms", LOWER))


@pytest.mark.parametrize("verb", VERBS)
def test_negative_rates(verb):
    with pytest.raises(ValueError, match="negative rate"):
        call(verb, H=Dicke(N, H, emission=-1.0, allow_negative_rates=True), c_ops=())


@pytest.mark.parametrize("verb", VERBS)
def test_collapse_operators_beside_a_model(verb):
    with pytest.raises(ValueError, match="c_ops must stay empty"):
        call(verb, H=Dicke(N, H, emission=1.0))


def test_inhomogeneous_rates_and_too_many_emitters():
    with pytest.raises(TypeError, match="Composite"):
        Dicke(3, emission=[1.0, 2.0, 3.0])
    with pytest.raises(MemoryError, match="mcsolve"):
        Dicke(100_000, emission=1.0).steadystate()
    with pytest.raises(MemoryError, match="mcsolve"):
        piqs.excited(100_000)
