"""The cases of the benchmarks at their smallest size: every tool answers the same question. Nothing is timed."""

import importlib.util

import numpy as np
import pytest

import piqs
from benchmarks import history, machine, ordinary
from benchmarks.cases import CASES
from benchmarks.limit import bytes_per_application, least_degree, least_solves
from benchmarks.report import markdown
from benchmarks.runner import Runner

# The default rtol is 1e-6; what QuTiP's default leaves over the longest of these times is some times that.
OURS, PEERS = 1e-6, 1e-5
ANSWERED = [
    (name, peer.name)
    for name, case in CASES.items()
    for peer in case.peers
    if importlib.util.find_spec(peer.package) and peer.package != "pibs"
]


@pytest.mark.parametrize("name", CASES)
def test_reference_and_default_run_agree_with_brute_force(name):
    case = CASES[name]
    N = case.smallest
    expected = case.brute_force(N)
    # Brute force is integrated to rtol 1e-11.
    np.testing.assert_allclose(case.reference(N), expected, atol=1e-9)
    np.testing.assert_allclose(case.ours.read(N, case.ours.solve(N)).values, expected, atol=OURS)


@pytest.mark.parametrize(("name", "peer"), ANSWERED)
def test_peers_are_asked_the_same_question(name, peer):
    case = CASES[name]
    tool, N = case.tool(peer), case.smallest
    if (name, peer) == ("steady-superradiance", "qutip steadystate"):
        # The failure that the table shows.
        with pytest.raises(ValueError, match="singular"):
            tool.solve(N)
        return
    np.testing.assert_allclose(tool.read(N, tool.solve(N)).values, case.reference(N), atol=PEERS)


def test_sizes_ascend():
    for case in CASES.values():
        for tool in (case.ours, *case.peers):
            assert list(tool.sizes) == sorted(set(tool.sizes))
            assert list(tool.quick) == sorted(set(tool.quick))


def test_least_degree_is_the_chebyshev_degree_on_both_axes():
    from scipy.special import iv, jv

    # On [-2a, 0] and on [-ib, ib] the coefficients of exp(z t) are exp(-a) I_n(a) and J_n(b).
    n = np.arange(400)
    assert least_degree(2 * 80.0, 0.0, 1.0) == np.flatnonzero(np.exp(-80.0) * iv(n, 80.0) > 1e-6).max()
    # A segment of the imaginary axis is run through twice, so that two mirror images of J_n meet: n and -n.
    assert abs(least_degree(0.0, 80.0, 1.0) - np.flatnonzero(np.abs(jv(n, 80.0)) > 1e-6).max()) <= 1


def test_least_solves_and_bytes():
    assert least_solves(1e-6) == 16
    assert bytes_per_application(unknowns=2, nonzeros=10) == 10 * 12 + 2 * 44
    assert bytes_per_application(unknowns=2) == 2 * 40


def test_failures_are_results(tmp_path):
    runner = Runner(budget=120.0)
    slow = runner.call(["sleep", "30"], str(tmp_path), limit=1.0)
    assert slow["failure"].startswith("not done after 1 s")
    wrong = runner.run("time", case="emission", tool="piqs", sizes=[-1, 3], converged=[])
    assert wrong["rows"]["-1"]["failure"].startswith("ValueError")
    assert wrong["rows"]["3"]["seconds"]


def test_page_shows_failures_and_lower_bounds():
    row = {"seconds": [0.01], "memory": 2e8, "base_memory": 1e8, "error": 1e-9, "stats": {}}
    cases = {
        "time-crystal": {
            "rows": [
                {"tool": "piqs", "N": 10, **row},
                {"tool": "qutip.piqs mesolve", "N": 10, "failure": "not done after 15 s", "limit": 15.0},
            ]
        }
    }
    page = markdown({"quick": True, "machine": {"threads": "2"}, "cases": cases, "limit": []})
    assert "not done after 15 s" in page
    assert "> 1,500" in page


def test_no_case_takes_more_work_than_when_it_was_counted_last():
    # Roundings differ between machines: an iteration more, or a pivot beside the diagonal. Where work grows for a reason,
    # python -m benchmarks --count writes it down.
    before = history.last()["counters"]
    for name, counts in history.counters().items():
        for key, count in counts.items():
            assert count <= 1.1 * before[name][key] + 2, (name, key)


@pytest.mark.parametrize("name", ["qubit", "qubit, array", "Ising chain, 32 kets"])
def test_ordinary_problems_are_the_same_for_both(name):
    problem = ordinary.PROBLEMS[name]()
    for question, (ours, theirs) in ordinary.solvers(problem).items():
        a, b = ours(), theirs()
        if question == "expectation values":
            assert np.abs(np.array(a.expect) - np.array(b.expect)).max() < 1e-4
        elif question == "states":
            assert (a.states[-1] - b.states[-1]).norm() < 1e-4
        else:
            assert (a - b).norm() < 1e-6


def test_the_machine_is_described_with_all_versions():
    known = machine.describe(Runner(budget=1.0))
    assert known["piqs"] == piqs.__version__
    assert known["numpy"] == np.__version__
