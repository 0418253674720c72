"""Bad input to the solvers is an error that names the argument, the rule and the value; it never gives a number."""

from contextlib import nullcontext

import numpy as np
import pytest
import qutip

import piqs
from piqs import Dicke, excited, jspin, mesolve, steadystate

N = 2
H, RHO = jspin(N, "x"), excited(N)
NAN = qutip.Qobj(np.diag([np.nan, 0, 0, 0]))
SINK = qutip.Qobj(np.diag([0.5, 0.5, 0.5, -0.5]))
# a 2 x 2 block with a coherence larger than its populations allow
TOO_COHERENT = qutip.Qobj(np.array([[0.5, 0.6, 0, 0], [0.6, 0.5, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]))
LEAKY = qutip.to_super(0.9 * qutip.qeye(4)) - qutip.to_super(qutip.qeye(4))
# trace preserving, but turns Hermitian matrices into others
SKEW = 1j * qutip.liouvillian(None, [jspin(N, "-")])

STATES = [
    (np.eye(4) / 4, TypeError, "rho0 must be a Qobj"),
    (None, TypeError, "rho0 must be a Qobj"),
    (excited(3), TypeError, "rho0 has dims"),
    (qutip.tensor(qutip.basis(2, 0), qutip.basis(2, 0)), TypeError, "rho0 has dims"),
    (qutip.basis(4, 0).dag(), TypeError, "rho0 must be a ket or a density matrix"),
    (NAN, ValueError, "rho0 holds NaN"),
    (np.nan * qutip.basis(4, 0), ValueError, "rho0 (holds NaN|must hold no)"),
]  # fmt: skip
# Operators that evolve like any other, but are no states; where a state seems to be meant, with a warning.
NO_STATES = [
    (2 * RHO, "rho0 must have trace 1, got 2", False),
    (0 * RHO, "rho0 must have trace 1, got 0", False),
    (1j * RHO, "rho0 must have trace 1", False),
    (1.1 * qutip.basis(4, 0), "rho0 must have trace 1, got 1.21", True),
    (1.001 * RHO, "rho0 must have trace 1, got 1.001", True),
    (RHO + 0.1 * jspin(N, "+"), "rho0 must be Hermitian", True),
    (SINK, "rho0 must be positive", True),
    (TOO_COHERENT, "rho0 must be positive", True),
]


@pytest.mark.parametrize(("rho0", "error", "message"), STATES)
def test_states(rho0, error, message):
    with pytest.raises(error, match=message):
        mesolve(H, rho0, [0, 1])
    with pytest.raises(error, match=message):
        Dicke(N, H, emission=1.0).mesolve(rho0, [0, 1])
    if rho0 is not None:
        with pytest.raises(error, match=message):
            steadystate(H, [jspin(N, "-")], rho0)


@pytest.mark.parametrize(("rho0", "message", "nearly"), NO_STATES)
def test_operators_that_are_no_states(rho0, message, nearly):
    L = qutip.liouvillian(H, [jspin(N, "-")])
    expected = (L.expm() @ qutip.operator_to_vector(rho0.proj() if rho0.isket else rho0)).full().ravel()
    warns = pytest.warns(piqs.UnphysicalWarning, match=message) if nearly else nullcontext()
    with warns:
        final = mesolve(H, rho0, [0, 1], [jspin(N, "-")], options={"rtol": 1e-10}).states[-1]
    assert np.abs(final.full().ravel("F") - expected).max() < 1e-9
    with pytest.raises(ValueError, match=message):
        steadystate(H, [jspin(N, "-")], rho0)


def test_coherence_between_different_j():
    ket = (qutip.basis(4, 1) + qutip.basis(4, 3)).unit()  # |1,0> and |0,0>
    for rho0 in (ket, ket.proj()):
        with pytest.raises(ValueError, match="rho0"):
            Dicke(N, emission=1.0).mesolve(rho0, [0, 1])
        with pytest.raises(ValueError, match="rho0"):
            Dicke(N, emission=1.0).steadystate(rho0)
        with pytest.raises(ValueError, match="rho0"):
            Dicke(N, emission=1.0).explain(rho0)


@pytest.mark.parametrize(
    ("times", "error", "message"),
    [
        ([], ValueError, "tlist must be a list of at least one"),
        ([[0, 1]], ValueError, "tlist must be a list"),
        (1.0, ValueError, "tlist must be a list"),
        (None, TypeError, "tlist must hold real numbers"),
        ([0, 1j], TypeError, "tlist must hold real numbers"),
        (["0", "1"], TypeError, "tlist must hold real numbers"),
        ([0, np.nan, 1], ValueError, "tlist must be finite, got .*nan"),
        ([0, np.inf], ValueError, "tlist must be finite, got .*inf"),
        ([0, 2, 1], ValueError, "tlist must not decrease, got .*2.* before .*1"),
        ([1, 0], ValueError, "tlist must not decrease"),
    ],
)
def test_times(times, error, message):
    with pytest.raises(error, match=message):
        mesolve(H, RHO, times)
    with pytest.raises(error, match=message):
        Dicke(N).mesolve(RHO, times)


HAMILTONIANS = [
    (np.eye(4), TypeError, "H must be a Qobj"),
    (None, TypeError, "H must be a Qobj"),
    (3.0, TypeError, "H must be a Qobj"),
    (qutip.basis(4, 0), TypeError, "H must be an operator"),
    (NAN, ValueError, "H holds NaN"),
    (np.inf * H, ValueError, "H holds NaN or infinite"),
    (qutip.Qobj(np.ones((2, 3))), TypeError, "H"),
    ([H, [jspin(3, "x"), lambda t: t]], TypeError, "H"),
]  # fmt: skip
# Generators of which QuTiP's solvers take care, with a warning; what needs an equation refuses them.
NO_LIOUVILLIANS = [
    (jspin(N, "+"), "H must be Hermitian"),
    (H - 0.1j * jspin(N, "z"), "H must be Hermitian"),
    ([H, [jspin(N, "+"), lambda t: t]], r"H\(t = .*\) must be Hermitian"),
    ([H, [H, lambda t: 1j * t]], r"H\(t = .*\) must be Hermitian"),
    (LEAKY, "does not preserve the trace"),
    (SKEW, "does not keep states Hermitian"),
    ([qutip.liouvillian(H), [qutip.liouvillian(H), lambda t: 1j * t]], "does not keep states Hermitian"),
    ([qutip.liouvillian(H), [LEAKY, lambda t: t]], "does not preserve the trace"),
    ([qutip.liouvillian(H), [SKEW, lambda t: t]], "does not keep states Hermitian"),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:invalid value encountered")
@pytest.mark.parametrize(("hamiltonian", "error", "message"), HAMILTONIANS)
def test_hamiltonians(hamiltonian, error, message):
    with pytest.raises(error, match=message):
        mesolve(hamiltonian, RHO, [0, 1])
    with pytest.raises(error, match=message):
        piqs.explain(hamiltonian, RHO)


@pytest.mark.parametrize(("hamiltonian", "message"), NO_LIOUVILLIANS)
def test_generators_that_are_no_liouvillians(hamiltonian, message):
    options = {"rtol": 1e-10, "atol": 1e-12}
    for normalized in ({"normalize_output": False}, {"normalize_output": True}):
        # Linear unless asked for (QuTiP divides by the trace unless asked not to).
        asked = options if not normalized["normalize_output"] else options | normalized
        with pytest.warns(piqs.UnphysicalWarning, match=message):
            ours = mesolve(hamiltonian, RHO, [0, 1], options=asked)
        assert ours.stats["solver"].startswith("QuTiP")
        theirs = qutip.mesolve(hamiltonian, RHO, [0, 1], options=options | normalized).final_state
        assert np.abs((ours.states[-1] - theirs).full()).max() < 1e-6
    for refuses in (piqs.explain, lambda H, rho: steadystate(H, [], rho)):
        with pytest.raises(piqs.NotLindbladError, match=message):
            refuses(hamiltonian, RHO)


@pytest.mark.parametrize(
    ("c_ops", "error", "message"),
    [
        (3.0, TypeError, "c_ops must be a Qobj or a list"),
        (np.eye(4), TypeError, "c_ops"),
        ([1.0], TypeError, r"c_ops\[0\]"),
        ([jspin(N, "-"), jspin(3, "-")], TypeError, r"c_ops\[1\] has dims"),
        ([qutip.basis(4, 0)], TypeError, r"c_ops\[0\] must be an operator"),
        ([NAN], ValueError, r"c_ops\[0\] holds NaN"),
    ],
)
def test_collapse_operators(c_ops, error, message):
    with pytest.raises(error, match=message):
        mesolve(H, RHO, [0, 1], c_ops)
    if not (isinstance(c_ops, list) and isinstance(c_ops[0], list)):
        with pytest.raises(error, match=message):
            steadystate(H, c_ops)


@pytest.mark.parametrize("c_ops", [[LEAKY], [SKEW], [[LEAKY, lambda t: t]]])
def test_collapse_superoperators_that_are_no_dissipators(c_ops):
    with pytest.warns(piqs.UnphysicalWarning, match=r"c_ops\[0\] .*does not"):
        mesolve(H, RHO, [0, 1], c_ops)
    with pytest.raises(piqs.NotLindbladError, match=r"c_ops\[0\] .*does not"):
        steadystate(H, c_ops)


@pytest.mark.parametrize(
    ("e_ops", "error", "message"),
    [
        (3.0, TypeError, r"e_ops\[0\] must be a Qobj"),
        ([jspin(N, "z"), np.eye(4)], TypeError, r"e_ops\[1\] must be a Qobj"),
        ([jspin(3, "z")], TypeError, r"e_ops\[0\] has dims"),
        ({"light": jspin(3, "z")}, TypeError, r"e_ops\['light'\] has dims"),
        ([qutip.basis(4, 0)], TypeError, r"e_ops\[0\]"),
        ([qutip.to_super(H)], TypeError, r"e_ops\[0\]"),
        ([NAN], ValueError, r"e_ops\[0\] holds NaN"),
        (["jz"], TypeError, r"e_ops\[0\] must be a Qobj"),
    ],
)
def test_observables(e_ops, error, message):
    with pytest.raises(error, match=message):
        mesolve(H, RHO, [0, 1], e_ops=e_ops)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"rtoll": 1e-6}, KeyError, "rtoll"),
        ({"rtol": 0}, ValueError, r"options\['rtol'\] must be a positive number, got 0"),
        ({"rtol": -1e-6}, ValueError, "rtol"),
        ({"rtol": np.nan}, ValueError, "rtol"),
        ({"atol": np.inf}, ValueError, "atol"),
        ({"atol": "small"}, (TypeError, ValueError), "atol"),
        ({"max_step": -1}, ValueError, "max_step"),
        ({"max_step": None}, (TypeError, ValueError), "max_step"),
        ({"method": "euler"}, ValueError, r"options\['method'\] must be one of"),
        ({"progress_bar": "none of these"}, (KeyError, ValueError), "progress_bar"),
    ],
)
def test_options(options, error, message):
    with pytest.raises(error, match=message):
        mesolve(H, RHO, [0, 1], options=options)


@pytest.mark.parametrize("method", ["faber", "rational", "uniformization", "exponential"])
def test_methods_for_constant_generators_only(method):
    with pytest.raises(ValueError, match="constant in time; use 'auto'"):
        mesolve([H, [H, lambda t: t]], RHO, [0, 1], options={"method": method})


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_coefficients_that_are_not_finite(value):
    with pytest.raises((ValueError, RuntimeError)):
        mesolve([H, [H, lambda t: value if t > 0.5 else 1.0]], RHO, [0, 1])


def test_coefficients_that_are_no_numbers():
    with pytest.raises((TypeError, ValueError)):
        mesolve([H, [H, lambda t: "a"]], RHO, [0, 1])


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"method": "euler"}, ValueError, "method must be one of"),
        ({"tol": 0}, ValueError, "tol must be a positive number"),
        ({"tol": np.nan}, ValueError, "tol must be a positive number"),
        ({"method": "iterative", "rho0": RHO}, ValueError, "not the limit of rho0"),
    ],
)
def test_steady_state_arguments(keywords, error, message):
    with pytest.raises(error, match=message):
        steadystate(H, [jspin(N, "-")], **keywords)


def test_steady_state_needs_a_constant_generator():
    with pytest.raises(ValueError, match="constant in time"):
        steadystate([H, [H, lambda t: t]], [jspin(N, "-")])
    with pytest.raises(ValueError, match="constant in time"):
        steadystate(H, [[jspin(N, "-"), lambda t: t]])


def test_a_problem_beyond_memory_is_refused_before_it_is_built(monkeypatch):
    # as if 100 kB were left: the time crystal of 40 emitters takes more
    monkeypatch.setattr("piqs._resources.available_bytes", lambda: 1e5)
    M = 40
    system = Dicke(M, jspin(M, "x"), collective_emission=1 / M, dephasing=0.01)
    for call in (
        lambda: system.mesolve(excited(M), [0, 1], [jspin(M, "z")]),
        lambda: system.mesolve(excited(M), [0, 1]),
        lambda: system.steadystate(),
        lambda: system.explain(excited(M)),
    ):
        with pytest.raises(MemoryError, match="real unknowns") as caught:
            call()
        assert "e_ops" in str(caught.value)
        assert "mcsolve" in str(caught.value)


@pytest.mark.parametrize("name", ["jump chain", "triangle", "windows", "smesolve"])
def test_kept_trajectories_that_do_not_fit(name):
    """Refused before the first one, whatever they are computed by."""
    atoms, times = piqs.Dicke(2, emission=0.1), np.linspace(0, 1, 101)
    keep = {"ntraj": 10**9, "options": {"keep_runs_results": True}}
    cavity = piqs.Composite(atoms=atoms, cavity=piqs.Mode(3, loss=1.0))
    calls = {
        "jump chain": lambda: piqs.mcsolve(atoms, piqs.excited(2), times, e_ops=[piqs.jspin(2, "z")], **keep),
        "triangle": lambda: atoms.mcsolve((1, 1), times, e_ops=["jz"], **keep),
        "windows": lambda: piqs.mcsolve(
            cavity,
            {"atoms": ("dicke", 1, 1), "cavity": ("fock", 0)},
            times,
            e_ops=[piqs.ModeFactors("cavity").n],
            **keep,
        ),
        "smesolve": lambda: piqs.smesolve(
            piqs.jspin(2, "z"),
            piqs.excited(2),
            times,
            sc_ops=[piqs.jspin(2, "-")],
            e_ops=[piqs.jspin(2, "z")],
            **keep,
        ),
    }
    with pytest.raises(MemoryError, match=r"GB available.*keep_runs_results"):
        calls[name]()


@pytest.mark.parametrize(
    "argument",
    [{"bounds": (1.0, 0.0)}, {"bounds": 2.0}, {"bounds": (np.nan, 1.0)}, {"maxiter": 0}, {"maxiter": None},
     {"objective": piqs.jspin(2, "x")}, {"callback": piqs.jspin(2, "x")}, {"controls": [None]}, {"controls": []},
     {"e_ops": abs}],
)  # fmt: skip
def test_optimize_pulse(argument):
    good = {"controls": piqs.jspin(2, "x"), "e_ops": piqs.excited(2)}
    with pytest.raises((TypeError, ValueError), match=next(iter(argument))):
        piqs.optimize_pulse(piqs.Dicke(2), piqs.ground(2), [0, 1, 2], **{**good, **argument})


def test_what_is_no_result_and_no_folder():
    with pytest.raises(TypeError, match="result must be a result of mcsolve"):
        piqs.time_averages(None)
    with pytest.raises(FileNotFoundError, match="path must be a folder that exists"):
        piqs.cite("no/such/folder", verbose=False)
    with pytest.raises(MemoryError, match="values of j"):
        piqs.j_vals(10**12)
    with pytest.raises(TypeError, match="rho must be a Qobj or an array of numbers"):
        piqs.plot_dicke_triangle(np.array(["a"]))


@pytest.mark.parametrize("seed", [None, -1, 1.5, piqs.jspin(1, "z")])
def test_seed_of_records(seed):
    with pytest.raises(ValueError, match="seed must be a whole number"):
        piqs.record_fisher(piqs.Dicke(1, emission=1.0), piqs.excited(1), [0, 1], "emission", seed=seed)
