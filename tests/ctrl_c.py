"""Presses Ctrl-C in every verb and measures how long it takes to react: ``python -m tests.ctrl_c``, or ``... gap mcsolve``.

Every verb solves a problem that takes minutes, in a process of its own. A real SIGINT arrives at a random moment, in
preparation or later. KeyboardInterrupt must come out, with the attribute `result`, and a small problem solved in the
same process afterwards must give the right number.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import click
import numpy as np
import qutip

import piqs
from piqs import jspin

EARLIEST, LATEST = 0.02, 4.0  # seconds after the start of a verb until the signal is sent
PATIENCE = 60.0  # seconds until a verb counts as deaf
MEMORY = 12 << 30


class Case(NamedTuple):
    """A verb with arguments of a problem that takes minutes; a problem that takes none, and the right number of it."""

    verb: Callable[..., Any]
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    short: Callable[[], float]
    right: float


def case(
    short: Callable[[], float], right: float, verb: Callable[..., Any], *arguments: Any, **options: Any
) -> Case:
    """The long problem comes last, as one writes a call."""
    return Case(verb, arguments, options, short, right)


LONG, SHORT = np.linspace(0.0, 1e4, 2001), np.linspace(0.0, 0.1, 11)
HALF = float(np.log(2.0))  # the half-life at rate 1
UP, DOWN, SZ = qutip.sigmap(), qutip.sigmam(), qutip.sigmaz()
ONE, ZERO, H0 = qutip.basis(2, 0), qutip.basis(2, 1), 0 * qutip.sigmaz()


def atoms(N: int) -> piqs.Dicke:
    """A driven ensemble with emission and dephasing."""
    return piqs.Dicke(N, jspin(N, "x"), emission=0.1, dephasing=0.1, collective_emission=2.0 / N)


def kicked(N: int) -> piqs.Dicke:
    """An ensemble in a drive that depends on time."""
    return piqs.Dicke(N, [jspin(N, "z"), [jspin(N, "x"), drive]], emission=0.1, dephasing=0.1)


def cavity(N: int) -> piqs.Composite:
    """Emitters in a cavity of as many Fock states."""
    system = piqs.Composite(piqs.Dicke(N, emission=0.1), piqs.Mode(N, loss=0.1))
    atoms, mode = system.embed(0, jspin(N, "x")), system.embed(1, qutip.destroy(N))
    system.interaction = atoms * (mode + mode.dag())
    return system


def loose(N: int) -> piqs.Dicke:
    """Independent emission and pumping: <J_z> = N/2 (pumping - emission) / (pumping + emission) in the end."""
    return piqs.Dicke(N, emission=1.0, pumping=3.0)


def drive(t: float) -> float:
    """A drive of period 2 pi."""
    return float(np.cos(t))


def decay(method: str = "auto") -> float:
    """<J_z> of four emitters that decay independently, at their half-life: 0."""
    model, options = piqs.Dicke(4, emission=1.0), {"method": method, "rtol": 1e-8}
    return float(model.mesolve(piqs.excited(4), [0.0, HALF], [jspin(4, "z")], options=options).expect[0][-1])


def evolution(method: str, model: piqs.Dicke) -> Case:
    N = model.N
    options = {"method": method, "rtol": 1e-10}
    return case(
        lambda: decay(method), 0.0, model.mesolve, piqs.excited(N), LONG, [jspin(N, "z")], options=options
    )


def steady(method: str, N: int) -> Case:
    small = piqs.Dicke(4, jspin(4, "x"), emission=1.0)
    exact = qutip.expect(jspin(4, "z"), qutip.steadystate(jspin(4, "x"), small.jump_operators()))
    short = lambda: float(qutip.expect(jspin(4, "z"), small.steadystate(method=method)))  # noqa: E731
    return case(short, exact, atoms(N).steadystate, method=method, tol=1e-12)


def one(
    verb: Callable[..., Any], right: float, *arguments: Any, **options: Any
) -> tuple[Callable[[], float], float]:
    """The first observable of a short run of few trajectories."""
    return lambda: float(verb(*arguments, ntraj=3, **options).expect[0][-1]), right


def correlation(
    verb: Callable[..., Any], N: int, times: list[Any], ops: str, short: list[Any], right: float
) -> Case:
    brief = [np.array([0.0])] * (len(times) - 1) + [np.array([0.0, 2.0])]
    return case(
        lambda: float(np.ravel(verb(H0, ONE, *brief, [DOWN], *short))[-1].real), right,
        verb, atoms(N), piqs.excited(N), *times, [], *[jspin(N, op) for op in ops],
    )  # fmt: skip


def point(N: int) -> dict:
    return {"inversion": qutip.expect(jspin(N, "z"), loose(N).steadystate())}


def swept() -> float:
    return float(piqs.sweep(point, {"N": [4]}, workers=0)["inversion"].values[0])


def records(number: int) -> Any:
    """A result with trajectories that stay where they are."""
    options = {"keep_runs_results": True, "store_jumps": False}
    return piqs.mcsolve(
        piqs.Dicke(4, pumping=1.0),
        (2, 2),
        np.linspace(0.0, 1.0, number),
        e_ops=["jz"],
        ntraj=8,
        options=options,
    )


def figure() -> None:
    from piqs.cli import main

    try:
        main(["figures", "5", "6", "--force", "--out", tempfile.mkdtemp()], standalone_mode=False)
    except (KeyboardInterrupt, click.Abort) as interrupt:
        heard = KeyboardInterrupt()
        heard.result = None  # type: ignore[attr-defined]
        raise heard from interrupt


def atom(verb: Callable[..., Any], *arguments: Any) -> Callable[[], float]:
    """The last number of what a verb returns for an atom."""
    return lambda: float(np.ravel(verb(*arguments)[0])[-1].real)


def cases() -> dict[str, Callable[[], Case]]:
    """Every verb, made when it is asked for."""
    few, walk = piqs.Dicke(4, emission=1.0), piqs.Dicke(700, emission=1.0, pumping=0.5, dephasing=0.1)
    decaying = (few, piqs.excited(4), [0.0, HALF], [jspin(4, "z")])
    return {
        "mesolve, exponential": lambda: evolution("exponential", atoms(30)),
        "mesolve, uniformization": lambda: evolution("uniformization", walk),
        "mesolve, faber": lambda: evolution("faber", atoms(80)),
        "mesolve, rational": lambda: evolution("rational", atoms(90)),
        "mesolve, dop853": lambda: evolution("dop853", kicked(60)),
        "mesolve, radau": lambda: evolution("radau", kicked(40)),
        "mesolve, bdf": lambda: evolution("bdf", kicked(40)),
        "mesolve, states": lambda: case(decay, 0.0, atoms(60).mesolve, piqs.excited(60), LONG),
        "mesolve, matrix-free": lambda: evolution("auto", atoms(300)),
        "mesolve, ket": lambda: case(
            decay, 0.0, piqs.mesolve, jspin(1500, "x") + 0.1 * jspin(1500, "z") ** 2, piqs.css_ket(1500), LONG, None,
            [jspin(1500, "z")],
        ),
        "mesolve, cavity": lambda: case(
            decay, 0.0, cavity(20).mesolve, cavity(20).state(piqs.excited(20), qutip.fock_dm(20, 0)), LONG
        ),
        "steadystate, direct": lambda: steady("direct", 130),
        "steadystate, two-level": lambda: steady("two-level", 250),
        "steadystate, iterative": lambda: steady("iterative", 80),
        "steadystate, evolution": lambda: steady("evolution", 80),
        "mcsolve, kets": lambda: case(
            *one(piqs.mcsolve, -1.0, H0, ZERO, [0, 1], [DOWN], [SZ]),
            piqs.mcsolve, atoms(400), piqs.excited_ket(400), LONG, (), [jspin(400, "z")], 100_000,
        ),
        "mcsolve, walk": lambda: case(
            *one(piqs.mcsolve, -2.0, few, (2, -2), [0, 1], e_ops=["jz"]),
            piqs.mcsolve, loose(10**6), (5e5, 5e5), LONG, e_ops=["jz"], ntraj=10_000,
        ),
        "nm_mcsolve": lambda: case(
            *one(piqs.nm_mcsolve, -1.0, H0, ZERO, [0, 1], [(DOWN, 1.0)], [SZ]),
            piqs.nm_mcsolve, jspin(100, "x"), piqs.excited_ket(100), SHORT, [(jspin(100, "-"), drive)], [jspin(100, "z")],
            ntraj=10**6,
        ),
        "smesolve": lambda: case(
            *one(piqs.smesolve, 1.0, H0, ONE, [0, 1], [], [SZ], e_ops=[SZ]),
            piqs.smesolve, jspin(30, "x"), piqs.excited(30), SHORT, [], [jspin(30, "-")], e_ops=[jspin(30, "z")],
            options={"dt": 1e-3}, ntraj=10**6,
        ),
        "ssesolve": lambda: case(
            *one(piqs.ssesolve, 1.0, H0, ONE, [0, 1], [SZ], e_ops=[SZ]),
            piqs.ssesolve, jspin(300, "x"), piqs.excited_ket(300), SHORT, [jspin(300, "-")], e_ops=[jspin(300, "z")],
            options={"dt": 1e-3}, ntraj=10**6,
        ),
        "time_averages": lambda: case(
            lambda: piqs.time_averages(records(64))[0].mean, 2.0,
            lambda result: [piqs.time_averages(result) for _ in range(10_000)], records(100_000),
        ),
        "correlation_mc": lambda: case(
            lambda: float(piqs.correlation_mc(H0, ONE, 0.0, [0.0, 2.0], [DOWN], UP, DOWN, ntraj=4)[0][0].real), 1.0,
            piqs.correlation_mc, atoms(200), piqs.excited_ket(200), 100.0, LONG, [], jspin(200, "+"), jspin(200, "-"),
        ),
        "spectrum": lambda: case(
            # an atom that decays at 1 and is pumped at 1: a Lorentzian of half width 1, of <s+ s-> = 1/2
            lambda: float(piqs.spectrum(H0, [0.0], [DOWN, UP], UP, DOWN)[0]), 1.0,
            atoms(60).spectrum, np.linspace(-3, 3, 10_001), jspin(60, "+"), jspin(60, "-"),
        ),
        "correlation_2op_1t": lambda: correlation(
            piqs.correlation_2op_1t, 50, [LONG], "+-", [UP, DOWN], float(np.exp(-1.0))
        ),
        "correlation_2op_2t": lambda: correlation(
            piqs.correlation_2op_2t, 30, [LONG[:300]] * 2, "+-", [UP, DOWN], float(np.exp(-1.0))
        ),
        "correlation_3op_1t": lambda: correlation(
            piqs.correlation_3op_1t, 50, [LONG], "+z-", [UP, qutip.qeye(2), DOWN], 1.0
        ),
        "coherence_function_g1": lambda: case(
            atom(piqs.coherence_function_g1, H0, None, [0.0, 1.0], [DOWN, UP], DOWN), float(np.exp(-1.0)),
            piqs.coherence_function_g1, atoms(50), None, LONG, [], jspin(50, "-"),
        ),
        "coherence_function_g2": lambda: case(
            atom(piqs.coherence_function_g2, H0, None, [0.0], [DOWN, UP], DOWN), 0.0,
            piqs.coherence_function_g2, atoms(50), None, LONG, [], jspin(50, "-"),
        ),
        "liouvillian_gap": lambda: case(
            lambda: piqs.liouvillian_gap(H0, [DOWN]), 0.5, piqs.liouvillian_gap, atoms(70)
        ),
        "liouvillian_eigenvalues, all": lambda: case(
            lambda: float(piqs.liouvillian_eigenvalues(H0, [DOWN])[1].real), -0.5, piqs.liouvillian_eigenvalues, atoms(26),
        ),
        "liouvillian_eigenvalues, some": lambda: case(
            lambda: float(piqs.liouvillian_eigenvalues(H0, [DOWN])[1].real), -0.5, piqs.liouvillian_eigenvalues, atoms(60), k=6,
        ),
        "liouvillian_modes": lambda: case(
            lambda: float(piqs.liouvillian_modes(H0, [DOWN], k=2)[0][1].real), -0.5, atoms(60).liouvillian_modes, 8
        ),
        "counting_statistics": lambda: case(
            lambda: piqs.counting_statistics(0.5 * qutip.sigmax(), [DOWN], counted=0).fano, 1.0 / 3.0,
            lambda statistics: statistics.cumulants, piqs.counting_statistics(atoms(90), counted="collective_emission"),
        ),
        "floquet_steadystate": lambda: case(
            lambda: piqs.floquet_steadystate([H0, [SZ, drive]], [DOWN, np.sqrt(3.0) * UP], 2 * np.pi).expect(SZ), 0.5,
            piqs.floquet_steadystate, kicked(50), period=2 * np.pi,
        ),
        "sensitivity": lambda: case(
            lambda: float(piqs.sensitivity(*decaying)["emission"][0, 1]), -2.0 * HALF,
            piqs.sensitivity, atoms(50), piqs.excited(50), LONG, [jspin(50, "z")],
        ),
        "gradient": lambda: case(
            lambda: piqs.gradient(*decaying)[1]["emission"], -2.0 * HALF,
            piqs.gradient, atoms(50), piqs.excited(50), LONG, [jspin(50, "z")],
        ),
        "steadystate_sensitivity": lambda: case(
            lambda: piqs.steadystate_sensitivity(loose(4), jspin(4, "z"))[1]["pumping"][0], 0.25,
            piqs.steadystate_sensitivity, atoms(90), jspin(90, "z"),
        ),
        "gap_sensitivity": lambda: case(
            lambda: piqs.gap_sensitivity(SZ, "c_ops[0]", [DOWN])[1]["c_ops[0]"], 0.5, piqs.gap_sensitivity, atoms(70)
        ),
        "optimize_pulse": lambda: case(
            lambda: piqs.optimize_pulse(H0, ZERO, [0, 1, 2], qutip.sigmax(), SZ).value, -1.0,
            piqs.optimize_pulse, atoms(40), piqs.ground(40), np.linspace(0, 2, 41), jspin(40, "x"), piqs.excited(40),
        ),
        "fit": lambda: case(
            lambda: piqs.fit(*decaying, [[2.0, 4.0 * 0.5**0.7 - 2.0]], "emission").values["emission"], 0.7,
            piqs.fit, atoms(40), piqs.excited(40), LONG[:300], [jspin(40, "z")], [np.cos(LONG[:300])], ["emission", "dephasing"],
        ),
        "dynamics_qfi": lambda: case(
            # a spin on the equator that turns about z
            lambda: float(piqs.dynamics_qfi(H0, (ONE + ZERO).unit(), [0.0, 2.0], SZ / 2)[1]), 4.0,
            piqs.dynamics_qfi, atoms(40), piqs.excited(40), LONG, jspin(40, "z"),
        ),
        "sweep": lambda: case(swept, 1.0, piqs.sweep, point, {"N": np.arange(2, 100_000)}, workers=0),
        "sweep, processes": lambda: case(swept, 1.0, piqs.sweep, point, {"N": np.arange(2, 100_000)}, workers=2),
        "explain": lambda: case(
            lambda: float(len(piqs.explain(loose(4)).findings) > 0), 1.0,
            lambda: [piqs.explain(atoms(N)) for N in range(300, 5000)],
        ),
        "figures": lambda: case(decay, 0.0, figure),
    }  # fmt: skip


def child(name: str) -> None:
    """Solve the long problem whenever a line arrives, and say how that ended."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter("ignore")
    problem = cases()[name]()
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    said: dict[str, Any] = {}
    problem.short()
    out.write("ready\n")
    for _ in sys.stdin:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            out.write("begins\n")
            problem.verb(*problem.arguments, **problem.options)
            said = {"ended": "finished"}
        except KeyboardInterrupt as interrupt:
            brought = getattr(interrupt, "result", "missing")
            said = {
                "ended": "interrupted",
                "result": "missing" if isinstance(brought, str) else type(brought).__name__,
            }
        except BaseException:
            said = {"ended": traceback.format_exc()[-400:]}
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # one that comes too late
        out.write(json.dumps(said) + "\n")
        value = problem.short()
        out.write(json.dumps(bool(abs(value - problem.right) < 1e-4)) + "\n")


class Reaction(NamedTuple):
    """What a verb did after a signal: seconds until it told, how it ended, what `result` is, and whether it works after."""

    verb: str
    after: float
    seconds: float
    ended: str
    result: str
    usable: bool

    @property
    def right(self) -> bool:
        return self.ended == "interrupted" and self.result != "missing" and self.usable


def press(name: str, rounds: int, rng: random.Random) -> list[Reaction]:
    """The reactions of one verb, in a process of its own."""
    command = [sys.executable, "-m", "tests.ctrl_c", "--child", name]
    found: list[Reaction] = []
    # Without buffers: a line that has been read ahead would not be seen by select.
    process = subprocess.Popen(
        command, stdin=-1, stdout=-1, bufsize=0, env={**os.environ, "MPLBACKEND": "Agg"}
    )
    assert process.stdin is not None
    assert process.stdout is not None

    def line(patience: float = PATIENCE) -> str:
        ready = select.select([process.stdout], [], [], patience)[0]
        return process.stdout.readline().decode().strip() if ready else ""

    def failed(how: str, after: float = 0.0, seconds: float = 0.0) -> list[Reaction]:
        return [*found, Reaction(name, after, seconds, how, "missing", False)]

    try:
        if line(240.0) != "ready":
            return failed("the small problem failed")
        for _ in range(rounds):
            process.stdin.write(b"go\n")
            line()
            after = EARLIEST + LATEST * rng.random() ** 2
            time.sleep(after)
            process.send_signal(signal.SIGINT)
            begin = time.monotonic()
            words = line()
            seconds = time.monotonic() - begin
            if not words.startswith("{"):
                return failed("deaf" if process.poll() is None else "died", after, seconds)
            said = json.loads(words)
            usable = line() == "true"
            found.append(Reaction(name, after, seconds, said["ended"], said.get("result", ""), usable))
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()
    return found


def table(reactions: list[Reaction]) -> str:
    """The slowest reaction of each verb, as Markdown."""
    lines = [
        "| verb | signals | slowest reaction (s) | `result` | works after |",
        "| --- | --- | --- | --- | --- |",
    ]
    for verb in dict.fromkeys(r.verb for r in reactions):
        mine = [r for r in reactions if r.verb == verb]
        brought = " or ".join(sorted({r.result for r in mine}))
        worst = max(r.seconds for r in mine)
        lines.append(
            f"| {verb} | {len(mine)} | {worst:.2f} | {brought} | {'yes' if all(r.right for r in mine) else 'NO'} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("verbs", nargs="*", help="parts of names of verbs; all by default")
    parser.add_argument("--rounds", type=int, default=3, help="signals for each verb")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        child(asked.child)
        return
    rng, reactions = random.Random(asked.seed), []
    for name in cases():
        if asked.verbs and not any(part in name for part in asked.verbs):
            continue
        mine = press(name, asked.rounds, rng)
        for r in mine:
            print(
                f"{r.verb}: signal after {r.after:.2f} s, reacted in {r.seconds:.2f} s: {r.ended}, {r.result}, {r.usable}",
                flush=True,
            )
        reactions += mine
    print(table(reactions))


if __name__ == "__main__":
    main()
