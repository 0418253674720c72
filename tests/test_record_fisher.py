"""Fisher information of records against closed forms: Poisson and renewal processes, Gaussian currents, measured spins."""

import numpy as np
import pytest
import qutip
from scipy.integrate import quad

import piqs
from piqs import Dicke, css, excited, jspin, record_fisher

SM = qutip.sigmam()


def agrees(found, exact, sigmas=4.5):
    exact = np.broadcast_to(np.asarray(exact, dtype=float), found.fisher.shape)
    assert np.all(np.abs(found.fisher - exact) <= sigmas * found.error + 1e-9 * (1 + exact)), (found, exact)
    assert np.all(np.abs(found.score) <= 5 * found.score_error + 1e-9)


@pytest.mark.parametrize("N", [1, 20])
def test_decay_of_independent_emitters(N):
    # each photon comes at exp(-gt): F = N (1 - exp(-gT)) / g^2, of the whole record as of any order statistics of it
    g, t = 0.7, np.array([0.0, 0.5, 2.0, 20.0])
    found = record_fisher(Dicke(N, emission=g), excited(N), t, "emission", ntraj=1200 if N == 1 else 300)
    agrees(found, N * (1 - np.exp(-g * t)) / g**2)


def test_inefficient_and_silent_detectors():
    # a photon is seen with probability eta: a mixture of silence and a click at a time with density eta g exp(-gt)
    g, eta, T = 0.7, 0.4, 3.0
    silent = 1 - eta * (1 - np.exp(-g * T))
    exact = (eta * T * np.exp(-g * T)) ** 2 / silent
    exact += quad(lambda t: (1 / g - t) ** 2 * eta * g * np.exp(-g * t), 0, T)[0]
    atom = Dicke(1, emission=g)
    agrees(record_fisher(atom, excited(1), [0, T], "emission", {"emission": eta}, ntraj=2000), [0, exact])
    # what reaches no detector tells nothing
    two = Dicke(1, emission=g, dephasing=0.5)
    found = record_fisher(two, excited(1), [0, T], "dephasing", "dephasing", ntraj=500)
    agrees(found, [0, T / (4 * 0.5)])  # clicks of dephasing on an eigenstate come at random, at the rate g/4


def test_clicks_of_a_coherent_cavity_are_poissonian():
    # <n>(t) = |alpha|^2 with alpha' = -k/2 alpha + drive: clicks at k |alpha|^2, F = int (d rate)^2 / rate
    k, drive, t = 1.0, 0.6, np.array([0.0, 1.0, 4.0])
    a = qutip.destroy(12)
    H, V = -1j * drive * (a - a.dag()), -1j * (a - a.dag())
    found = record_fisher(H, qutip.basis(12, 0), t, V, 0, c_ops=[np.sqrt(k) * a], ntraj=500)
    grown = lambda s: 2 / k * (1 - np.exp(-k * s / 2))  # noqa: E731
    exact = [quad(lambda s: 4 * k * grown(s) ** 2, 0, end)[0] for end in t]
    agrees(found, exact)
    # the whole of it is in the intensity: no other measurement of the light knows more
    assert found.fisher[-1] < 1.2 * quad(lambda s: 4 * k * grown(s) ** 2, 0, t[-1])[0]


def test_resonance_fluorescence_is_a_renewal_process():
    # after each click the atom is in its ground state: F grows at the click rate times int (dw)^2 / w
    rabi, T = 1.3, 40.0

    def density(tau, w):
        # waiting times of a driven atom (H. J. Carmichael et al., Phys. Rev. A 39, 1200 (1989)), gamma = 1
        root = np.sqrt(complex(0.25 - w**2))
        return (np.exp(-tau / 2) * (w / root) ** 2 * np.sinh(root * tau / 2) ** 2).real

    h = 1e-4
    information = quad(
        lambda s: ((density(s, rabi + h) - density(s, rabi - h)) / (2 * h)) ** 2 / max(density(s, rabi), 1e-300),
        1e-6, 60, limit=400,
    )[0]  # fmt: skip
    rate = rabi**2 / (1 + 2 * rabi**2)
    t = np.array([0.0, 10.0, 10.0 + T])
    found = record_fisher(
        0.5 * rabi * qutip.sigmax(), qutip.basis(2, 1), t, 0.5 * qutip.sigmax(), 0, c_ops=[SM], ntraj=600
    )
    slope = (found.fisher[2] - found.fisher[1]) / T
    assert slope == pytest.approx(rate * information, abs=5 * np.hypot(*found.error[1:]) / T)
    # clicks know all that the light knows
    light = piqs.field_qfi_rate(0.5 * rabi * qutip.sigmax(), 0.5 * qutip.sigmax(), [SM])
    assert rate * information == pytest.approx(light, rel=1e-4)


@pytest.mark.slow
def test_homodyne_of_a_coherent_cavity_is_gaussian():
    # dY = sqrt(k) 2 Re(alpha) dt + dW, whatever the record: F = int (d mean)^2
    k, t = 1.0, np.array([0.0, 1.0, 4.0])
    a = qutip.destroy(10)
    H, V = -0.4j * (a - a.dag()), -1j * (a - a.dag())
    problem = {"detected": 0, "detection": "homodyne", "c_ops": [np.sqrt(k) * a]}
    found = record_fisher(H, qutip.basis(10, 0), t, V, ntraj=256, **problem)
    exact = [quad(lambda s: k * (4 / k * (1 - np.exp(-k * s / 2))) ** 2, 0, end)[0] for end in t]
    agrees(found, exact)
    blind = record_fisher(H, qutip.basis(10, 0), t, V, phase=np.pi / 2, ntraj=64, **problem)
    assert np.abs(blind.fisher).max() < 1e-6  # the other quadrature has no mean


def test_measurement_of_a_spin():
    # 20 emitters under a measurement of J_z: each m alone gives a current 2 sqrt(g) m, F = m^2 T / g
    N, g, T = 20, 0.3, 1.5
    model = Dicke(N, collective_dephasing=g)
    found = record_fisher(
        model, piqs.dicke(N, N / 2, 4), [0, T], "collective_dephasing", detection="homodyne", ntraj=400
    )
    agrees(found, [0, 4**2 * T / g])
    # an even mixture of m and -m: the sign is soon known, and tells nothing
    both = 0.5 * (piqs.dicke(N, N / 2, 4) + piqs.dicke(N, N / 2, -4))
    found = record_fisher(model, both, [0, T], "collective_dephasing", detection="homodyne", ntraj=400)
    assert found.fisher[-1] == pytest.approx(4**2 * T / g, abs=6 * found.error[-1])


@pytest.mark.slow
def test_several_noises_and_both_routes_of_the_mean():
    # two channels under homodyne detection: scores have mean zero, and a record tells less than the light
    N = 2
    model = Dicke(N, 0.6 * jspin(N, "x"), collective_emission=0.8, collective_dephasing=0.5)
    t = np.array([0.0, 1.0, 3.0])
    found = record_fisher(model, css(N), t, jspin(N, "y"), detection="homodyne", ntraj=400)
    assert np.all(np.abs(found.score) <= 5 * found.score_error + 1e-9)
    assert found.stats["step error"] < 0.1


def test_bad_input():
    model = Dicke(2, jspin(2, "x"), emission=1.0)
    with pytest.raises(ValueError, match="detected must be channels"):
        record_fisher(model, excited(2), [0, 1], "emission", "pumping")
    with pytest.raises(ValueError, match="efficiency"):
        record_fisher(model, excited(2), [0, 1], "emission", {"emission": 1.2})
    with pytest.raises(ValueError, match="one parameter"):
        record_fisher(model, excited(2), [0, 1], ["emission", jspin(2, "x")])
    with pytest.raises(ValueError, match="ntraj"):
        record_fisher(model, excited(2), [0, 1], "emission", ntraj=1)
    with pytest.raises(ValueError, match="detection"):
        record_fisher(model, excited(2), [0, 1], "emission", detection="heterodyne")


def test_records_that_are_too_rare_to_be_seen_are_said():
    # F = t / gamma, from records with a photon of which there is none.
    with pytest.warns(piqs.AccuracyWarning, match="too rare"):
        piqs.record_fisher(piqs.Dicke(1, emission=1e-30), piqs.excited(1), [0, 1], "emission", ntraj=20)
