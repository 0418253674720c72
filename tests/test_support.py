"""Evolution of the occupied elements against that of all, and against emitters that are independent of each other."""

import numpy as np
import pytest
import qutip
import scipy.linalg as la

from piqs import Dicke, css, excited, jspin, mesolve
from piqs.integrators.support import Support

pytestmark = pytest.mark.xdist_group("blocks")  # one worker compiles the kernels

TIMES = np.linspace(0, 2, 6)


@pytest.fixture(autouse=True)
def parts(monkeypatch):
    """The part of all elements that each step has kept; at these sizes all would be kept too soon."""
    kept = []
    held = Support._held

    def noted(self, x):
        kept.append(self.generator.n / self._whole.n)
        return held(self, x)

    monkeypatch.setattr(Support, "_held", noted)
    monkeypatch.setattr("piqs.integrators.support._MOST", 0.99)
    return kept


def one_emitter(drive, detuning, emission, dephasing, psi, times):
    """<sigma_z> of one driven emitter by the exponential of its Liouvillian."""
    H = 0.5 * (drive * qutip.sigmax() + detuning * qutip.sigmaz())
    c_ops = [np.sqrt(emission) * qutip.sigmam(), np.sqrt(dephasing) * qutip.sigmaz() / 2]
    L = qutip.liouvillian(H, c_ops).full()
    rho = qutip.operator_to_vector(qutip.ket2dm(psi)).full()
    z = qutip.operator_to_vector(qutip.sigmaz()).full().conj().T
    return np.array([(z @ la.expm(t * L) @ rho).real.item() for t in times])


@pytest.mark.parametrize(("detuning", "rtol"), [(0.0, 1e-3), (0.5, 1e-6), (0.0, 1e-9)])
def test_independent_emitters(detuning, rtol, parts):
    N, emission, dephasing = 60, 0.1, 0.2
    ensemble = Dicke(N, jspin(N, "x") + detuning * jspin(N, "z"), emission=emission, dephasing=dephasing)
    jz = jspin(N, "z")
    options = {"method": "support", "rtol": rtol}
    result = ensemble.mesolve(excited(N), TIMES, [jz, jz @ jz], options=options)
    z = one_emitter(1.0, detuning, emission, dephasing, qutip.basis(2, 0), TIMES)
    exact = [N / 2 * z, N / 4 + N * (N - 1) / 4 * z**2]
    estimate = result.stats["error estimate"]
    assert 0 < estimate <= 1.1 * rtol
    for values, right, norm in zip(result.expect, exact, (N / 2, N**2 / 4), strict=True):
        # |Tr A dX| <= |A| times the trace norm, and rounding of sums of numbers up to |A|
        assert np.abs(values - right).max() <= (estimate + 1e-12) * norm
    assert result.stats["method"] == "support"
    assert min(parts) < 0.2


@pytest.mark.parametrize(("state", "rtol"), [("excited", 1e-8), ("tilted", 1e-4), ("turned", 1e-8)])
def test_against_all_elements(state, rtol, parts):
    N = 40
    ensemble = Dicke(N, jspin(N, "x"), collective_emission=1 / N, dephasing=0.05, pumping=0.02)
    rho0 = {"excited": excited(N), "tilted": css(N, 0.8, 0.6j), "turned": css(N, 0.6, 0.8)}[state]
    observables = [jspin(N, "z"), jspin(N, "-")]
    given = {"rtol": rtol, "store_states": True}
    found = ensemble.mesolve(rho0, TIMES, observables, options={"method": "support", **given})
    right = ensemble.mesolve(
        rho0, TIMES, observables, options={"method": "faber", "rtol": 1e-12, "store_states": True}
    )
    estimate = found.stats["error estimate"]
    assert 0 < estimate <= 1.1 * rtol
    off = [
        np.abs(np.linalg.eigvalsh((a - b).full())).sum()
        for a, b in zip(found.states, right.states, strict=True)
    ]
    assert max(off) <= estimate + 1e-11
    for a, b in zip(found.expect, right.expect, strict=True):
        assert np.abs(a - b).max() <= (estimate + 1e-11) * N / 2
    assert min(parts) < 0.95  # coherent states of 40 emitters fill most of their blocks


def test_values_and_states_are_the_same():
    N = 40
    ensemble = Dicke(N, jspin(N, "x"), dephasing=0.05)
    options = {"method": "support", "rtol": 1e-7}
    by_value = ensemble.mesolve(
        excited(N), TIMES, [jspin(N, "z")], options={**options, "store_final_state": True}
    )
    by_state = ensemble.mesolve(excited(N), TIMES, options=options)
    values = [(jspin(N, "z") @ state).tr().real for state in by_state.states]
    np.testing.assert_allclose(values, by_value.expect[0], atol=1e-7 * N / 2, rtol=0)
    assert abs((by_value.final_state - by_state.states[-1]).full()).max() < 1e-7


def test_a_state_that_fills_its_blocks_is_followed_on_all_elements(monkeypatch, parts):
    monkeypatch.setattr("piqs.integrators.support._MOST", 0.5)
    N = 10
    ensemble = Dicke(N, jspin(N, "x"), collective_emission=1 / N, dephasing=0.1)
    given = (excited(N), np.linspace(0, 10, 11), [jspin(N, "z")])
    found = ensemble.mesolve(*given, options={"method": "support"})
    right = ensemble.mesolve(*given, options={"method": "faber", "rtol": 1e-10})
    np.testing.assert_allclose(found.expect[0], right.expect[0], atol=1e-6 * N / 2, rtol=0)
    assert parts[-1] == 1.0


@pytest.mark.slow
def test_auto_takes_it_where_narrow_states_move_in_large_blocks(monkeypatch):
    monkeypatch.setattr("piqs.integrators.choose.LARGEST_ASSEMBLED", 5)
    N = 80
    ensemble = Dicke(N, jspin(N, "x"), collective_emission=1 / N, dephasing=0.01)
    times = [0, 0.1]  # the choice is made at the beginning
    narrow = ensemble.mesolve(excited(N), times, [jspin(N, "z")])
    assert narrow.stats["method"] == "support"
    broad = qutip.Qobj(np.eye(jspin(N, "z").shape[0]), dims=jspin(N, "z").dims).unit()
    assert ensemble.mesolve(broad, times, [jspin(N, "z")]).stats["method"] == "faber"


def test_what_has_no_blocks_is_refused():
    N, options = 4, {"method": "support"}
    with pytest.raises(ValueError, match=r"'support' does not apply.*without being stored.*'auto'"):
        Dicke(N, jspin(N, "z"), emission=1.0).mesolve(excited(N), TIMES, options=options)
    H = [[jspin(N, "x"), lambda t: np.cos(t)]]
    with pytest.raises(ValueError, match=r"'support' does not apply.*without being stored.*'auto'"):
        mesolve(H, excited(N), TIMES, Dicke(N, emission=1.0).jump_operators(), options=options)
