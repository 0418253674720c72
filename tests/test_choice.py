"""Which integrator is taken, what is said about it, and which options each one honours."""

import numpy as np
import pytest

from piqs import Dicke, excited, jspin, mesolve
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
