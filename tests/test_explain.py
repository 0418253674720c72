"""The sizes and structure reported before a run are those of the run."""

import numpy as np
import pytest
import qutip

import piqs
from piqs import Dicke, css, excited, explain, ghz, ground, jspin

REDUCED = "closed under the dynamics, real"


def test_sizes_of_an_ensemble():
    found = Dicke(100, emission=1.0, collective_emission=1.0).explain(excited(100))
    n_ds = 51**2
    assert found.sizes["2^N x 2^N, complex"][0] == 2 * 4.0**100
    assert found.sizes["Dicke kets squared, complex"][0] == 2 * n_ds**2
    assert found.sizes["blocks of equal j, complex"][0] == 2 * 176_851
    assert found.sizes[REDUCED] == (2_601, 8 * 2_601)
    assert found.findings == ["populations only"]
    assert "2,601" in str(found)


@pytest.mark.parametrize("state", [excited, ground, css, ghz])
def test_sizes_are_those_of_the_run(state):
    N = 6
    system = Dicke(N, jspin(N, "x"), emission=0.3, collective_dephasing=0.2)
    for e_ops in (None, [jspin(N, "z")], {"coherence": jspin(N, "-")}):
        found = system.explain(state(N), e_ops)
        result = system.mesolve(state(N), [0.0], e_ops)
        assert found.sizes[REDUCED][0] == result.stats["unknowns"]
        assert found.nonzeros == result.stats["nonzeros"]


def test_steady_state_problem():
    N = 6
    system = Dicke(N, jspin(N, "x"), emission=0.3)
    _, info = system.steadystate(info=True)
    assert system.explain().sizes[REDUCED][0] == info["unknowns"]


def test_structure_in_words():
    N = 8
    jp, jm = jspin(N, "+"), jspin(N, "-")
    twisting = Dicke(N, -0.5j * (jp @ jp - jm @ jm), emission=0.2).explain(excited(N))
    assert any("coherence orders in m: 0, 2, 4" in line and "parity" in line for line in twisting.findings)
    assert "each coherence with its real or its imaginary part only" in twisting.findings
    driven = Dicke(N, jspin(N, "x") + jspin(N, "z"), emission=0.2).explain(excited(N))
    assert not any("parity" in line for line in driven.findings)
    assert not any("real or its imaginary" in line for line in driven.findings)


def test_any_number_of_emitters_at_once():
    N = 100
    driven = Dicke(N, jspin(N, "x"), emission=0.3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("piqs.solvers.description._MOST", 10_000)
        found = driven.explain(excited(N))
        assert found.nonzeros is None
        assert "more than 10,000 unknowns are coupled" in str(found)
    found = Dicke(10**5, emission=1.0, pumping=0.5).explain()
    assert found.sizes["Dicke kets squared, complex"][0] == 2 * (50_001**2) ** 2
    assert "more than 500,000 kets, not searched" in found.findings
    text = str(Dicke(10**6, emission=1.0).explain())
    digits = int(10**6 * np.log10(4) + np.log10(2))
    assert f"e+{digits}" in text


def test_any_lindblad_equation():
    a = qutip.destroy(10)
    found = explain(qutip.num(10), qutip.fock_dm(10, 5), [a])
    assert found.sizes["density matrix, complex"] == (200, 1600)
    assert found.sizes[REDUCED][0] == 6
    assert explain(qutip.liouvillian(qutip.num(10), [a]), qutip.fock_dm(10, 5)).sizes[REDUCED][0] == 6
    coherent = explain(qutip.num(10), qutip.coherent(10, 1.0), [a], [a.dag() * a])
    # populations only, and |0> feeds no photon number
    assert coherent.sizes[REDUCED][0] == 9
    drive = [qutip.num(10), [a + a.dag(), lambda t, w: np.cos(w * t)]]
    assert explain(drive, qutip.basis(10, 0), [a], args={"w": 1.0}).sizes[REDUCED][0] == 100


def test_bad_input():
    with pytest.raises(TypeError, match="rho0 has dims"):
        Dicke(4).explain(excited(3))
    with pytest.raises(TypeError, match=r"e_ops\[0\] has dims"):
        Dicke(4, emission=1.0).explain(excited(4), [jspin(3, "z")])
    with pytest.raises(ValueError, match="rho0 must have trace 1"):
        piqs.explain(jspin(2, "z"), 2 * excited(2))
