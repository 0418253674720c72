"""Which integrator is taken, what is said about it, and which options each one honours."""

import numpy as np
import pytest

from piqs import Dicke, Ensemble, css, excited, jspin, mesolve
from piqs.integrators.base import Integrator
from piqs.integrators.options import Options
from piqs.integrators.registry import METHODS, QUTIP_METHODS

N, TIMES = 4, np.linspace(0, 1, 5)
JZ = jspin(N, "z")


def solve(options=None, H=None, **rates):
    return Dicke(N, H, **(rates or {"emission": 1.0})).mesolve(excited(N), TIMES, [JZ], options=options)


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.name)
def test_each_method_declares_itself(method):
    assert issubclass(method, Integrator)
    assert METHODS[method.name] is method
    assert method.options <= {"rtol", "atol", "max_step"}
    assert method.name in Options.__doc__ or method.name == "still"


def test_names_of_qutip_lead_somewhere():
    assert set(QUTIP_METHODS.values()) <= {"auto", *METHODS}


def test_what_was_considered_is_reported():
    considered = solve().stats["considered"]
    assert set(considered) == set(METHODS)
    assert considered["exponential"] > 0
    assert "asked" in considered["bdf"]
    driven = solve(H=[JZ, [jspin(N, "x"), lambda t: t]]).stats["considered"]
    assert "constant in time" in driven["faber"]
    assert np.isfinite(driven["dop853"])
    assert solve({"method": "faber"}).stats["considered"] == {"faber": "asked for"}


@pytest.mark.parametrize("method", ["exponential", "rational", "uniformization"])
def test_a_longest_step_is_refused_by_methods_without_steps(method):
    with pytest.raises(ValueError, match=r"max_step.*faber.*dop853"):
        solve({"method": method, "max_step": 0.1})
    assert "max_step" in METHODS[solve({"max_step": 0.1}).stats["method"]].options


def test_options_without_counterpart_are_listed():
    result = solve({"nsteps": 100, "order": 12})
    assert result.stats["options without effect"] == ["nsteps", "order"]
    assert "options without effect" not in solve().stats


@pytest.mark.parametrize("method", ["faber", "rational", "dop853"])
def test_absolute_tolerance_counts(method):
    # six rates at N = 30: at the looser tolerance fewer applications do
    atoms = Dicke(30, emission=1.0, dephasing=0.5, pumping=0.5, collective_emission=0.2)
    z = jspin(30, "z")

    def applications(atol):
        options = {"method": method, "rtol": 1e-13, "atol": atol}
        return atoms.mesolve(excited(30), [0, 0.5, 1], [z], options=options).stats["applications"]

    assert applications(1e-2) < applications(1e-12)


def test_absolute_tolerance_follows_the_relative_one():
    assert (Options.read(None).rtol, Options.read(None).atol) == (1e-6, 1e-8)
    assert Options.read({"rtol": 1e-4}).atol == 1e-6


def test_nothing_moves():
    still = solve(H=None, emission=0.0)
    assert still.stats["method"] == "still"
    assert still.stats["applications"] == 0
    assert still.expect[0] == pytest.approx([N / 2] * 5)


def test_a_method_that_does_not_apply_says_why():
    with pytest.raises(ValueError, match="constant in time"):
        mesolve([JZ, [JZ, lambda t: t]], excited(N), TIMES, options={"method": "faber"})
    with pytest.raises(ValueError, match="populations only"):
        solve({"method": "uniformization"}, H=jspin(N, "x"))


def cascade(N, local, symmetric):
    atoms = Ensemble(N, levels=("e", "g1", "g2"), symmetric=symmetric)
    for ground in ("g1", "g2"):
        atoms.collective(f"e->{ground}", 1.0)
        if local:
            atoms.local(f"e->{ground}", 0.5)
    observed = [atoms.number("e"), atoms.number("g1") @ atoms.number("g1")]
    return lambda options=None: atoms.mesolve(
        atoms.all_in("e"), np.linspace(0, 2, 21), observed, options=options
    )


@pytest.mark.parametrize(
    ("solve", "other"),
    [(cascade(250, False, True), "uniformization"), (cascade(20, True, False), "faber")],
    ids=["symmetric", "local"],
)
def test_what_decays_one_way_is_substituted(solve, other):
    # three levels, no pumping: the equations of (1 - hL) x = b are all but triangular
    result = solve()
    assert result.stats["method"] == "rational"
    reference = solve({"method": other, "rtol": 1e-10, "atol": 1e-12})
    for found, exact in zip(result.expect, reference.expect, strict=True):
        assert np.abs(found - exact).max() < 1e-6 * np.abs(exact).max()
    assert result.stats["error estimate"] < 2e-6


def test_a_narrow_burst_is_still_walked_along():
    # two levels: few kets are occupied at a time, which the moments of the times of passage tell
    atoms = Dicke(300, emission=0.1, collective_emission=1.0)
    result = atoms.mesolve(excited(300), [0, 0.5, 1, 2], [jspin(300, "z")])
    assert result.stats["method"] == "uniformization"


def test_what_turns_on_its_way_down_is_not_substituted():
    # Dicke states in a superposition: coherences in sets of two that turn hundreds of times
    atoms = Dicke(24, 100.0 * jspin(24, "z"), emission=0.1, collective_emission=1.0)
    result = atoms.mesolve(css(24), np.linspace(0, 2, 11))
    assert result.stats["method"] == "faber"
