"""What results can show and measure: time series, pictures, Wigner functions of modes."""

import numpy as np
import pytest
import qutip
from matplotlib.figure import Figure

import piqs


@pytest.fixture(scope="module")
def atoms():
    return piqs.Dicke(4, piqs.jspin(4, "x"), emission=0.3, dephasing=0.2)


@pytest.fixture(scope="module")
def cavity():
    system = piqs.Composite(atoms=piqs.Dicke(2, emission=0.1), cavity=piqs.Mode(8, loss=0.2))
    a = system.embed("cavity", qutip.destroy(8))
    exchange = a.dag() * system.embed("atoms", piqs.jspin(2, "-"))
    system.interaction = exchange + exchange.dag()
    return system


def test_a_measure_over_time(atoms):
    result = atoms.mesolve(piqs.css(4), [0.0, 0.5, 1.0])
    expected = [piqs.quantum_fisher_information(rho, "y") for rho in result.states]
    found = piqs.measure_over(result, lambda rho: piqs.quantum_fisher_information(rho, "y"))
    assert np.array_equal(found, expected)
    several = piqs.measure_over(
        result, {"qfi": piqs.qfi_matrix, "axis": piqs.optimal_axis, "xi": piqs.squeezing_parameters}
    )
    assert several["qfi"].shape == (3, 3, 3)
    assert [part.shape for part in several["axis"]] == [(3, 3), (3,)]
    assert [type(item) for item in several["xi"]] == [piqs.Squeezing] * 3
    assert np.array_equal(piqs.measure_over(result.states, piqs.purity_dicke)[:1], [1.0])


def test_a_measure_over_trajectories(atoms):
    result = atoms.mcsolve(
        piqs.css_ket(4), [0.0, 0.5], ntraj=5, seeds=1, options={"store_states": True, "progress_bar": ""}
    )
    assert np.allclose(
        piqs.measure_over(result, piqs.purity_dicke),
        [piqs.purity_dicke(rho) for rho in result.average_states],
    )


def test_without_states_there_is_nothing_to_measure(atoms, capsys):
    result = atoms.mesolve(piqs.css(4), [0.0, 0.5], [piqs.jspin(4, "z")])
    with pytest.raises(ValueError, match="store_states"):
        piqs.measure_over(result, piqs.purity_dicke)
    with pytest.raises(TypeError, match="function of a density matrix"):
        piqs.measure_over(result, "purity")
    with pytest.raises(ValueError, match="progress_bar must be one of"):
        piqs.measure_over(result, piqs.purity_dicke, progress_bar="spinner")


def test_progress_is_shown(atoms, capsys):
    piqs.measure_over(atoms.mesolve(piqs.css(4), [0.0, 0.5]), piqs.purity_dicke, progress_bar="text")
    assert "%" in capsys.readouterr().out


def test_a_plot_of_expectation_values(atoms):
    e_ops = {"inversion": piqs.jspin(4, "z"), "$J_-$": piqs.jspin(4, "-")}
    result = atoms.mesolve(piqs.css(4), np.linspace(0, 1, 5), e_ops)
    ax = result.plot(Figure().subplots())
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "inversion",
        "$J_-$",
        "$J_-$, imaginary part",
    ]
    assert np.allclose(ax.lines[0].get_ydata(), result.e_data["inversion"])
    assert np.allclose(ax.lines[2].get_ydata(), np.imag(result.e_data["$J_-$"]))
    labelled = result.plot(Figure().subplots(), labels=["a", "b"])
    assert labelled.get_legend().get_texts()[0].get_text() == "a"
    with pytest.raises(ValueError, match="labels must be one for each of 2"):
        result.plot(Figure().subplots(), labels=["a"])
    with pytest.raises(ValueError, match="no expectation values"):
        atoms.mesolve(piqs.css(4), [0.0, 0.5]).plot()


def test_wigner_function_of_the_cavity(cavity):
    x, p = np.linspace(-3, 3, 13), np.linspace(-2, 2, 9)
    start = cavity.state(piqs.excited(2), qutip.basis(8, 0))
    result = cavity.mesolve(start, [0.0, 0.4, 0.8])
    for index in (0, 1, -1):
        expected = qutip.wigner(result.states[index].ptrace(1), x, p)
        assert np.allclose(result.wigner("cavity", x, p, index), expected, atol=1e-14)
    assert np.allclose(result.wigner(1, x, p), expected, atol=1e-14)
    final = cavity.mesolve(
        start, [0.0, 0.4, 0.8], [piqs.jspin(2, "z") & qutip.qeye(8)], options={"store_final_state": True}
    )
    assert np.allclose(final.wigner("cavity", x, p), expected, atol=1e-6)  # rtol of the solver
    with pytest.raises(ValueError, match=r"part must be one of \['atoms', 'cavity'\]"):
        result.wigner("mode", x, p)
    with pytest.raises(ValueError, match="index must be that of one of 3"):
        result.wigner("cavity", x, p, 5)
    with pytest.raises(ValueError, match="store_states"):
        final.wigner("cavity", x, p, 0)


def test_views_of_trajectories(cavity):
    start = cavity.state(piqs.excited_ket(2), qutip.basis(8, 0))
    options = {"store_states": True, "progress_bar": ""}
    light = piqs.jspin(2, "+") @ piqs.jspin(2, "-") & qutip.qeye(8)
    result = cavity.mcsolve(start, [0.0, 0.4], {"light": light}, ntraj=4, seeds=3, options=options)
    x = np.linspace(-2, 2, 5)
    for index in (0, -1):
        expected = qutip.wigner(result.average_states[index].ptrace(1), x, x)
        assert np.allclose(result.wigner("cavity", x, x, index), expected, atol=1e-13)
    ax = result.plot(Figure().subplots())
    assert ax.get_ylabel() == "light"
    assert np.allclose(ax.lines[0].get_ydata(), result.average_e_data["light"])


def test_photon_statistics():
    n = np.arange(40)
    thermal = piqs.photon_statistics(qutip.thermal_dm(200, 2.0))
    assert np.allclose(thermal.probabilities[:40], 2.0**n / 3.0 ** (n + 1), atol=1e-12)
    assert (thermal.mean, thermal.g2, thermal.mandel_q) == pytest.approx((2, 2, 2), abs=1e-10)
    coherent = piqs.photon_statistics(qutip.tensor(piqs.excited(2), qutip.coherent_dm(60, 2.0)), part=1)
    assert (coherent.mean, coherent.g2, coherent.variance) == pytest.approx((4, 1, 4), abs=1e-9)
    vacuum = piqs.photon_statistics(qutip.basis(5, 0))
    assert vacuum.mean == 0
    assert np.isnan(vacuum.g2)
    for call, message in (
        (lambda: piqs.photon_statistics(qutip.tensor(piqs.excited(2), qutip.fock_dm(3, 0))), "say which"),
        (lambda: piqs.photon_statistics(qutip.fock_dm(3, 0), part=1), "part must be a number from 0 to 0"),
        (lambda: piqs.photon_statistics(qutip.num(3)), "trace 1"),
        (lambda: piqs.mode_wigner(qutip.fock_dm(3, 0), 0.0, [0.0]), "x must be a list of finite"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match="must be a Qobj"):
        piqs.photon_statistics(np.eye(3))


def test_status_and_what_a_notebook_shows():
    model, jz = piqs.Dicke(3, emission=1.0), piqs.jspin(3, "z")
    run = model.mesolve(piqs.excited(3), [0, 1], [jz])
    walk = model.mcsolve(piqs.excited(3), [0, 1], [jz], ntraj=3, seeds=1)
    assert run.status == "finished"
    assert walk.status == "ntraj reached"
    for result in (run, walk):
        assert f"<td>{result.status}</td>" in result._repr_html_()


def test_what_a_result_holds(atoms):
    z = piqs.jspin(4, "z")
    assert atoms.mesolve(piqs.css(4), [0.0, 0.5], [z]).saved == ["expect"]
    assert atoms.mesolve(piqs.css(4), [0.0, 0.5]).saved == ["states", "final_state"]
    last = {"store_final_state": True}
    assert atoms.mesolve(piqs.css(4), [0.0, 0.5], [z], options=last).saved == ["expect", "final_state"]
    options = {"keep_runs_results": True}
    runs = atoms.mcsolve(piqs.css_ket(4), [0.0, 0.5], e_ops=[z], ntraj=3, options=options)
    assert runs.saved == ["expect", "trajectories", "collapse"]
    averages = atoms.mcsolve(piqs.css_ket(4), [0.0, 0.5], ntraj=3, options={"store_jumps": False})
    assert averages.saved == ["states", "final_state"]
    last = atoms.mcsolve(piqs.css_ket(4), [0.0, 0.5], e_ops=[z], ntraj=3, options=last)
    assert last.saved == ["expect", "final_state", "collapse"]
    assert {r.status for r in (runs, averages)} == {"ntraj reached"}
    assert "saved" in runs._repr_html_()


@pytest.mark.parametrize("method", ["direct", "iterative", "two-level", "evolution"])
def test_progress_of_a_steady_state(method, capsys):
    model = piqs.Dicke(8, piqs.jspin(8, "x"), emission=0.3, dephasing=0.2)
    shown = model.steadystate(method=method, progress_bar="text")
    assert "Total run time" in capsys.readouterr().out
    assert shown == model.steadystate(method=method)
    assert capsys.readouterr().out == ""


def test_progress_of_a_spectrum(atoms, capsys):
    operators = piqs.jspin(4, "+"), piqs.jspin(4, "-")
    shown = atoms.spectrum([-1.0, 0.0, 2.0], *operators, progress_bar="text")
    assert "100.0%" in capsys.readouterr().out
    assert np.array_equal(shown, atoms.spectrum([-1.0, 0.0, 2.0], *operators))
    with pytest.raises(ValueError, match="progress_bar must be one of"):
        atoms.spectrum([0.0], *operators, progress_bar="spinner")
