"""The generator of `Dicke` against brute force on 2^N, and its use by QuTiP's solvers."""

import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st

import brute_force as bf
from piqs import Dicke, dicke_ket, excited, jspin
from piqs.compat.superoperator import physical_pairs

LOCAL = {"emission": qutip.sigmam(), "dephasing": qutip.sigmaz() / 2, "pumping": qutip.sigmap()}
COLLECTIVE = {f"collective_{name}": op for name, op in LOCAL.items()}
RATES = [*LOCAL, *COLLECTIVE]


def brute_force_derivative(N, full, rates, H=None):
    result = 0 if H is None else -1j * (H @ full - full @ H)
    for name, gamma in rates.items():
        if name in LOCAL:
            result = result + gamma * sum(
                bf.dissipator(bf.on_site(N, n, LOCAL[name]), full) for n in range(N)
            )
        else:
            result = result + gamma * bf.dissipator(bf.collective(N, COLLECTIVE[name]), full)
    return result


def apply(superoperator, rho):
    """A superoperator on a matrix, columns stacked."""
    matrix = superoperator.data.as_scipy()
    return (matrix @ rho.ravel(order="F")).reshape(rho.shape, order="F")


@pytest.mark.parametrize("N", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("channels", [*([name] for name in RATES), RATES])
def test_generator_is_that_of_the_full_space(N, channels):
    rng = np.random.default_rng(N)
    rates = dict(zip(channels, rng.uniform(0.1, 2, len(channels)), strict=True))
    rho = bf.random_blocks(N, rng)
    H = 0.7 * jspin(N, "x") + 0.3 * jspin(N, "y") @ jspin(N, "y") + jspin(N, "z")
    s = [bf.collective(N, op / 2) for op in (qutip.sigmax(), qutip.sigmay(), qutip.sigmaz())]
    expected = brute_force_derivative(N, bf.to_full(N, rho), rates, 0.7 * s[0] + 0.3 * s[1] @ s[1] + s[2])
    system = Dicke(N, hamiltonian=H, **rates)
    ours = bf.to_full(N, apply(system.liouvillian(), rho))
    assert np.abs(ours - expected).max() <= 1e-12 * np.abs(expected).max()
    noise = brute_force_derivative(N, bf.to_full(N, rho), rates)
    assert (
        np.abs(bf.to_full(N, apply(system.lindbladian(), rho)) - noise).max() <= 1e-12 * np.abs(noise).max()
    )
    jumps = sum(bf.dissipator(K.full(), rho) for K in system.jump_operators())
    assert np.abs(bf.to_full(N, jumps) - noise).max() <= 1e-12 * np.abs(noise).max()


@given(st.lists(st.floats(0, 10), min_size=6, max_size=6), st.integers(1, 9))
@settings(max_examples=25, deadline=None)
def test_generator_keeps_trace_and_hermiticity(rates, N):
    matrix = Dicke(N, jspin(N, "x"), *rates).liouvillian().data.as_scipy()
    nds = Dicke(N).nds
    trace = np.eye(nds).ravel() @ matrix
    assert np.abs(trace).max() <= 1e-13 * max(1, np.abs(matrix).max()) * nds
    rho = bf.random_blocks(N, np.random.default_rng(N), state=True) if N < 5 else excited(N).full()
    derivative = (matrix @ rho.ravel(order="F")).reshape(nds, nds, order="F")
    assert np.abs(derivative - derivative.conj().T).max() <= 1e-12 * max(1, np.abs(derivative).max())


def test_trace_preservation_at_fifty_emitters():
    N = 50
    matrix = Dicke(N, jspin(N, "x"), 1.0, 0.5, 0.3, 0.2, 0.7, 0.1).liouvillian().data.as_scipy()
    nds = Dicke(N).nds
    on_diagonal = np.arange(nds) * (nds + 1)
    drift = np.asarray(matrix[on_diagonal].sum(axis=0)).ravel()
    assert np.abs(drift).max() <= 1e-13 * np.abs(matrix.data).max()


def test_no_stored_zeros_and_double_precision():
    matrix = Dicke(20, jspin(20, "z"), 1.0, 0.5, 0.3, 0.2, 0.7, 0.1).liouvillian().data.as_scipy()
    assert np.all(matrix.data != 0)
    assert matrix.dtype == np.complex128


def test_unphysical_elements_decay_faster_than_every_eigenmode():
    N = 3
    system = Dicke(N, jspin(N, "x") + 4 * jspin(N, "z"), 1.0, 0.5, 0.2, 0.3, 0.4, 0.1)
    pairs = physical_pairs(N)
    L = system.liouvillian().full()
    rest = np.setdiff1d(np.arange(L.shape[0]), pairs)
    physical = np.linalg.eigvals(L[np.ix_(pairs, pairs)])
    assert np.all(L[rest, rest].real < physical.real.min())
    assert np.count_nonzero(L[rest]) == rest.size
    assert np.count_nonzero(L[:, rest]) == rest.size
    plain = system.liouvillian(damping=False).full()
    assert not plain[rest].any()
    assert not system.lindbladian().full()[:, rest].any()
    assert np.array_equal(plain[np.ix_(pairs, pairs)], L[np.ix_(pairs, pairs)])


def test_qutip_finds_the_steady_state_of_independent_emitters():
    # each emitter is excited with probability pumping / (pumping + emission)
    N = 6
    rho = qutip.steadystate(Dicke(N, emission=1, pumping=2).liouvillian())
    assert qutip.expect(jspin(N, "z"), rho) == pytest.approx(N * (2 / 3 - 1 / 2), rel=1e-10)


def test_qutip_spectrum_and_correlation_work():
    # independent emitters: <J_+(t) J_-(0)> decays at half the sum of the rates, a Lorentzian of that width
    N, w0, width = 3, 2.0, 1.5
    L = Dicke(N, w0 * jspin(N, "z"), emission=1, pumping=2).liouvillian()
    jp, jm = jspin(N, "+"), jspin(N, "-")
    excited_fraction = N * 2 / 3
    w = np.array([1.0, 2.0, 3.5])
    expected = 2 * excited_fraction * width / ((w - w0) ** 2 + width**2)
    assert np.allclose(qutip.spectrum(L, w, [], jp, jm), expected, rtol=1e-8, atol=0)
    t = np.linspace(0, 1, 4)
    correlation = qutip.correlation_2op_1t(L, None, t, [], jp, jm)
    assert np.allclose(correlation, excited_fraction * np.exp((1j * w0 - width) * t), rtol=1e-4, atol=0)


def test_qutip_solvers_take_the_jump_operators():
    N, t = 4, np.linspace(0, 1, 5)
    system = Dicke(N, emission=1.0)
    result = qutip.mesolve(jspin(N, "z"), excited(N), t, system.jump_operators(), e_ops=[jspin(N, "z")])
    # QuTiP's default tolerances are 1e-6 relative, 1e-8 absolute
    assert np.allclose(result.expect[0], N * (np.exp(-t) - 0.5), rtol=0, atol=1e-5)
    options = {"progress_bar": ""}
    trajectories = qutip.mcsolve(
        jspin(N, "z"),
        dicke_ket(N, 2, 2),
        t,
        system.jump_operators(),
        e_ops=[jspin(N, "z")],
        ntraj=60,
        seeds=1,
        options=options,
    )
    # every emitter has decayed or not: a variance of p(1-p) each; four standard errors of 60 trajectories
    p = np.exp(-t)
    error = 4 * np.sqrt(N * p * (1 - p) / 60) + 1e-5
    assert np.all(np.abs(trajectories.expect[0] - N * (p - 0.5)) <= error)


@pytest.mark.parametrize("form", ["list", "QobjEvo", "function"])
def test_time_dependent_hamiltonian(form):
    N = 3
    H0, H1 = jspin(N, "z"), jspin(N, "x")

    def f(t):
        return np.cos(3 * t)

    H = {
        "list": [H0, [H1, f]],
        "QobjEvo": qutip.QobjEvo([H0, [H1, f]]),
        "function": qutip.QobjEvo(lambda t: H0 + f(t) * H1),
    }[form]
    system = Dicke(N, hamiltonian=H, emission=0.3, dephasing=0.2)
    L = system.liouvillian()
    assert isinstance(L, qutip.QobjEvo)
    static = Dicke(N, hamiltonian=H0 + f(0.4) * H1, emission=0.3, dephasing=0.2).liouvillian()
    assert np.abs((L(0.4) - static).full()).max() <= 1e-14 * np.abs(static.full()).max()


def test_arguments_of_time_dependent_hamiltonians():
    N = 3
    system = Dicke(N, [jspin(N, "z"), [jspin(N, "x"), lambda t, w: w * t]], emission=0.3)
    static = Dicke(N, jspin(N, "z") + 0.8 * jspin(N, "x"), emission=0.3).liouvillian()
    assert np.abs((system.liouvillian(args={"w": 2.0})(0.4) - static).full()).max() <= 1e-14
    result = system.mesolve(excited(N), [0, 1], [jspin(N, "z")], args={"w": 0.0})
    assert result.expect[0][1] == pytest.approx(N * (np.exp(-0.3) - 0.5), abs=1e-6)


def test_a_change_of_N_that_leaves_the_hamiltonian_behind_is_refused_at_once():
    system = Dicke(3, jspin(3, "x"))
    with pytest.raises(ValueError, match="N must stay 3"):
        system.N = 4
    system.hamiltonian = None
    system.N = 4
    assert system.liouvillian().shape == (81, 81)


def test_misspelt_attributes_are_refused():
    with pytest.raises(AttributeError, match="did you mean 'emission'"):
        Dicke(3).emision = 1.0


def test_attributes_can_be_set():
    system = Dicke(4)
    system.emission = 2
    system.hamiltonian = jspin(4, "z")
    assert system.liouvillian(damping=False) == Dicke(4, jspin(4, "z"), 2).liouvillian(damping=False)
    system.hamiltonian = None
    system.N = 2
    assert (system.nds, system.dshape) == (4, (4, 4))
    assert repr(system) == (
        "N = 2\nHilbert space dim = (4, 4)\nNumber of Dicke states = 4\n"
        "Liouvillian space dim = (16, 16)\nemission = 2"
    )


def test_negative_rates_only_on_request():
    with pytest.raises(ValueError, match="emission must be >= 0"):
        Dicke(2, emission=-0.1)
    system = Dicke(2)
    with pytest.raises(ValueError, match="pumping must be >= 0"):
        system.pumping = -1
    system = Dicke(2, emission=-0.1, dephasing=1.0, allow_negative_rates=True)
    rho = bf.random_blocks(2, np.random.default_rng(0))
    expected = brute_force_derivative(2, bf.to_full(2, rho), {"emission": -0.1, "dephasing": 1.0})
    assert np.abs(bf.to_full(2, apply(system.lindbladian(), rho)) - expected).max() <= 1e-12
    with pytest.raises(ValueError, match="negative rate has no jump operator"):
        system.jump_operators()


@pytest.mark.parametrize("name", RATES)
def test_bad_rates(name):
    with pytest.raises(ValueError, match=f"{name} must be finite"):
        Dicke(3, **{name: np.nan})
    with pytest.raises(ValueError, match=f"{name} must be finite"):
        Dicke(3, **{name: np.inf})
    with pytest.raises(TypeError, match=f"{name} must be a real number"):
        Dicke(3, **{name: 1j})


def _crossing():
    H = np.zeros((4, 4))
    H[0, 3] = H[3, 0] = 1
    return qutip.Qobj(H)


@pytest.mark.parametrize(
    ("H", "error", "message"),
    [
        (jspin(3, "x"), ValueError, "must have dims"),
        (jspin(2, "x", basis="uncoupled"), ValueError, "must have dims"),
        (qutip.basis(4, 0), ValueError, "must have dims"),
        (jspin(2, "+"), ValueError, "must be Hermitian"),
        (1j * jspin(2, "x"), ValueError, "must be Hermitian"),
        (_crossing(), ValueError, "block diagonal in j"),
        ([jspin(2, "z"), [_crossing(), lambda t: t]], ValueError, "block diagonal in j"),
        (np.nan * jspin(2, "z"), ValueError, "NaN or infinite"),
        (np.eye(4), TypeError, "must be a Qobj"),
        ([np.eye(4)], TypeError, "a Qobj in each element"),
        ([jspin(2, "z"), ["x", lambda t: t]], TypeError, "a Qobj in each element"),
    ],
)
def test_bad_hamiltonians(H, error, message):
    with pytest.raises(error, match=message):
        Dicke(2, hamiltonian=H)
    system = Dicke(2)
    with pytest.raises(error, match=message):
        system.hamiltonian = H


def test_superoperator_beyond_qutips_indices():
    with pytest.raises(MemoryError, match=r"GB.*Dicke.mesolve"):
        Dicke(500, emission=1.0).liouvillian()
    with pytest.raises(MemoryError, match=r"GB.*Dicke.mesolve"):
        Dicke(1000, emission=1.0).lindbladian()
