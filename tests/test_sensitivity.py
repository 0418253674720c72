"""Derivatives against closed forms, differences of high order, and each other."""

import numpy as np
import pytest
import qutip
from scipy.stats import binom

import piqs
from piqs import Composite, Dicke, Mode, css, excited, gradient, jspin, sensitivity, steadystate_sensitivity

EIGHTH = np.array([1 / 280, -4 / 105, 1 / 5, -4 / 5, 0, 4 / 5, -1 / 5, 4 / 105, -1 / 280])


def difference(f, x, h):
    """The first derivative by central differences of order 8."""
    return np.tensordot(EIGHTH, np.array([f(x + k * h) for k in range(-4, 5)]), axes=1) / h


def test_burst_of_two_emitters():
    # <J_z> = 2 (1 + g t) exp(-2 g t) - 1
    g, t = 0.7, np.linspace(0, 3, 13)
    result = sensitivity(Dicke(2, collective_emission=g), excited(2), t, jspin(2, "z"), "collective_emission")
    assert result.expect[0] == pytest.approx(2 * (1 + g * t) * np.exp(-2 * g * t) - 1, abs=1e-10)
    exact = 2 * t * np.exp(-2 * g * t) * (1 - 2 * (1 + g * t))
    assert result["collective_emission"][0] == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize("N", [3, 40])
def test_one_axis_twisting_with_local_dephasing(N):
    # <J_x> = N/2 cos(chi t)^(N-1) exp(-gamma t / 2) for H = chi J_z^2 from the coherent state along x
    chi, gamma, t = 0.3, 0.2, np.linspace(0, 1.5, 7)
    jz = jspin(N, "z")
    model = Dicke(N, chi * jz**2, dephasing=gamma)
    result = sensitivity(model, css(N), t, [jspin(N, "x")], wrt={"dephasing": "dephasing", "chi": jz**2})
    mean = N / 2 * np.cos(chi * t) ** (N - 1) * np.exp(-gamma * t / 2)
    assert result.expect[0] == pytest.approx(mean, abs=1e-9 * N)
    assert result["dephasing"][0] == pytest.approx(-t / 2 * mean, abs=1e-8 * N)
    assert result["chi"][0] == pytest.approx(-(N - 1) * t * np.tan(chi * t) * mean, abs=1e-7 * N)


RATES = {"emission": 0.5, "dephasing": 0.3, "pumping": 0.2, "collective_emission": 0.4}


def test_all_rates_of_a_driven_ensemble_against_differences():
    N, t = 12, np.array([0.0, 0.5, 2.0])
    ops = [jspin(N, "z"), jspin(N, "+") * jspin(N, "-")]
    x = jspin(N, "x")
    result = sensitivity(Dicke(N, x, **RATES), excited(N), t, ops, wrt=[*RATES, x])
    tight = {"rtol": 1e-12, "atol": 1e-14}
    for name in RATES:

        def values(rate, name=name):
            return np.array(
                Dicke(N, x, **{**RATES, name: rate}).mesolve(excited(N), t, ops, options=tight).expect
            )

        assert result[name] == pytest.approx(difference(values, RATES[name], 0.01), abs=2e-8)
    turned = difference(
        lambda f: np.array(Dicke(N, f * x, **RATES).mesolve(excited(N), t, ops, options=tight).expect),
        1,
        0.01,
    )
    assert result["wrt[4]"] == pytest.approx(turned, abs=2e-8)
    value, slopes = gradient(Dicke(N, x, **RATES), excited(N), t, ops, [*RATES, x])
    assert value == pytest.approx(sum(series[-1] for series in result.expect), abs=1e-8)
    for label, slope in slopes.items():
        assert slope == pytest.approx(result[label][:, -1].sum(), abs=1e-7)


def test_initial_state_and_weights():
    N, t = 4, np.array([0.0, 0.4, 1.0])
    change = piqs.ground(N) - excited(N)
    model, ops = Dicke(N, jspin(N, "x"), emission=0.5), [jspin(N, "z"), jspin(N, "y")]
    result = sensitivity(model, excited(N), t, ops, wrt={"mixing": ("rho0", change)})
    ground = np.array(model.mesolve(piqs.ground(N), t, ops, options={"rtol": 1e-11, "atol": 1e-13}).expect)
    assert result["mixing"] == pytest.approx(ground - np.array(result.expect), abs=1e-8)
    w = np.array([[0.3, -1.0, 0.2], [0.0, 2.0, -0.5]])
    value, slopes = gradient(
        model, excited(N), t, ops, {"mixing": ("rho0", change), "emission": "emission"}, weights=w
    )
    assert value == pytest.approx(np.sum(w * np.array(result.expect)), abs=1e-8)
    assert slopes["mixing"] == pytest.approx(np.sum(w * result["mixing"]), abs=1e-7)
    forward = sensitivity(model, excited(N), t, ops)["emission"]
    assert slopes["emission"] == pytest.approx(np.sum(w * forward), abs=1e-7)


def test_drives_that_depend_on_time():
    # rotation by the area of the pulse: <J_z> = N/2 cos(theta A), A = integral of exp(-t)
    N, t = 6, np.linspace(0, 2, 5)
    area = 1 - np.exp(-t)
    pulse = lambda t: np.exp(-t)  # noqa: E731
    theta = 1.3
    model = Dicke(N, [[jspin(N, "x"), lambda t: theta * pulse(t)]])
    result = sensitivity(model, excited(N), t, jspin(N, "z"), wrt={"theta": [[jspin(N, "x"), pulse]]})
    assert result.expect[0] == pytest.approx(N / 2 * np.cos(theta * area), abs=1e-8)
    assert result["theta"][0] == pytest.approx(-N / 2 * area * np.sin(theta * area), abs=1e-7)
    _, slopes = gradient(model, excited(N), t, jspin(N, "z"), wrt={"theta": [[jspin(N, "x"), pulse]]})
    assert slopes["theta"] == pytest.approx(result["theta"][0, -1], abs=1e-7)


def test_composite_by_the_names_of_its_channels():
    a = qutip.destroy(6)
    system = Composite(
        atoms=Dicke(2, jspin(2, "z"), emission=0.3), cavity=Mode(6, 1.0, loss=0.8), threshold=1
    )
    coupling = system.embed("cavity", a.dag()) * system.embed("atoms", jspin(2, "-"))
    system.interaction = 0.5 * (coupling + coupling.dag())
    number = system.embed("cavity", a.dag() * a)
    start = system.state(piqs.excited_ket(2), qutip.basis(6, 0))
    result = sensitivity(system, start, [0, 1.5], number, wrt="cavity.loss")

    def photons(kappa):
        system.parts["cavity"] = Mode(6, 1.0, loss=kappa)
        return system.mesolve(start, [0, 1.5], [number], options={"rtol": 1e-12, "atol": 1e-14}).expect[0][-1]

    assert result["cavity.loss"][0, -1] == pytest.approx(difference(photons, 0.8, 0.02), abs=1e-8)


def test_steady_states():
    N = 8
    x, ops = jspin(N, "x"), [jspin(N, "z"), jspin(N, "y")]
    value, slopes = steadystate_sensitivity(Dicke(N, x, **RATES), ops, wrt=[*RATES, x])
    for k, op in enumerate(ops):
        assert value[k] == pytest.approx(qutip.expect(op, Dicke(N, x, **RATES).steadystate()), abs=1e-9)

    def steady(rate, name):
        rho = Dicke(N, x, **{**RATES, name: rate}).steadystate(tol=1e-12)
        return np.array([qutip.expect(op, rho) for op in ops])

    for name in ("emission", "collective_emission"):
        exact = difference(lambda r, name=name: steady(r, name), RATES[name], 0.008)
        assert slopes[name] == pytest.approx(exact, abs=1e-8)


def test_gaps():
    N = 6
    x = jspin(N, "x")
    model = lambda **rates: Dicke(N, 0.4 * x, **{**RATES, **rates})  # noqa: E731
    gap, slopes = piqs.gap_sensitivity(model(), wrt=[*RATES, x])
    assert gap == pytest.approx(model().liouvillian_gap(), rel=1e-10)
    for name in ("emission", "collective_emission"):
        exact = difference(lambda r, name=name: model(**{name: r}).liouvillian_gap(), RATES[name], 0.004)
        assert slopes[name] == pytest.approx(exact, abs=1e-6)


def test_many_parameters():
    # 20 amplitudes of a piecewise constant pulse at once
    N, parts = 10, 20
    edges = np.linspace(0, 2, parts + 1)
    amplitudes = np.random.default_rng(3).normal(size=parts)
    window = lambda k: lambda t: 1.0 * (edges[k] <= t < edges[k + 1])  # noqa: E731
    pulse = lambda t: amplitudes[min(int(t / 2 * parts), parts - 1)]  # noqa: E731
    model = Dicke(N, [[jspin(N, "x"), pulse]], dephasing=0.2)
    wrt = {str(k): [[jspin(N, "x"), window(k)]] for k in range(parts)}
    _, slopes = gradient(model, excited(N), edges, jspin(N, "z"), wrt=wrt, options={"max_step": 0.1})
    h = 1e-3
    for k in (0, 11, 19):
        shifted = []
        for sign in (-1, 1):
            moved = amplitudes.copy()
            moved[k] += sign * h
            drive = lambda t, moved=moved: moved[min(int(t / 2 * parts), parts - 1)]  # noqa: E731
            run = Dicke(N, [[jspin(N, "x"), drive]], dephasing=0.2).mesolve(
                excited(N), edges, [jspin(N, "z")], options={"rtol": 1e-10, "atol": 1e-12, "max_step": 0.1}
            )
            shifted.append(run.expect[0][-1])
        assert slopes[str(k)] == pytest.approx((shifted[1] - shifted[0]) / (2 * h), abs=1e-5)


@pytest.mark.parametrize("state", [excited, css])
def test_many_constant_operators_share_one_matrix(state):
    # each against forward sensitivities, with weights at all times
    N, t = 5, [0.0, 0.4, 1.1]
    rng = np.random.default_rng(1)
    x, y, z = jspin(N)
    base = [x, y, z, z * z, x * y + y * x]
    wrt = {
        str(k): sum(float(c) * op for c, op in zip(rng.normal(size=5), base, strict=True)) for k in range(12)
    }
    w = rng.normal(size=(2, 3))
    model = Dicke(N, 0.7 * x, emission=0.3, dephasing=0.2)
    value, slopes = gradient(model, state(N), t, [z, y], wrt={**wrt, "emission": "emission"}, weights=w)
    forward = sensitivity(model, state(N), t, [z, y], wrt={**wrt, "emission": "emission"})
    assert value == pytest.approx(np.sum(w * np.array(forward.expect)), abs=1e-9)
    for label, slope in slopes.items():
        assert slope == pytest.approx(np.sum(w * forward[label]), abs=1e-8)


def test_operators_of_different_patterns_beside_each_other():
    # three patterns, one without elements, and a real and an imaginary one that look the same
    N, t = 6, [0.0, 0.8]
    x, y, z = jspin(N)
    wrt = {
        f"{k} {name}": k * op
        for k in (1, 2, 3)
        for name, op in zip("xyzo", [x, y, z * z, 0 * z], strict=True)
    }
    model = Dicke(N, 0.7 * x, emission=0.3, dephasing=0.2)
    _, slopes = gradient(model, css(N), t, z, wrt=wrt)
    forward = sensitivity(model, css(N), t, z, wrt={"x": x, "y": y, "z": z * z})
    for label, slope in slopes.items():
        factor, name = label.split()
        expected = 0.0 if name == "o" else int(factor) * forward[name][0, -1]
        assert slope == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("wrong", [1j * jspin(3, "x"), jspin(3, "+"), jspin(3, "x") + 1e-3j * jspin(3, "z")])
def test_one_operator_of_many_that_is_not_hermitian_is_named(wrong):
    model = Dicke(3, jspin(3, "x"), emission=1.0)
    wrt = {str(k): (1 + k) * jspin(3, "x") for k in range(20)} | {"this one": wrong}
    with pytest.raises(piqs.errors.NotLindbladError, match=r"this one.*Hermitian"):
        gradient(model, excited(3), [0, 1], jspin(3, "z"), wrt=wrt)


def test_bad_input():
    model = Dicke(2, jspin(2, "x"), emission=1.0)
    with pytest.raises(ValueError, match="wrt must name channels"):
        sensitivity(model, excited(2), [0, 1], jspin(2, "z"), wrt="pumping")
    with pytest.raises(ValueError, match="wrt"):
        sensitivity(model, excited(2), [0, 1], jspin(2, "z"), wrt=[jspin(2, "+")])
    with pytest.raises(TypeError, match="wrt"):
        sensitivity(model, excited(2), [0, 1], jspin(2, "z"), wrt=[jspin(3, "x")])
    with pytest.raises(TypeError, match="Hermitian"):
        sensitivity(model, excited(2), [0, 1], jspin(2, "+"))
    with pytest.raises(ValueError, match="at least one"):
        sensitivity(model, excited(2), [0, 1], [])
    with pytest.raises(ValueError, match="weights"):
        gradient(model, excited(2), [0, 1], jspin(2, "z"), weights=[1.0])
    with pytest.raises(ValueError, match="initial state"):
        steadystate_sensitivity(model, jspin(2, "z"), wrt=("rho0", jspin(2, "z")))


def two_sided_rate(H, V, jumps, change, h=1e-3):
    """4 d1 d2 Re lambda of the two-sided generator, by central differences on the dense generator."""

    def top(a, b):
        n = H.shape[0]
        one = np.eye(n)
        H1, H2 = H.full() + a * V.full(), H.full() + b * V.full()
        L = -1j * (np.kron(one, H1) - np.kron(H2.T, one))
        for K in jumps:
            K1, K2 = (np.sqrt(1 + x * change) * K.full() for x in (a, b))
            L += (
                np.kron(K2.conj(), K1)
                - 0.5 * np.kron(one, K1.conj().T @ K1)
                - 0.5 * np.kron((K2.conj().T @ K2).T, one)
            )
        values = np.linalg.eigvals(L)
        return values[np.argmax(values.real)].real

    return 4 * (top(h, h) - top(h, -h) - top(-h, h) + top(-h, -h)) / (4 * h * h)


def test_fisher_information_of_the_light():
    N = 3
    model = Dicke(N, 0.6 * jspin(N, "x") + 0.2 * jspin(N, "z"), emission=0.3, collective_emission=0.5)
    jumps = model.jump_operators()
    exact = two_sided_rate(model.hamiltonian, jspin(N, "x"), jumps, 0.0)
    assert piqs.field_qfi_rate(model, jspin(N, "x")) == pytest.approx(exact, rel=1e-5)
    # a driven atom, by its decay rate
    H, sm = 0.4 * qutip.sigmax(), qutip.sigmam()
    exact = two_sided_rate(H, 0 * H, [sm], 1.0)
    assert piqs.field_qfi_rate(H, "c_ops[0]", [sm]) == pytest.approx(exact, rel=1e-5)


def test_fisher_information_of_the_state():
    N, t = 5, np.array([0.0, 0.3, 0.8])
    jz = jspin(N, "z")
    # a GHZ state under local dephasing: F = N^2 t^2 exp(-N gamma t)
    F = piqs.dynamics_qfi(Dicke(N, 0 * jz, dephasing=0.4), piqs.ghz(N), t, jz)
    assert pytest.approx(N**2 * t**2 * np.exp(-N * 0.4 * t), abs=1e-8) == F
    # a coherent state: N t^2 exp(-gamma t), emitter by emitter
    F = piqs.dynamics_qfi(Dicke(N, 0 * jz, dephasing=0.4), css(N), t, jz)
    assert pytest.approx(N * t**2 * np.exp(-0.4 * t), abs=1e-7) == F
    # the decay rate from the populations of independent emitters: N t^2 p / (1 - p), p = exp(-g t)
    run = piqs.dynamics_qfi(Dicke(N, emission=0.5), excited(N), t, "emission")
    p = np.exp(-0.5 * t[1:])
    assert run[1:] == pytest.approx(N * t[1:] ** 2 * p / (1 - p), rel=1e-6)


def test_derivatives_at_a_rate_of_zero():
    N, jz = 4, jspin(4, "z")
    model = Dicke(N, 0.7 * jspin(N, "x"), dephasing=0.3)
    with pytest.raises(ValueError, match="tiny value"):
        piqs.sensitivity(model, excited(N), [0, 1.7], jz, wrt="emission")

    def value(rate):
        atoms = Dicke(N, 0.7 * jspin(N, "x"), dephasing=0.3, emission=rate)
        return atoms.mesolve(excited(N), [0, 1.7], [jz], options={"rtol": 1e-12, "atol": 1e-14}).expect[0][-1]

    h, weights = 1e-3, np.array([-25, 48, -36, 16, -3]) / 12
    slope = sum(w * value(k * h) for k, w in enumerate(weights)) / h
    tiny = Dicke(N, 0.7 * jspin(N, "x"), dephasing=0.3, emission=1e-30)
    found = piqs.sensitivity(tiny, excited(N), [0, 1.7], jz, wrt="emission")
    assert abs(found["emission"][0, -1] - slope) < 1e-9


def test_fisher_information_of_what_begins_is_infinite():
    # theta in (1 - theta) |e><e| + theta |g><g|: F = 1/(theta (1 - theta)); later both states are occupied.
    N = 3
    change = ("rho0", piqs.ground(N) - excited(N))
    F = piqs.dynamics_qfi(Dicke(N, emission=0.5), excited(N), [0.0, 1.0], change)
    # Binomial states with and without what is in the ground state at once: sum of squares of the changes over probabilities.
    q = binom.pmf(np.arange(N + 1), N, np.exp(-0.5))
    assert F[0] == np.inf
    assert F[1] == pytest.approx(np.sum((np.eye(N + 1)[0] - q) ** 2 / q), rel=1e-9)


def test_windows_of_a_function_are_evaluated_together_where_they_take_arrays():
    N, edges, calls = 3, np.linspace(0, 2, 21), {"single": 0, "arrays": 0}
    model = Dicke(N, 0.7 * jspin(N, "z"), emission=0.3)

    def pulse(t):
        calls["arrays" if np.ndim(t) else "single"] += 1
        return np.cos(3 * t)

    def windows(make):
        return {str(k): [[jspin(N, "x"), make(*edges[k : k + 2])]] for k in range(20)}

    def slopes(make):
        calls.update(single=0, arrays=0)
        observable = jspin(N, "y")
        return np.array(list(gradient(model, excited(N), edges, observable, windows(make))[1].values()))

    one_by_one = slopes(lambda a, b: lambda t: pulse(t) if a <= t < b else 0.0)
    together = slopes(lambda a, b: lambda t: ((a <= t) & (t < b)) * pulse(t))
    assert calls["arrays"] > 0
    assert calls["single"] < 100 * 20
    assert together == pytest.approx(one_by_one, rel=1e-12)
    # Of an array this makes something else than of each number, and is asked one by one.
    other = slopes(
        lambda a, b: lambda t: ((a <= t) & (t < b)) * pulse(t) * np.max(t) / np.where(t == 0, 1, t)
    )
    assert other[1:] == pytest.approx(one_by_one[1:], rel=1e-12)
