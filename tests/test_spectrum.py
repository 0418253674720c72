"""Emission spectra against closed forms, 2^N brute force, and sum rules."""

import numpy as np
import pytest
import qutip
import scipy.sparse as sp

import brute_force
from piqs import Dicke, correlation_2op_1t, jspin, spectrum, spectrum_correlation_fft, steadystate
from piqs.errors import SteadyStateError
from piqs.linear import resolvent
from piqs.linear.resolvent import Resolvent, ResolventError
from piqs.linear.shifted_blocks import sweeps_pay
from piqs.linear.two_level import blocks_of_kets
from piqs.liouville import reduce
from piqs.solvers import spectra


def mollow(w, rabi, gamma):
    """Incoherent spectrum and elastic weight of an atom driven on resonance, from its Bloch equations.

    sigma_x decays by itself; (sigma_y, sigma_z) turn into each other at the Rabi frequency: a 2 x 2 inverse by hand.
    """
    y = 2 * rabi * gamma / (gamma**2 + 2 * rabi**2)
    z = -(gamma**2) / (gamma**2 + 2 * rabi**2)
    mean = -0.5j * y  # <sigma_->
    # <sigma_i sigma_-> - <sigma_i><sigma_->
    from_x = 0.5 * (1 + z)
    from_y = -0.5j * (1 + z) - y * mean
    from_z = 0.5j * y - z * mean
    s = 1j * w
    determinant = (s + gamma / 2) * (s + gamma) + rabi**2
    x = from_x / (s + gamma / 2)
    y_of_s = ((s + gamma) * from_y - rabi * from_z) / determinant
    # sigma_+ = (sigma_x + i sigma_y) / 2
    return 2 * (0.5 * (x + 1j * y_of_s)).real, 2 * np.pi * abs(mean) ** 2


@pytest.mark.parametrize("rabi", [0.1, 1.0, 8.0])
def test_mollow_triplet(rabi):
    gamma, sm = 0.7, qutip.sigmam()
    w = np.linspace(-12, 12, 201)
    expected, elastic = mollow(w, rabi, gamma)
    S, weight = spectrum(0.5 * rabi * qutip.sigmax(), w, [np.sqrt(gamma) * sm], sm.dag(), sm, coherent=True)
    np.testing.assert_allclose(S, expected, atol=1e-10 * expected.max())
    assert weight == pytest.approx(elastic, rel=1e-10)
    L = qutip.liouvillian(0.5 * rabi * qutip.sigmax(), [np.sqrt(gamma) * sm])
    np.testing.assert_allclose(spectrum(L, w, [], sm.dag(), sm), S, atol=1e-10 * expected.max())


def test_thermal_cavity():
    """A Lorentzian at +omega whose width is the loss."""
    kappa, n, omega, levels = 0.6, 0.1, 3.0, 16  # the levels left out hold 2e-17
    a = qutip.destroy(levels)
    c_ops = [np.sqrt(kappa * (1 + n)) * a, np.sqrt(kappa * n) * a.dag()]
    w = np.linspace(-1, 7, 101)
    S = spectrum(omega * a.dag() * a, w, c_ops, a.dag(), a)
    np.testing.assert_allclose(S, kappa * n / ((kappa / 2) ** 2 + (w - omega) ** 2), atol=1e-9)


def full_spectrum(N, H, jumps, A, B, w):
    """By dense resolvents on 2^N, the steady state taken out of the source."""
    one = np.eye(2**N)
    L = -1j * (np.kron(H, one) - np.kron(one, H.T))
    for c in jumps:
        gram = c.conj().T @ c
        L += np.kron(c, c.conj()) - 0.5 * (np.kron(gram, one) + np.kron(one, gram.T))
    values, vectors = np.linalg.eig(L)
    rho = vectors[:, np.argmin(np.abs(values))].reshape(2**N, 2**N)
    rho = rho / np.trace(rho)
    source = B @ rho - np.trace(B @ rho) * rho
    out = []
    for frequency in w:
        # least squares, for at frequency zero the matrix is singular and the source in its range
        x = np.linalg.lstsq(1j * frequency * np.eye(4**N) - L, source.ravel(), rcond=1e-13)[0].reshape(
            2**N, 2**N
        )
        out.append(2 * np.trace(A @ (x - np.trace(x) * rho)).real)
    return np.array(out), 2 * np.pi * (np.trace(A @ rho) * np.trace(B @ rho)).real


@pytest.fixture(params=["LUs", "sweeps"])
def way(request, monkeypatch):
    """Either of the two ways to a spectrum, whatever the size."""
    monkeypatch.setattr(spectra, "sweeps_pay", lambda matrix, block: request.param == "sweeps")
    return request.param


@pytest.mark.parametrize(("N", "drive"), [(2, 0.0), (2, 0.9), (3, 0.9)])
def test_superradiance_against_all_emitters(N, drive, way):
    w0, pump, collective = 0.5, 1.2, 1.0
    sm = qutip.sigmam()
    J = brute_force.collective(N, sm)
    H = w0 * brute_force.collective(N, qutip.sigmaz() / 2) + drive * brute_force.collective(
        N, qutip.sigmax() / 2
    )
    jumps = [np.sqrt(collective) * J]
    jumps += [np.sqrt(pump) * brute_force.on_site(N, n, sm.dag()) for n in range(N)]
    w = np.array([-3.0, -0.4, 0.0, 0.5, 1.0, 4.0])
    expected, elastic = full_spectrum(N, H, jumps, J.conj().T, J, w)
    atoms = Dicke(N, pumping=pump, collective_emission=collective)
    H = w0 * jspin(N, "z") + drive * jspin(N, "x")
    S, weight = spectrum(H, w, atoms.jump_operators(), jspin(N, "+"), jspin(N, "-"), coherent=True)
    np.testing.assert_allclose(S, expected, atol=1e-10)
    assert weight == pytest.approx(elastic, abs=1e-12)


@pytest.mark.parametrize("drive", [0.0, 1.5])
def test_integrates_to_the_mean_emission(drive):
    """The integral over all frequencies, by w = w1 tan(theta), on which the trapezoidal rule converges exponentially."""
    N = 12
    atoms = Dicke(N, pumping=N / 3, collective_emission=1.0, dephasing=0.4)
    H = drive * jspin(N, "x")
    theta = np.linspace(-np.pi / 2, np.pi / 2, 401)[1:-1]
    w = 8.0 * np.tan(theta)
    jp, jm = jspin(N, "+"), jspin(N, "-")
    S, elastic = spectrum(H, w, atoms.jump_operators(), jp, jm, coherent=True)
    integral = np.sum(S * 8.0 / np.cos(theta) ** 2) * (theta[1] - theta[0])
    # the two end points, where S falls like 1/w^2 and dw/dtheta grows like w^2: the integrand is finite, and smooth
    integral += (S[0] * w[0] ** 2 + S[-1] * w[-1] ** 2) / 2 / 8.0 * (theta[1] - theta[0])
    emission = qutip.expect(jp * jm, steadystate(H, atoms.jump_operators()))
    assert (integral + elastic) / (2 * np.pi) == pytest.approx(emission, rel=1e-4)


def test_is_the_transform_of_the_correlation():
    N = 4
    atoms = Dicke(N, pumping=2.0, collective_emission=1.0, emission=0.5)
    jp, jm = jspin(N, "+"), jspin(N, "-")
    H = 1.0 * jspin(N, "z")
    tau = np.linspace(0, 60, 6001)
    c = correlation_2op_1t(H, None, tau, atoms.jump_operators(), jp, jm, options={"rtol": 1e-9})
    w, F = spectrum_correlation_fft(tau, c)
    near = np.abs(w) < 3
    S = spectrum(H, w[near], atoms.jump_operators(), jp, jm)
    # the sum counts the first sample in full, the integral by half; the rest is the rule's error, of second order
    np.testing.assert_allclose(F[near] - 0.01 * c[0].real, S, atol=1e-3)


def test_nothing_is_emitted_in_the_dark():
    N = 3
    S, elastic = spectrum(
        jspin(N, "z"), [-1.0, 0.0, 1.0], Dicke(N, emission=1.0).jump_operators(), jspin(N, "+"), jspin(N, "-"),
        coherent=True,
    )  # fmt: skip
    np.testing.assert_allclose(S, 0, atol=1e-14)
    assert elastic == 0


def test_many_lines():
    """Collective spin under a drive, without Dicke states, against QuTiP (exact diagonalisation of the generator)."""
    j = 3
    jx, jz, jm = qutip.jmat(j, "x"), qutip.jmat(j, "z"), qutip.jmat(j, "-")
    H = 3.0 * jx + 0.4 * jz * jz
    c_ops = [0.4 * jm, 0.2 * jz]
    w = np.linspace(-20, 20, 301)
    expected = qutip.spectrum(H, w, c_ops, jm.dag(), jm, solver="es")
    np.testing.assert_allclose(spectrum(H, w, c_ops, jm.dag(), jm), expected, atol=1e-8 * expected.max())
    # two operators that are not adjoint
    expected = qutip.spectrum(H, w, c_ops, jx * jz, jm, solver="es")
    np.testing.assert_allclose(
        spectrum(H, w, c_ops, jx * jz, jm), expected, atol=1e-8 * np.abs(expected).max()
    )


def test_resolvent_of_a_large_random_generator():
    rng = np.random.default_rng(6)
    n = 120
    matrix = sp.random_array((n, n), density=0.04, rng=rng, format="csr") * 2
    matrix = sp.csr_array(matrix - matrix.T - sp.diags_array(rng.uniform(0.2, 2.0, n)))
    x, o = rng.standard_normal((n, 2)), rng.standard_normal(n)
    w = np.linspace(-3, 3, 41)
    expected = [o @ np.linalg.solve(1j * f * np.eye(n) - matrix.toarray(), x) for f in w]
    found = Resolvent(matrix, x)
    np.testing.assert_allclose(found.values(o, w)[0], expected, atol=1e-7)
    assert found.factorisations < w.size


@pytest.mark.parametrize("drive", ["x", "y"])
def test_sweeps_over_the_ladders_of_a_driven_ensemble_find_what_lus_find(drive, monkeypatch):
    N = 20
    atoms = Dicke(N, hamiltonian=jspin(N, drive), emission=0.1, dephasing=0.1, collective_emission=2 / N)
    w = np.linspace(-10, 10, 81)
    found = []
    for swept in (False, True):
        monkeypatch.setattr(spectra, "sweeps_pay", lambda matrix, block, swept=swept: swept)
        found.append(atoms.spectrum(w, jspin(N, "+"), jspin(N, "-"), info=True))
    (expected, _), (S, info) = found
    # 952 on either axis: work that grows is seen where no clock can be trusted.
    assert 0 < info["sweeps"] < 1200
    np.testing.assert_allclose(S, expected, rtol=0, atol=1e-10 * expected.max())
    assert np.all(np.abs(S - expected) <= info["error estimate"] + 1e-12 * expected.max())


def test_sweeps_are_chosen_for_large_driven_ensembles_only():
    for N, drive, pays in ((20, 1.0, False), (40, 1.0, True), (40, 0.0, False)):
        atoms = Dicke(N, hamiltonian=drive * jspin(N, "x"), emission=0.1, dephasing=0.1)
        generator = reduce(atoms.equation().lindbladian)
        assert sweeps_pay(generator.matrix, blocks_of_kets(generator.keys, generator.n_kets)) == pays


def test_where_sweeps_do_not_get_on_lus_do(monkeypatch):
    rng = np.random.default_rng(2)
    matrix = sp.csr_array(rng.standard_normal((12, 12)) - 8.0 * np.eye(12))
    x, o, w = rng.standard_normal((12, 1)), rng.standard_normal(12), np.linspace(-3, 3, 7)
    expected = [o @ np.linalg.solve(1j * f * np.eye(12) - matrix.toarray(), x) for f in w]
    blocks = np.arange(12) // 3
    swept = Resolvent(matrix, x, None, blocks)
    np.testing.assert_allclose(swept.values(o, w)[0], expected, atol=1e-9)
    assert swept.sweeps > 0
    monkeypatch.setattr(resolvent, "_MOST_ROUNDS", 1)
    stopped = Resolvent(matrix, x, None, blocks)
    np.testing.assert_allclose(stopped.values(o, w)[0], expected, atol=1e-9)
    assert stopped.factorisations > 1


@pytest.mark.parametrize("blocks", [None, np.array([0, 0, 1])])
def test_undamped_oscillation_has_no_spectrum(blocks):
    matrix = sp.csr_array(np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]]))
    with pytest.raises(ResolventError, match="does not decay"):
        Resolvent(matrix, np.ones((3, 1)), None, blocks).values(np.ones(3), np.array([1.0]))


def test_an_undamped_oscillation_inside_a_small_space_ends_at_both_its_frequencies():
    # The residual is infinite at -1 and at 1, and the space cannot grow beyond the two elements that oscillate.
    matrix = sp.csr_array(sp.block_diag([[[0.0, -1.0], [1.0, 0.0]], [[-1.0]], [[-2.0]]]))
    source = np.array([1.0, 0.0, 0.0, 0.0])
    with pytest.raises(ResolventError, match="does not decay"):
        Resolvent(matrix, source[:, None]).values(source, np.array([-1.0, 1.0]))


def test_fourier_transform_as_qutip():
    t = np.linspace(0, 20, 256)
    y = np.exp(-0.3 * t + 2j * t)
    for inverse in (False, True):
        for found, expected in zip(
            spectrum_correlation_fft(t, y, inverse),
            qutip.spectrum_correlation_fft(t, y, inverse),
            strict=True,
        ):
            np.testing.assert_allclose(found, expected, atol=1e-12)


def test_bad_input():
    N = 3
    c_ops = Dicke(N, emission=1.0, pumping=0.5).jump_operators()
    H, jp, jm = jspin(N, "z"), jspin(N, "+"), jspin(N, "-")
    with pytest.raises(ValueError, match="wlist must not decrease"):
        spectrum(H, [1.0, 0.0], c_ops, jp, jm)
    with pytest.raises(ValueError, match="wlist must be finite"):
        spectrum(H, [0.0, np.nan], c_ops, jp, jm)
    with pytest.raises(TypeError, match="wlist must hold real"):
        spectrum(H, [0.0, 1j], c_ops, jp, jm)
    with pytest.raises(TypeError, match="a_op has dims"):
        spectrum(H, [0.0], c_ops, jspin(4, "+"), jm)
    with pytest.raises(TypeError, match="b_op must be a Qobj"):
        spectrum(H, [0.0], c_ops, jp, jm.full())
    with pytest.raises(SteadyStateError):
        spectrum(H, [0.0], Dicke(N, collective_emission=1.0).jump_operators(), jp, jm)
    with pytest.raises(ValueError, match="constant in time"):
        spectrum([H, [H, lambda t: t]], [0.0], c_ops, jp, jm)
    with pytest.raises(ValueError, match="solver must be one of"):
        spectrum(H, [0.0], c_ops, jp, jm, solver="fft")
    t = np.linspace(0, 1, 5)
    for times, y, message in (
        (t**2, t, "equally spaced"),
        (t[::-1], t, "must not decrease"),
        (t, t[1:], "one value for each"),
        (t, np.full(5, np.nan), "y must be finite"),
        (t[:1], t[:1], "at least two"),
        (np.zeros(5), t, "equally spaced"),
    ):
        with pytest.raises(ValueError, match=message):
            spectrum_correlation_fft(times, y)
    with pytest.raises(TypeError, match="y must hold numbers"):
        spectrum_correlation_fft(t, ["a"] * 5)


@pytest.mark.parametrize("N", [2, 4])
def test_error_estimates_of_a_spectrum(N, way):
    # Against a dense resolvent of QuTiP's Liouvillian, in which the steady state's part is taken off.
    H, c_ops = (
        0.7 * jspin(N, "x"),
        Dicke(N, emission=1e-2, dephasing=1e-3, collective_emission=1.0).jump_operators(),
    )
    a, b = jspin(N, "+"), jspin(N, "-")
    w = np.linspace(-2, 2, 41)
    S, info = spectrum(H, w, c_ops, a, b, info=True)
    L = qutip.liouvillian(H, c_ops).full()
    rho = steadystate(H, c_ops, method="direct").full()
    source = (b.full() @ rho - np.trace(b.full() @ rho) * rho).ravel(order="F")
    row = a.full().T.ravel(order="F")
    zero = np.eye(rho.shape[0]).ravel(order="F")
    fixed = L - np.outer(rho.ravel(order="F"), zero)
    exact = np.array(
        [2 * (row @ np.linalg.solve(1j * f * np.eye(L.shape[0]) - fixed, source)).real for f in w]
    )
    assert np.all(np.abs(S - exact) <= 3 * info["error estimate"] + 1e-13)
    assert info["error estimate"].max() < 1e-7 * S.max()
    assert info["factorisations"] >= 1
    assert (info["sweeps"] > 0) == (way == "sweeps")
