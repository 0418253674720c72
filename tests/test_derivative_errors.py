"""Error estimates of derivatives against closed forms: at least a third of the true error, and no more than a thousand times it
or rounding; a warning where a problem leaves few digits."""

import warnings
from fractions import Fraction

import numpy as np
import pytest
import qutip
import scipy.linalg as la

import piqs
from exact_counting import network, solved
from piqs import AccuracyWarning, Dicke, IllConditionedWarning, css, jspin

SM = qutip.sigmam()


def honest(errors, estimates, rounding):
    errors, estimates, rounding = np.broadcast_arrays(errors, estimates, rounding)
    assert np.all(errors <= 3 * estimates)
    assert np.all(estimates <= np.maximum(1000 * errors, 1000 * rounding))


@pytest.mark.parametrize("method", ["exponential", "faber", "rational", "dop853"])
@pytest.mark.parametrize("rtol", [1e-5, 1e-9])
def test_forward_by_every_method(method, rtol):
    # <J_x> = N/2 cos(chi t)^(N-1) exp(-gamma t / 2) for H = chi J_z^2 from the coherent state along x
    N, chi, gamma, t = 14, 0.3, 0.2, np.linspace(0, 4, 9)
    jz = jspin(N, "z")
    result = piqs.sensitivity(
        Dicke(N, chi * jz**2, dephasing=gamma),
        css(N),
        t,
        [jspin(N, "x")],
        wrt={"dephasing": "dephasing", "chi": jz**2},
        options={"method": method, "rtol": rtol},
    )
    mean = N / 2 * np.cos(chi * t) ** (N - 1) * np.exp(-gamma * t / 2)
    error = max(
        np.abs(result["dephasing"][0] + t / 2 * mean).max(),
        np.abs(result["chi"][0] + (N - 1) * t * np.tan(chi * t) * mean).max(),
    ) / (N / 2)
    # rational spaces grow by several vectors at a time
    honest(error, result.stats["error estimate"], rtol if method in ("rational", "dop853") else 1e-13)


def test_forward_over_a_long_time():
    # rounding of derivatives grows with them: 2 000 turns of a spin, by its frequency
    t = np.array([0.0, 2000 * np.pi])
    result = piqs.sensitivity(
        Dicke(2, jspin(2, "z")), css(2), t, [jspin(2, "y"), jspin(2, "x")], wrt=jspin(2, "z")
    )
    exact = np.array([t * np.cos(t), -t * np.sin(t)])
    honest(np.abs(result["wrt[0]"] - exact).max(), result.stats["error estimate"], 1e-15 * t[-1] ** 2)


def test_forward_warns_of_what_a_method_cannot_do():
    # two fast blocks linked at 1e-12 of their rates
    rates = {(1, 0): 1e6, (0, 1): 7e5, (3, 2): 3e5, (2, 3): 1e5, (2, 1): 1e-6}
    jumps = [np.sqrt(r) * qutip.basis(4, i) * qutip.basis(4, j).dag() for (i, j), r in rates.items()]
    with pytest.warns(AccuracyWarning, match="'rational' estimates an error"):
        piqs.sensitivity(
            0 * jumps[0],
            qutip.basis(4, 0),
            [0, 1, 1e6],
            [qutip.fock_dm(4, 0)],
            "c_ops[4]",
            jumps,
            options={"method": "rational", "rtol": 1e-10},
        )


def test_adjoint():
    N, chi, gamma, t = 14, 0.3, 0.2, np.linspace(0, 4, 5)
    jz = jspin(N, "z")
    for rtol in (1e-6, 1e-10):
        value, slopes, info = piqs.gradient(
            Dicke(N, chi * jz**2, dephasing=gamma),
            css(N),
            t,
            jspin(N, "x"),
            {"dephasing": "dephasing", "chi": jz**2},
            options={"rtol": rtol},
            info=True,
        )
        mean = N / 2 * np.cos(chi * 4) ** (N - 1) * np.exp(-gamma * 2)
        exact = {"dephasing": -2 * mean, "chi": -(N - 1) * 4 * np.tan(chi * 4) * mean}
        assert value == pytest.approx(mean, abs=10 * rtol * N)
        honest(max(abs(slopes[k] - exact[k]) for k in exact), info["error estimate"], 10 * rtol)


def exact_slopes(size, rates, level):
    """Derivatives of the population of a level in the steady state by every rate, in rational arithmetic."""
    L, _ = network(size, rates, [])
    one = [Fraction(1)] * size
    bordered = [one, *L[1:]]
    x = solved(bordered, [Fraction(1)] + [Fraction(0)] * (size - 1))
    found = []
    for to, origin in rates:
        source = [Fraction(0)] * size
        source[to] -= x[origin]
        source[origin] += x[origin]
        found.append(float(solved(bordered, [Fraction(0), *source[1:]])[level]))
    return np.array(found)


@pytest.mark.parametrize("slow", [1.0, 1e-5, 3e-11])
def test_steady_states(slow):
    rates = {(1, 0): 1.0, (0, 1): 0.3, (3, 2): 0.6, (2, 3): 0.7, (2, 1): 0.3 * slow, (1, 2): 0.5 * slow}
    jumps = [np.sqrt(r) * qutip.basis(4, i) * qutip.basis(4, j).dag() for (i, j), r in rates.items()]
    args = (0 * qutip.num(4), qutip.fock_dm(4, 2), None, jumps)
    if slow < 1e-9:
        with pytest.warns(IllConditionedWarning), pytest.warns(AccuracyWarning, match="the derivative by"):
            _, slopes, info = piqs.steadystate_sensitivity(*args, info=True)
    else:
        _, slopes, info = piqs.steadystate_sensitivity(*args, info=True)
    # a factor on each rate
    exact = exact_slopes(4, rates, 2) * np.array(list(rates.values()))
    found, estimates = (np.array([[v[0] for v in d.values()]])[0] for d in (slopes, info["error estimate"]))
    honest(np.abs(found - exact), estimates, 1e-15 * info["condition"] * np.abs(exact).max())


@pytest.mark.parametrize("off", [1.0, 1e-3, 1e-11])
def test_gaps_near_an_exceptional_point(off):
    # a ring of three states, one way: 2 gap = S - sqrt(S^2 - 4 P), S = a + b + c, P = ab + bc + ca; the root vanishes at 4, 1, 1
    a, b, c = 4.0 + off, 1.0, 1.0
    jumps = [
        np.sqrt(r) * qutip.basis(3, i) * qutip.basis(3, j).dag()
        for r, i, j in ((a, 1, 0), (b, 2, 1), (c, 0, 2))
    ]
    # what keeps coherences from being slower
    jumps += [np.sqrt(20.0) * qutip.fock_dm(3, k) for k in range(3)]
    if off < 1e-9:
        with pytest.warns(AccuracyWarning, match="the derivative by"):
            _, slopes, info = piqs.gap_sensitivity(0 * qutip.num(3), "c_ops[0]", jumps, info=True)
    else:
        _, slopes, info = piqs.gap_sensitivity(0 * qutip.num(3), "c_ops[0]", jumps, info=True)
    # S^2 - 4P = off (4 + off)
    exact = 0.5 * a * (1 - (2 + off) / np.sqrt((a - 4.0) * a))
    honest(
        abs(slopes["c_ops[0]"] - exact),
        info["error estimate"]["c_ops[0]"],
        1e-13 * (1 + 1 / off) * abs(exact),  # rounding over the distance from the point
    )


def test_fisher_information_of_the_state():
    # a GHZ state and a coherent state under local dephasing
    N, t, gamma = 6, np.array([0.3, 0.8, 3.0]), 0.4
    jz = jspin(N, "z")
    exact = {"ghz": N**2 * t**2 * np.exp(-N * gamma * t), "css": N * t**2 * np.exp(-gamma * t)}
    for name, F in exact.items():
        for rtol in (1e-6, 1e-10):
            found, info = piqs.dynamics_qfi(
                Dicke(N, 0 * jz, dephasing=gamma),
                getattr(piqs, name)(N),
                np.append(0.0, t),
                jz,
                options={"rtol": rtol},
                info=True,
            )
            honest(np.abs(found[1:] - F), info["error estimate"][1:], rtol * N**2)


def test_fisher_information_of_a_driven_ensemble_against_the_full_space():
    # state and derivative at once by one exponential on 4^N, the information by a sum over eigenvectors
    N, drive, t = 3, 0.8, 2.5
    spins = [
        qutip.tensor([op if k == n else qutip.qeye(2) for k in range(N)])
        for op in (SM, qutip.sigmaz() / 2)
        for n in range(N)
    ]
    lower = sum(spins[:N])
    jx = 0.5 * (lower + lower.dag())
    c_ops = [np.sqrt(2 / N) * lower, *(np.sqrt(0.1) * s for s in spins[N:])]
    L, change = (qutip.liouvillian(*of).full() for of in ((drive * jx, c_ops), (jx,)))
    down = qutip.operator_to_vector(qutip.ket2dm(qutip.tensor([qutip.basis(2, 1)] * N))).full().ravel()
    both = la.expm(t * np.block([[L, 0 * L], [change, L]])) @ np.concatenate([down, 0 * down])
    rho, moved = (x.reshape(2**N, 2**N, order="F") for x in np.split(both, 2))
    p, vectors = np.linalg.eigh(rho)
    sums, moved = p[:, None] + p[None, :], vectors.conj().T @ moved @ vectors
    exact = 2 * (np.abs(moved[sums > 1e-12]) ** 2 / sums[sums > 1e-12]).sum()
    model = Dicke(N, drive * jspin(N, "x"), collective_emission=2 / N, dephasing=0.1)
    found, info = piqs.dynamics_qfi(model, piqs.ground(N), [0, t], jspin(N, "x"), info=True)
    assert found[1] == pytest.approx(exact, rel=1e-9)
    honest(abs(found[1] - exact), info["error estimate"][1], 1e-9)


@pytest.mark.parametrize("rabi", [0.1, 1.0, 30.0])
def test_fisher_information_of_the_light(rabi):
    # the light of a driven atom tells of the Rabi frequency at the rate 4/gamma
    found, info = piqs.field_qfi_rate(0.5 * rabi * qutip.sigmax(), 0.5 * qutip.sigmax(), [SM], info=True)
    honest(abs(found - 4), info["error estimate"], 1e-14 * (1 + rabi) ** 2)


@pytest.mark.parametrize("slow", [1e-3, 1e-7, 1e-10])
def test_fisher_information_of_the_light_where_a_rate_is_slow(slow):
    # classical jumps tell of a rate r as clicks do: as many a time as there are jumps, over r^2 (here a factor on the rate)
    rates = {(1, 0): 1.0, (0, 1): 0.3, (3, 2): 0.6, (2, 3): 0.7, (2, 1): 0.3 * slow, (1, 2): 0.5 * slow}
    jumps = [np.sqrt(r) * qutip.basis(4, i) * qutip.basis(4, j).dag() for (i, j), r in rates.items()]
    L, _ = network(4, rates, [])
    x = solved([[Fraction(1)] * 4, *L[1:]], [Fraction(1), *[Fraction(0)] * 3])
    exact = [float(Fraction(rate) * x[origin]) for (_, origin), rate in rates.items()]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        runs = [piqs.field_qfi_rate(0 * qutip.num(4), f"c_ops[{k}]", jumps, info=True) for k in range(6)]
    found, estimates = (
        np.array(part) for part in zip(*((F, i["error estimate"]) for F, i in runs), strict=True)
    )
    honest(np.abs(found - exact), estimates, 1e-15 * np.array(exact) / slow)
    assert (AccuracyWarning in [w.category for w in caught]) == bool(
        np.any(estimates > 1e-6 * np.array(exact))
    )


@pytest.mark.parametrize("damping", [1.0, 1e-4, 1e-9])
def test_spectra(damping):
    # a thermal cavity: S = n k / ((w - c)^2 + k^2 / 4), k the loss less the gain; here n = g / (l - g) for emission g, loss l
    dim, w = 40, np.array([0.0, 3.0, 3.0 + damping])
    a = qutip.destroy(dim)
    loss, gain = 1.2 * damping, 0.2 * damping

    def exact(loss, gain, c):
        k = loss - gain
        return gain / ((w - c) ** 2 + k**2 / 4)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        S, slopes, info = piqs.spectrum_sensitivity(
            3 * a.dag() * a,
            w,
            {"c": a.dag() * a, "loss": "c_ops[0]"},
            [np.sqrt(loss) * a, np.sqrt(gain) * a.dag()],
            a.dag(),
            a,
            info=True,
        )
    h, k = w - 3.0, loss - gain
    lorentzian = h**2 + k**2 / 4
    right = np.array([gain * 2 * h / lorentzian**2, -loss * gain * k / 2 / lorentzian**2])
    assert pytest.approx(exact(loss, gain, 3.0), rel=1e-6) == S
    found = np.array([slopes["c"], slopes["loss"]])
    honest(
        np.abs(found - right), info["error estimate"], 1e-14 / damping * np.abs(right).max(axis=1)[:, None]
    )
