"""Every model has every verb, and a verb gives the same on a model, on its equation and on its operators."""

import numpy as np
import pytest
import qutip

import piqs
from piqs import Channel, Composite, Dicke, Ensemble, MasterEquation, Mode, Space, excited_ket, jspin


def dicke():
    model = Dicke(3, jspin(3, "x"), emission=0.5, dephasing=0.2, collective_emission=0.3)
    return model, excited_ket(3), jspin(3, "z"), jspin(3, "-")


def mode():
    a = qutip.destroy(5)
    model = Mode(5, frequency=0.3, loss=1.0, occupation=0.05)
    return model, qutip.basis(5, 1), a.dag() * a, a


def composite():
    model = Composite(
        atoms=Dicke(2, jspin(2, "z"), emission=0.2), cavity=Mode(4, 1.0, loss=1.0), threshold=1.0
    )
    a = model.embed("cavity", qutip.destroy(4))
    coupling = a.dag() * model.embed("atoms", jspin(2, "-"))
    model.interaction = 0.5 * (coupling + coupling.dag()) + 0.3 * (a + a.dag())
    model.common_jumps = [Channel("heating", 0.1, a.dag())]
    return model, model.state(atoms=excited_ket(2), cavity=qutip.basis(4, 1)), a.dag() * a, a


def ensemble():
    model = Ensemble(2, levels=("e", "g1", "g2"))
    model.hamiltonian = 0.4 * model.number("e") + 0.3 * model.op("g1->e", hermitian=True)
    model.local("e->g1", 0.5)
    model.local("e->g2", 0.2)
    model.collective("g2->e", 0.3)
    return model, model.all_in("e"), model.number("e"), model.op("e->g1")


def equation():
    channels = [Channel("decay", 1.0, qutip.sigmam()), Channel("noise", 0.3, qutip.sigmaz())]
    model = MasterEquation(Space([2]), 0.7 * qutip.sigmax(), channels)
    return model, qutip.basis(2, 0), qutip.sigmaz(), qutip.sigmam()


MODELS = {f.__name__: f for f in (dicke, mode, composite, ensemble)}
TIMES = np.linspace(0, 2, 5)

# Each verb as a function of the problem (a model or an equation, or H beside c_ops), its state and two operators.
VERBS = {
    "mesolve": lambda p, c, psi, n, a: piqs.mesolve(*p, psi, TIMES, *c, e_ops=[n]).expect[0],
    "steadystate": lambda p, c, psi, n, a: piqs.steadystate(*p, *c).full(),
    "correlation_2op_1t": lambda p, c, psi, n, a: piqs.correlation_2op_1t(*p, psi, TIMES, *c, a.dag(), a),
    "correlation_2op_2t": lambda p, c, psi, n, a: piqs.correlation_2op_2t(
        *p, psi, TIMES[:2], TIMES, *c, a.dag(), a
    ),
    "correlation_3op_1t": lambda p, c, psi, n, a: piqs.correlation_3op_1t(*p, psi, TIMES, *c, a.dag(), n, a),
    "coherence_function_g1": lambda p, c, psi, n, a: piqs.coherence_function_g1(*p, psi, TIMES, *c, a)[0],
    "coherence_function_g2": lambda p, c, psi, n, a: piqs.coherence_function_g2(*p, psi, TIMES, *c, a)[0],
    "spectrum": lambda p, c, psi, n, a: piqs.spectrum(*p, TIMES, *c, a.dag(), a),
}
METHODS = {
    "mesolve": lambda m, psi, n, a: m.mesolve(psi, TIMES, [n]).expect[0],
    "steadystate": lambda m, psi, n, a: m.steadystate().full(),
    "correlation_2op_1t": lambda m, psi, n, a: m.correlation_2op_1t(psi, TIMES, a.dag(), a),
    "correlation_2op_2t": lambda m, psi, n, a: m.correlation_2op_2t(psi, TIMES[:2], TIMES, a.dag(), a),
    "correlation_3op_1t": lambda m, psi, n, a: m.correlation_3op_1t(psi, TIMES, a.dag(), n, a),
    "coherence_function_g1": lambda m, psi, n, a: m.coherence_function_g1(psi, TIMES, a)[0],
    "coherence_function_g2": lambda m, psi, n, a: m.coherence_function_g2(psi, TIMES, a)[0],
    "spectrum": lambda m, psi, n, a: m.spectrum(TIMES, a.dag(), a),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_verbs_on_models_equations_and_operators(make, verb):
    model, psi, n, a = make()
    own = METHODS[verb](model, psi, n, a)
    H, c_ops = model.equation(), (None,)
    by_model = VERBS[verb]((model,), (None,), psi, n, a)
    by_equation = VERBS[verb]((H,), c_ops, psi, n, a)
    by_operators = VERBS[verb]((model.hamiltonian,), (model.jump_operators(),), psi, n, a)
    assert np.array_equal(own, by_model)
    assert np.array_equal(own, by_equation)
    # rates enter as numbers here and as square roots there
    assert own == pytest.approx(by_operators, abs=1e-9)
    if verb == "mesolve":
        peer = qutip.mesolve(
            model.hamiltonian,
            psi,
            TIMES,
            model.jump_operators(),
            e_ops=[n],
            options={"rtol": 1e-10, "atol": 1e-12},
        )
        assert own == pytest.approx(peer.expect[0], abs=2e-6)


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_modes_of_the_generator(make):
    model = make()[0]
    values = model.liouvillian_eigenvalues(3)
    assert np.array_equal(values, piqs.liouvillian_eigenvalues(model, k=3))
    assert np.array_equal(values, piqs.liouvillian_eigenvalues(model.equation(), k=3))
    assert abs(values[0]) < 1e-9
    assert model.liouvillian_gap() == pytest.approx(-values[1].real, rel=1e-9)
    assert piqs.liouvillian_gap(model) == model.liouvillian_gap()
    found, modes = model.liouvillian_modes(2)
    assert found == pytest.approx(values[:2], abs=1e-9)
    L = qutip.liouvillian(model.hamiltonian, model.jump_operators())
    for value, rho in zip(found, modes, strict=True):
        assert np.abs((L(rho) - value * rho).full()).max() < 1e-8


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_trajectories_and_description(make):
    model, psi, n, _ = make()
    mean = model.mesolve(psi, TIMES, [n]).expect[0]
    result = model.mcsolve(psi, TIMES, [n], ntraj=200, seeds=1)
    assert np.all(np.abs(result.expect[0] - mean) < 5 * result.sem_expect[0] + 1e-6)
    assert "closed under the dynamics" in str(model.explain(psi, [n]))
    assert str(piqs.explain(model, psi, e_ops=[n])) == str(model.explain(psi, [n]))
    assert model._repr_latex_().startswith("$")
    assert repr(model)


def test_equation_of_ones_own():
    model, psi, n, a = equation()
    H, c_ops = 0.7 * qutip.sigmax(), [qutip.sigmam(), np.sqrt(0.3) * qutip.sigmaz()]
    got = piqs.mesolve(model, psi, TIMES, e_ops=[n]).expect[0]
    assert got == pytest.approx(piqs.mesolve(H, psi, TIMES, c_ops, [n]).expect[0], abs=1e-12)
    assert np.abs(piqs.steadystate(model).full() - qutip.steadystate(H, c_ops).full()).max() < 1e-9
    assert piqs.spectrum(model, TIMES, None, a.dag(), a) == pytest.approx(
        piqs.spectrum(H, TIMES, c_ops, a.dag(), a)
    )


def test_rates_that_depend_on_time():
    # p' = -g(t) p with g = 2t
    model = Dicke(4, emission=lambda t: 2 * t)
    result = model.mesolve(piqs.excited(4), TIMES, [jspin(4, "z")], options={"rtol": 1e-10, "atol": 1e-12})
    assert result.expect[0] + 2 == pytest.approx(4 * np.exp(-(TIMES**2)), abs=1e-8)
    peer = qutip.mesolve(
        0 * jspin(4, "z"), piqs.excited(4), TIMES, model.jump_operators(), e_ops=[jspin(4, "z")]
    )
    assert result.expect[0] == pytest.approx(peer.expect[0], abs=1e-4)
    cavity = Mode(6, loss=lambda t: 1.0 + np.cos(t))
    a = qutip.destroy(6)
    decayed = cavity.mesolve(qutip.basis(6, 3), TIMES, [a.dag() * a], options={"rtol": 1e-10, "atol": 1e-12})
    assert decayed.expect[0] == pytest.approx(3 * np.exp(-TIMES - np.sin(TIMES)), abs=1e-8)
    with pytest.raises(ValueError, match="rate of channel 'emission' must be real and >= 0, got -"):
        Dicke(2, emission=lambda t: np.cos(t)).mesolve(piqs.excited(2), [0, 3])
    with pytest.raises(ValueError, match="constant in time"):
        model.steadystate()


def test_composite_with_driven_parts():
    # a coherent drive of the cavity: alpha' = -i f(t) - kappa/2 alpha
    kappa, f = 1.0, lambda t: 0.2 * np.sin(t)
    a = qutip.destroy(8)
    system = Composite(atoms=Dicke(2, [[jspin(2, "x"), lambda t: t]]), cavity=Mode(8, loss=kappa))
    field = system.embed("cavity", a)
    system.interaction = [[field + field.dag(), f]]
    start = system.state(piqs.excited_ket(2), qutip.basis(8, 0))
    jz = system.embed("atoms", jspin(2, "z"))
    result = system.mesolve(start, TIMES, [field, jz], options={"rtol": 1e-9, "atol": 1e-11})
    # integral of exp(-(t-s)/2) sin(s)
    alpha = -0.2j * (np.sin(TIMES) / 2 - np.cos(TIMES) + np.exp(-TIMES / 2)) / 1.25
    assert result.expect[0] == pytest.approx(alpha, abs=1e-6)
    assert result.expect[1] == pytest.approx(np.cos(TIMES**2 / 2), abs=1e-6)


def test_names_of_parts_and_channels():
    system = composite()[0]
    names = [channel.name for channel in system.equation().channels]
    assert names == ["atoms.emission", "cavity.loss", "heating"]
    assert system.atoms.N == 2
    assert system.embed("cavity", qutip.num(4)) == system.embed(1, qutip.num(4))
    assert set(system.space.quantum_numbers) == {"j", "m", "n"}
    with pytest.raises(AttributeError, match="subsystems are"):
        system.laser  # noqa: B018
    with pytest.raises(IndexError, match="must be a subsystem"):
        system.embed("laser", qutip.num(4))
    with pytest.raises(ValueError, match="another name"):
        Composite(space=Mode(3))
    with pytest.raises(ValueError, match="different names"):
        MasterEquation(Space([2]), None, 2 * [Channel("decay", 1.0, qutip.sigmam())])
