"""Derivatives of spectra against closed forms and differences of high order."""

import numpy as np
import pytest
import qutip

import piqs
from piqs import Dicke, jspin, spectrum, spectrum_sensitivity


def difference(f, x, h):
    """df/dx by differences of order 8."""
    weights = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}
    return sum(w * (f(x + k * h) - f(x - k * h)) for k, w in weights.items()) / h


def test_lorentzian_of_a_thermal_cavity():
    # S = n k / (d^2 + k^2/4) with k = loss - gain, n = gain / k: every derivative in closed form
    levels, wc, loss, gain = 45, 2.0, 1.0, 0.3
    a = qutip.destroy(levels)
    number = a.dag() * a
    w = np.array([-1.0, 1.5, 2.0, 2.3, 6.0])
    c_ops = [np.sqrt(loss) * a, np.sqrt(gain) * a.dag()]
    wrt = {"wc": number, "loss": "c_ops[0]", "gain": "c_ops[1]"}
    S, slopes, info = spectrum_sensitivity(wc * number, w, wrt, c_ops, a.dag(), a, info=True)
    d, k = w - wc, loss - gain
    bottom = d**2 + k**2 / 4
    assert pytest.approx(gain / bottom, rel=1e-9) == S
    assert slopes["wc"] == pytest.approx(2 * gain * d / bottom**2, abs=1e-9)
    # collapse operators hold their rate: the parameter is a factor on it
    assert slopes["loss"] == pytest.approx(-loss * gain * k / 2 / bottom**2, abs=1e-9)
    assert slopes["gain"] == pytest.approx(gain / bottom + gain * gain * k / 2 / bottom**2, abs=1e-9)
    assert info["error estimate"].max() < 1e-10


def test_resonance_fluorescence():
    # the centre of the incoherent spectrum of a driven atom, by its Rabi frequency, from Mollow's formula
    sm = qutip.sigmam()

    def exact(rabi):
        # <s+(tau) s-> - |<s>|^2 by the Bloch equations of gamma = 1; with <s+> = i a, a = rabi / (1 + 2 rabi^2)
        p, a = rabi**2 / (1 + 2 * rabi**2), rabi / (1 + 2 * rabi**2)
        # unknowns <s+(tau) s->, <s-(tau) s->, <s+s-(tau) s->, each without the product of its means
        L = np.array([[-0.5, 0, -1j * rabi], [0, -0.5, 1j * rabi], [-0.5j * rabi, 0.5j * rabi, -1]])
        start = np.array([p - a**2, a**2, 1j * p * a])
        return 2 * np.real(np.linalg.solve(-L, start)[0])

    S, slopes = spectrum_sensitivity(
        0.35 * qutip.sigmax(), [0.0], {"rabi": 0.5 * qutip.sigmax()}, [sm], sm.dag(), sm
    )
    assert slopes["rabi"][0] == pytest.approx(difference(exact, 0.7, 0.02), abs=1e-9)
    assert S[0] == pytest.approx(exact(0.7), rel=1e-9)


@pytest.mark.parametrize("N", [1, 3, pytest.param(20, marks=pytest.mark.slow)])
def test_against_differences_of_high_order(N):
    rates = {"emission": 0.4, "dephasing": 0.3, "collective_emission": 2 / N}
    jx, _, jz = jspin(N)
    jp, jm = jspin(N, "+"), jspin(N, "-")
    w = np.array([-1.2, 0.0, 0.4])

    def run(values):
        drive, detuning, *of_rates = values
        model = Dicke(N, drive * jx + detuning * jz, **dict(zip(rates, of_rates, strict=True)))
        return spectrum(model, w, a_op=jp, b_op=jm)

    at = np.array([0.8, 0.3, *rates.values()])
    S, slopes = spectrum_sensitivity(
        Dicke(N, at[0] * jx + at[1] * jz, **rates),
        w,
        {"x": jx, "z": jz, **{k: k for k in rates}},
        a_op=jp,
        b_op=jm,
    )
    scale = max(np.abs(s).max() for s in slopes.values())
    assert pytest.approx(run(at), rel=1e-8) == S
    for k, label in enumerate(["x", "z", *rates]) if N < 20 else [(0, "x"), (3, "dephasing")]:
        step = np.eye(5)[k]
        exact = difference(lambda v, step=step, k=k: run(at + (v - at[k]) * step), at[k], 0.02)
        assert slopes[label] == pytest.approx(exact, abs=3e-9 * scale)


def test_parameters_that_break_a_symmetry():
    # a drive turned on from nothing reaches elements that the steady state does not have
    N = 2
    jp, jm = jspin(N, "+"), jspin(N, "-")
    noise = {"emission": 1.0, "pumping": 0.5}
    w = [0.2]
    run = lambda v: spectrum(Dicke(N, jspin(N, "z") + v * jspin(N, "x"), **noise), w, a_op=jp, b_op=jm)  # noqa: E731
    model = Dicke(N, jspin(N, "z"), **noise)
    _, slopes = spectrum_sensitivity(model, w, jspin(N, "x"), a_op=jp, b_op=jm)
    assert slopes["wrt[0]"] == pytest.approx(difference(run, 0.0, 0.02), abs=1e-9)
    _, slopes = spectrum_sensitivity(model, w, jspin(N, "x"), a_op=jspin(N, "z"), b_op=jspin(N, "y"))
    run = lambda v: spectrum(  # noqa: E731
        Dicke(N, jspin(N, "z") + v * jspin(N, "x"), **noise), w, a_op=jspin(N, "z"), b_op=jspin(N, "y")
    )
    assert slopes["wrt[0]"] == pytest.approx(difference(run, 0.0, 0.02), abs=1e-9)


def test_bad_input():
    model = Dicke(2, jspin(2, "x"), emission=1.0)
    jp, jm = jspin(2, "+"), jspin(2, "-")
    with pytest.raises(ValueError, match="initial state"):
        spectrum_sensitivity(model, [0.0], ("rho0", jspin(2, "z")), a_op=jp, b_op=jm)
    with pytest.raises(ValueError, match="wlist"):
        spectrum_sensitivity(model, [np.nan], a_op=jp, b_op=jm)
    with pytest.raises(TypeError, match="a_op"):
        spectrum_sensitivity(model, [0.0], b_op=jm)
    with pytest.raises(piqs.SteadyStateError):
        spectrum_sensitivity(Dicke(2, jspin(2, "z"), dephasing=1.0), [0.0], a_op=jp, b_op=jm)
