"""What QuTiP's solvers take is taken: compared with matrix exponentials, closed forms, and QuTiP's own solvers."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import qutip
from scipy.linalg import expm

import piqs
from piqs import Dicke, css_ket, jspin, mesolve, steadystate

SX, SZ, SM, SP = qutip.sigmax(), qutip.sigmaz(), qutip.sigmam(), qutip.sigmap()
UP, DOWN = qutip.basis(2, 0), qutip.basis(2, 1)
TIMES = np.linspace(0, 2, 5)
TIGHT = {"rtol": 1e-10, "atol": 1e-12}
H, C_OPS = 0.3 * SZ + SX, [SM]


def exact(operator, times=TIMES):
    """exp(tL) applied to an operator, by the dense exponential."""
    L = qutip.liouvillian(H, C_OPS).full()
    return [(expm(t * L) @ operator.full().ravel("F")).reshape(2, 2, order="F") for t in times]


@pytest.mark.parametrize(
    "operator", [UP * DOWN.dag(), SZ, 1j * SX, 0 * SZ, qutip.qeye(2), SM * (0.3 + 2j) + SZ]
)
def test_any_operator_evolves(operator):
    expected = exact(operator)
    result = mesolve(H, operator, TIMES, C_OPS, options=TIGHT)
    assert max(np.abs(s.full() - e).max() for s, e in zip(result.states, expected, strict=True)) < 1e-9
    e_ops = {"z": SZ, "m": SM, "trace": lambda t, rho: rho.tr()}
    result = mesolve(H, operator, TIMES, C_OPS, e_ops, options={**TIGHT, "store_final_state": True})
    assert result.states == []
    assert np.abs(result.final_state.full() - expected[-1]).max() < 1e-9
    for key, op in (("z", SZ), ("m", SM), ("trace", qutip.qeye(2))):
        values = [np.trace(op.full() @ e) for e in expected]
        assert np.abs(np.array(result.e_data[key]) - values).max() < 1e-9


def test_quantum_regression_by_hand_in_an_ensemble():
    N = 4
    ensemble = Dicke(N, jspin(N, "z"), collective_emission=1.0, pumping=2.0)
    jp, jm = jspin(N, "+"), jspin(N, "-")
    for L, c_ops in ((ensemble.liouvillian(), []), (ensemble.hamiltonian, ensemble.jump_operators())):
        rho = steadystate(L, c_ops)
        g1 = mesolve(L, jm * rho, TIMES, c_ops, [jp], options=TIGHT).expect[0]
        reference = ensemble.correlation_2op_1t(None, TIMES, jp, jm, options=TIGHT)
        assert np.abs(g1 - reference).max() < 1e-9
        g2 = mesolve(L, jm * rho * jp, TIMES, c_ops, [jp * jm], options=TIGHT).expect[0]
        reference = ensemble.correlation_3op_1t(None, TIMES, jp, jp * jm, jm, options=TIGHT)
        assert np.abs(g2 - reference).max() < 1e-9


@pytest.mark.parametrize("drive", ["constant", "driven", "complex"])
def test_a_ket_stays_a_ket(drive):
    pulse = [[SP, lambda t: np.exp(2j * t) * (t > 0.7)], [SM, lambda t: np.exp(-2j * t) * (t > 0.7)]]
    hamiltonian = {"constant": H, "driven": [SZ, [SX, lambda t: np.cos(t)]], "complex": [SZ, *pulse]}[drive]
    psi = (2 * UP + 1j * DOWN).unit()
    result = mesolve(hamiltonian, psi, TIMES, options=TIGHT)
    assert all(state.isket and state.dims == psi.dims for state in result.states)
    as_matrix = mesolve(hamiltonian, psi.proj(), TIMES, options=TIGHT)
    assert max((s.proj() - r).norm() for s, r in zip(result.states, as_matrix.states, strict=True)) < 1e-8
    theirs = qutip.sesolve(hamiltonian, psi, TIMES, options={**TIGHT, "max_step": 0.01, "nsteps": 10**6})
    assert max((s - r).norm() for s, r in zip(result.states, theirs.states, strict=True)) < 1e-6
    e_ops = [SZ, SM, lambda t, state: state.norm(), qutip.QobjEvo([SX, lambda t: t])]
    values = mesolve(hamiltonian, psi, TIMES, [], e_ops, options=TIGHT).expect
    for op, series in zip(e_ops[:2], values[:2], strict=True):
        assert np.abs(series - qutip.expect(op, result.states)).max() < 1e-12
        assert np.iscomplexobj(series) == (not op.isherm)
    assert np.abs(values[2] - 1).max() < 1e-8
    assert np.abs(values[3] - TIMES * qutip.expect(SX, result.states)).max() < 1e-12
    with pytest.warns(piqs.UnphysicalWarning, match="trace 1, got 4"):
        assert mesolve(H, 2 * psi, [0, 1]).states[-1].norm() == pytest.approx(2, abs=1e-6)


@pytest.mark.parametrize("start", [UP, UP.proj()])
def test_generators_that_keep_no_trace_are_not_normalised(start):
    """The generating function of counted photons, and the probability that nothing was lost."""
    # one emission only from the excited state, counted: 1 - (1 - exp(s)) (1 - exp(-gamma t))
    s, gamma, t = 0.4j - 0.3, 0.7, 1.3
    jump = np.sqrt(gamma) * SM
    tilted = qutip.liouvillian(0.2 * SZ, [jump]) + (np.exp(s) - 1) * qutip.sprepost(jump, jump.dag())
    with pytest.warns(piqs.UnphysicalWarning, match="preserve the trace"):
        result = mesolve(tilted, start, [0, t], e_ops=[qutip.qeye(2)])
    assert abs(result.expect[0][-1] - (1 - (1 - np.exp(s)) * -np.expm1(-gamma * t))) < 1e-7
    with pytest.warns(piqs.UnphysicalWarning, match="preserve the trace"):
        assert np.isrealobj(
            mesolve(qutip.liouvillian(SX - 0.1j * SP * SM), start, [0, t], e_ops=[SZ]).expect[0]
        )
    with pytest.warns(piqs.UnphysicalWarning, match="Hermitian"):
        lossy = mesolve(0.2 * SZ - 0.5j * gamma * SP * SM, start, [0, t], e_ops=[SP * SM])
    assert abs(lossy.expect[0][-1] - np.exp(-gamma * t)) < 1e-7
    with pytest.warns(piqs.UnphysicalWarning, match="Hermitian"):
        divided = mesolve(
            0.2 * SZ - 0.5j * gamma * SP * SM,
            start,
            [0, t],
            e_ops=[SP * SM],
            options={"normalize_output": True},
        )
    assert abs(divided.expect[0][-1] - 1) < 1e-7


def test_a_ket_of_many_sites_takes_one_vector():
    n = 8

    def place(op, k):
        return qutip.tensor([op if i == k else qutip.qeye(2) for i in range(n)])

    chain = sum(place(SX, k) + 0.5 * place(SZ, k) for k in range(n))
    chain += sum(place(SZ, k) * place(SZ, k + 1) for k in range(n - 1))
    psi = qutip.tensor([UP] * n)
    result = mesolve(chain, psi, [0.0, 1.0, 2.0], e_ops=[place(SZ, 0)])
    assert result.stats["unknowns"] <= 2 * 2**n
    final = expm(-2j * chain.full()) @ psi.full()
    assert abs(result.expect[0][-1] - qutip.expect(place(SZ, 0), qutip.Qobj(final, dims=psi.dims))) < 1e-6


FEEDBACK = qutip.QobjEvo(
    [qutip.destroy(10), lambda t, A: A - 4.0], args={"A": qutip.MESolver.ExpectFeedback(qutip.num(10))}
)
A, B = qutip.enr_destroy([3, 2], 2)
HANDED_OVER = {
    "function": (lambda t: SZ + np.cos(t) * SX, UP, [SM], SZ),
    "feedback": (qutip.num(10), qutip.basis(10, 7), [FEEDBACK], qutip.num(10)),
    "restricted": (A.dag() * A + B.dag() * B, qutip.enr_fock([3, 2], 2, [1, 1]), [A, B], A.dag() * A),
    "map": (SX, qutip.to_super(qutip.qeye(2)), [SM], None),
}


@pytest.mark.parametrize("name", HANDED_OVER)
def test_handed_over_to_qutip(name):
    hamiltonian, state, c_ops, op = HANDED_OVER[name]
    e_ops = [] if op is None else [op]
    result = mesolve(hamiltonian, state, TIMES, c_ops, e_ops)
    assert result.stats["solver"].startswith("QuTiP")
    assert result.stats["handed over"]
    theirs = qutip.mesolve(hamiltonian, state, TIMES, c_ops, e_ops=e_ops, options={**TIGHT, "nsteps": 10**5})
    if op is None:
        assert max((a - b).norm() for a, b in zip(result.states, theirs.states, strict=True)) < 1e-6
    else:
        assert np.abs(result.expect[0] - theirs.expect[0]).max() < 1e-6
    if name != "map":
        with pytest.raises((piqs.NotExpressibleError, ValueError)):
            mesolve(hamiltonian, state, TIMES, c_ops, e_ops, options={"method": "faber"})
        with pytest.raises(piqs.NotExpressibleError):
            piqs.explain(hamiltonian, state, c_ops)


def test_feedback_against_the_rate_equation():
    # dp_n/dt = (<n> - 4)^2 ((n+1) p_{n+1} - n p_n), whose mean obeys n' = -(n - 4)^2 n
    from scipy.integrate import solve_ivp

    values = mesolve(*HANDED_OVER["feedback"][:2], [0, 1, 2, 3], [FEEDBACK], [qutip.num(10)]).expect[0]
    reference = solve_ivp(lambda t, n: -((n - 4) ** 2) * n, (0, 3), [7.0], t_eval=[0, 1, 2, 3], rtol=1e-10)
    assert np.abs(values - reference.y[0]).max() < 1e-6


def test_models_are_handed_over_too():
    ensemble = Dicke(2, jspin(2, "x"), emission=1.0)
    whole = ensemble.mesolve(qutip.to_super(qutip.qeye(4)), [0, 1]).states[-1]
    rho = css_ket(2).proj()
    final = ensemble.mesolve(rho, [0, 1]).states[-1]
    assert (qutip.vector_to_operator(whole @ qutip.operator_to_vector(rho)) - final).norm() < 1e-5


def test_steady_states_take_qutips_keywords():
    reference = steadystate(H, C_OPS)
    assert (steadystate(A=H, c_ops=C_OPS) - reference).norm() < 1e-12
    assert (steadystate(H=H, c_ops=C_OPS, rho=UP.proj()) - reference).norm() < 1e-9
    assert (steadystate(H, C_OPS, method="power-bicgstab") - reference).norm() < 1e-9
    assert (steadystate(H, C_OPS, method="iterative-gmres") - reference).norm() < 1e-9
    keywords = {"solver": "spsolve", "use_rcm": True, "maxiter": 10, "atol": 1e-22}
    with pytest.warns(UserWarning, match=r"\['atol', 'maxiter', 'solver', 'use_rcm'\] have no effect"):
        assert (steadystate(H, C_OPS, method="direct", **keywords) - reference).norm() < 1e-12
    for wrong, error in (
        ({"method": "direct-magic"}, ValueError),
        ({"solver": "magic"}, ValueError),
        ({"bad": 1}, TypeError),
        ({"H": H}, TypeError),
    ):
        with pytest.raises(error):
            steadystate(H, C_OPS, **wrong)
    with pytest.raises(piqs.NoDissipationError) as caught:
        steadystate(H)
    assert isinstance(caught.value, (TypeError, piqs.SteadyStateError))


def test_steady_states_that_qutip_finds():
    ours, info = steadystate(A.dag() * A, [A, B, 0.5 * A.dag()], info=True)
    assert info["method"].startswith("QuTiP")
    assert (ours - qutip.steadystate(A.dag() * A, [A, B, 0.5 * A.dag()])).norm() < 1e-10
    far = steadystate(H, C_OPS, method="propagator", propagator_tol=1e-12)
    assert (far - steadystate(H, C_OPS)).norm() < 1e-9
    # QuTiP starts from a random state, which at its own tolerance may pass for converged.
    never = {"propagator_max_iter": 1, "propagator_T": 0.01, "propagator_tol": 1e-14}
    with pytest.raises(RuntimeError, match="converge"):
        steadystate(H, C_OPS, method="propagator", **never)


def test_three_and_four_operators_at_two_times():
    c_ops, options = [0.7 * SM], {**TIGHT, "nsteps": 10**5}
    problem = (H, UP, TIMES, TIMES[:3], c_ops)
    ours = piqs.correlation_3op_2t(*problem, SP, SZ + 1j * SM, SM, options=TIGHT)
    theirs = qutip.correlation_3op_2t(*problem, SP, SZ + 1j * SM, SM, options=options)
    assert np.abs(ours - theirs).max() < 1e-7
    four = piqs.correlation_4op_2t(*problem, SP, SP, SM, SM, options=TIGHT)
    assert np.abs(four - piqs.correlation_3op_2t(*problem, SP, SP * SM, SM, options=TIGHT)).max() < 1e-12
    one = piqs.correlation_4op_1t(H, None, TIMES, c_ops, SP, SP, SM, SM, options=TIGHT)
    assert (
        np.abs(one - piqs.correlation_3op_1t(H, None, TIMES, c_ops, SP, SP * SM, SM, options=TIGHT)).max()
        < 1e-12
    )

    def driven(t):
        return H + np.cos(t) * SX

    ours = piqs.correlation_2op_2t(driven, UP, TIMES[:2], TIMES, c_ops, SP, SM)
    theirs = piqs.correlation_2op_2t([H, [SX, lambda t: np.cos(t)]], UP, TIMES[:2], TIMES, c_ops, SP, SM)
    assert np.abs(ours - theirs).max() < 1e-6


def test_solver_objects():
    decay = qutip.QobjEvo([SM, lambda t, k: np.sqrt(k * np.exp(-t))], args={"k": 1.0})
    solver = piqs.MESolver(H, [decay])
    values = solver.run(UP, TIMES, e_ops=[SZ]).expect[0]
    assert np.abs(values - mesolve(H, UP, TIMES, [decay], [SZ]).expect[0]).max() < 1e-9
    assert solver.run(UP, TIMES).stats["solver"] == "Reduced master equation"
    # a step goes on from where the run ended
    after = solver.step(3.0)
    assert abs(qutip.expect(SZ, after) - mesolve(H, UP, [0, 3], [decay], [SZ]).expect[0][-1]) < 1e-4
    solver.start(UP, 0.0)
    assert abs(qutip.expect(SZ, solver.step(TIMES[-1])) - values[-1]) < 1e-4
    assert np.abs(solver.run(UP, TIMES, e_ops=[SZ], args={"k": 0.0}).expect[0] - values).max() > 1e-2
    again = pickle.loads(pickle.dumps(piqs.MESolver(H, C_OPS))).run(UP, TIMES, e_ops=[SZ]).expect[0]
    assert np.abs(again - mesolve(H, UP, TIMES, C_OPS, [SZ]).expect[0]).max() < 1e-12
    ensemble = Dicke(2, jspin(2, "x"), emission=1.0)
    final = piqs.MESolver(ensemble).run(piqs.excited(2), [0, 1]).states[-1]
    assert (final - ensemble.mesolve(piqs.excited(2), [0, 1]).states[-1]).norm() < 1e-9
    by_object = piqs.correlation_3op(piqs.MESolver(H, C_OPS), UP, [0.0], TIMES, SP, SZ, SM)[0]
    assert np.abs(by_object - piqs.correlation_3op_1t(H, UP, TIMES, C_OPS, SP, SZ, SM)).max() < 1e-5


@pytest.mark.parametrize("N", [1, 2, 3])
def test_the_channel_is_completely_positive(N):
    ensemble = Dicke(N, jspin(N, "x"), emission=0.4, dephasing=0.3, pumping=0.1, collective_emission=0.5)
    choi, kraus = ensemble.channel(0.7, "choi"), ensemble.channel(0.7, "kraus")
    assert choi.eigenenergies().min() > -1e-13
    total = sum(K.dag() * K for K in kraus)
    assert (total - qutip.qeye(total.dims[0])).norm() < 1e-12
    rho = css_ket(N, 0.6, 0.8j).proj()
    final = ensemble.mesolve(rho, [0, 0.7], options=TIGHT).states[-1]
    assert (sum(K * rho * K.dag() for K in kraus) - final).norm() < 1e-9
    vector = ensemble.channel(0.7) @ qutip.operator_to_vector(rho)
    assert (qutip.vector_to_operator(vector) - final).norm() < 1e-9
    for wrong in ({"t": -1.0}, {"t": 1.0, "form": "stinespring"}):
        with pytest.raises(ValueError, match=r"t must be|form must be"):
            ensemble.channel(**wrong)


def test_import_lines_of_before():
    from piqs._piqs import get_blocks
    from piqs.cite import cite
    from piqs.cy.dicke import _num_dicke_states, jmm1_dictionary
    from piqs.cy.piqs import Dicke as first
    from piqs.dicke import Dicke as second
    from piqs.piqs import Dicke as third

    assert first is second is third is Dicke
    assert (get_blocks, jmm1_dictionary, cite) == (piqs.get_blocks, piqs.jmm1_dictionary, piqs.cite)
    assert _num_dicke_states(4) == 9
    namespace = {}
    exec("from piqs.dicke import *\nimport piqs.dicke, piqs.cite", namespace)
    assert namespace["Dicke"] is Dicke
    assert piqs.dicke(2, 1, 1).tr() == 1.0
    assert callable(piqs.cite)


def test_coefficient_matrix_of_pim_as_a_dictionary():
    system = piqs.Pim(3, emission=1.0, collective_pumping=0.5)
    matrix = system.coefficient_matrix().toarray()
    found = np.zeros_like(matrix)
    for row, columns in system.M.items():
        for column, value in columns.items():
            found[row, column] = value
    assert np.array_equal(found, matrix)


@pytest.mark.parametrize("name", ["function", "superoperator", "sum"])
def test_trajectories_handed_over_to_qutip(name):
    hamiltonian, c_ops = {
        "function": (lambda t: H, C_OPS),
        "superoperator": (qutip.liouvillian(H), C_OPS),
        "sum": (H, [qutip.QobjEvo([[SM, lambda t: np.exp(1j * t)], [SX, lambda t: 0.0 * t]])]),
    }[name]
    result = piqs.mcsolve(hamiltonian, UP, TIMES, c_ops, [SZ], ntraj=50, seeds=1, options={"map": "serial"})
    assert result.stats["solver"].startswith("QuTiP")
    exact_values = mesolve(H, UP, TIMES, C_OPS, [SZ]).expect[0]
    assert np.abs(result.expect[0] - exact_values).max() < 0.6  # four standard errors of 50 values of +-1
    with pytest.raises(piqs.NotLindbladError):
        piqs.mcsolve(H - 0.1j * SP * SM, UP, TIMES, c_ops)


def test_degrees_of_coherence_of_functions_that_return_operators():
    # QuTiP's regression against this package's own, of the same equation as a list
    tau = [0.5, 1.0]
    for state in (UP, 0.3 * UP.proj() + 0.7 * DOWN.proj()):
        for degree in (piqs.coherence_function_g1, piqs.coherence_function_g2):
            handed = degree(lambda t: 0.3 * SZ + np.cos(t) * SX, state, tau, [SM], SM, options=TIGHT)
            own = degree([0.3 * SZ, [SX, lambda t: np.cos(t)]], state, tau, [SM], SM, options=TIGHT)
            for a, b in zip(handed, own, strict=True):
                assert np.abs(a - b).max() < 1e-8


def test_spectra_and_coherence_in_a_restricted_space():
    # two qubits: no more than two excitations is no restriction, but for the order of the kets
    pair = qutip.tensor(qutip.destroy(2), qutip.qeye(2)), qutip.tensor(qutip.qeye(2), qutip.destroy(2))
    w, answers = [-1.0, 0.0, 0.7], []
    for a, b in (qutip.enr_destroy([2, 2], 2), pair):
        hamiltonian = 0.7 * a.dag() * a + 0.4 * (a.dag() * b + b.dag() * a) + 0.5 * (b + b.dag())
        c_ops = [a, 0.3 * b, 0.2 * (a.dag() * a)]
        S, elastic = piqs.spectrum(hamiltonian, w, c_ops, a.dag(), a, coherent=True)
        g2, _ = piqs.coherence_function_g2(hamiltonian, None, [0.0, 0.5], c_ops, a + b, options=TIGHT)
        answers.append(np.array([*S, elastic, *g2]))
    assert np.abs(answers[0] - answers[1]).max() < 1e-7


def test_empty_lists_in_place_of_operators_do_not_end_the_process():
    # in a process of their own, since QuTiP's QobjEvo([]) ends it
    code = """
import piqs, qutip
sx, sm, up = qutip.sigmax(), qutip.sigmam(), qutip.basis(2, 0)
for H, c_ops in (([], [sm]), ([[]], [sm]), ((), [sm]), ([sx, []], [sm]), (sx, [[]]), (sx, [sm, [sm, []]]), (lambda t: sx, [[]])):
    for verb in (
        lambda: piqs.mesolve(H, up, [0, 1], c_ops),
        lambda: piqs.mesolve(H, qutip.to_super(qutip.qeye(2)), [0, 1], c_ops),
        lambda: piqs.mcsolve(H, up, [0, 1], c_ops, ntraj=1),
        lambda: piqs.steadystate(H, c_ops),
        lambda: piqs.correlation_2op_1t(H, None, [0, 1], c_ops, sm, sm),
        lambda: piqs.spectrum(H, [0.0, 1.0], c_ops, sm, sm),
        lambda: piqs.MESolver(H, c_ops),
        lambda: piqs.MCSolver(H, c_ops),
    ):
        try:
            verb()
        except (TypeError, ValueError) as error:
            continue
        raise SystemExit(f"taken: {H}, {c_ops}")
print("all refused")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "all refused\n"), done.stderr
