"""Ctrl-C while compiled code runs: heard before that ends, with `result`, in a process that goes on."""

import functools
import os
import signal
import threading

import numpy as np
import pytest
import qutip
import scipy.sparse.linalg as sla

import piqs
from piqs._interrupts import bringing, interrupts, listening, methods_bringing
from piqs._kernels.cache import kernel
from piqs.liouville import assembled

LONG = 60.0  # seconds that the compiled code would take; no test waits for them


class Slow:
    """Stands for compiled code: runs until it is told to stop, or for LONG, and asks for Ctrl-C as it starts."""

    def __init__(self):
        self.halt, self.finished, self.over = None, threading.Event(), threading.Event()

    def __call__(self, *arguments, **options):
        halts = [x for x in arguments if isinstance(x, np.ndarray) and x.dtype == np.uint8 and x.size == 1]
        self.halt = halts[-1] if halts else None
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(int(LONG / 0.02)):
            if self.over.wait(0.02):
                return
            if self.halt is not None and self.halt[0]:
                return
        self.finished.set()


@pytest.fixture
def slow():
    slow = Slow()
    yield slow
    slow.over.set()
    assert not slow.finished.is_set()


N = 20  # 121 kets
MODEL = piqs.Dicke(N, piqs.jspin(N, "x"), emission=0.1, collective_emission=0.2)
TIMES = [0.0, 0.1]
VERBS = {
    "mesolve": lambda: MODEL.mesolve(piqs.excited(N), TIMES, e_ops=[piqs.jspin(N, "z")]),
    "steadystate": lambda: MODEL.steadystate(),
    "eigenvalues": lambda: MODEL.liouvillian_eigenvalues(3),
    "gap": lambda: MODEL.liouvillian_gap(),
    "modes": lambda: MODEL.liouvillian_modes(2),
    "spectrum": lambda: MODEL.spectrum([0.0], piqs.jspin(N, "+"), piqs.jspin(N, "-")),
    "correlation": lambda: MODEL.correlation_2op_1t(None, TIMES, piqs.jspin(N, "+"), piqs.jspin(N, "-")),
}


@pytest.mark.parametrize("verb", VERBS)
def test_the_search_for_the_generator_stops(verb, slow, monkeypatch):
    monkeypatch.setattr(assembled, "_INSTANT", 0)
    monkeypatch.setattr(assembled, "_SMALL", 0)
    monkeypatch.setattr(assembled.kernels, "close", slow)
    with pytest.raises(KeyboardInterrupt) as caught:
        VERBS[verb]()
    assert slow.halt[0] == 1
    if verb == "mesolve":
        assert caught.value.result.times == []
        assert caught.value.result.expect[0].size == 0
        assert caught.value.result.stats["end_condition"] == "interrupted"
    else:
        assert caught.value.result is None
    monkeypatch.undo()
    if verb == "mesolve":
        z = VERBS[verb]().expect[0]
        assert z[0] == N / 2


@pytest.mark.parametrize("method", ["direct", "two-level"])
def test_a_factorisation_is_not_waited_for(method, slow, monkeypatch):
    monkeypatch.setattr("piqs.linear.factors._INSTANT", 0)
    monkeypatch.setattr("piqs.linear.block_factors._WORTH_THREADS", 0)
    monkeypatch.setattr(sla, "splu", slow)
    with pytest.raises(KeyboardInterrupt) as caught:
        MODEL.steadystate(method=method)
    assert caught.value.result is None
    monkeypatch.undo()
    assert MODEL.steadystate(method=method).tr() == pytest.approx(1.0)


def test_an_error_of_the_compiled_code_is_raised_here_and_other_threads_call_it_themselves():
    def fails():
        raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        listening(fails)
    found = []
    thread = threading.Thread(target=lambda: found.append(listening(threading.get_ident)))
    thread.start()
    thread.join()
    assert found == [thread.ident]
    assert listening(threading.get_ident) != threading.get_ident()


def test_what_numba_makes_of_a_signal_is_an_interrupt_again():
    @bringing()
    def verb(error):
        raise error from SystemError("inner") if isinstance(error, ValueError) else KeyboardInterrupt()

    with pytest.raises(KeyboardInterrupt) as caught:
        verb(SystemError("a result with an exception set"))
    assert caught.value.result is None
    with pytest.raises(ValueError, match="other"):
        verb(ValueError("other"))
    with pytest.raises(SystemError, match="none"), interrupts():
        raise SystemError("none of ours")


def test_a_verb_brings_its_own_result_and_not_that_of_a_part():
    def part(found):
        interrupt = KeyboardInterrupt()
        interrupt.result = found
        raise interrupt

    for found, kinds, brought in ((3, (int,), 3), (3, (str,), None), (3, (), None), (None, (int,), None)):
        with pytest.raises(KeyboardInterrupt) as caught:
            bringing(*kinds)(part)(found)
        assert caught.value.result == brought


def test_methods_that_compute_when_asked_bring_a_result_too():
    @methods_bringing
    class Lazy:
        @functools.cached_property
        def cached(self):
            raise KeyboardInterrupt

        @property
        def plain(self):
            raise KeyboardInterrupt

        def method(self):
            raise KeyboardInterrupt

    for ask in (lambda x: x.cached, lambda x: x.plain, lambda x: x.method()):
        with pytest.raises(KeyboardInterrupt) as caught:
            ask(Lazy())
        assert caught.value.result is None


def test_kernels_are_compiled_where_no_signal_arrives():
    where = []

    twice = kernel()(lambda x: 2 * x)
    twice._cache.save_overload = lambda sig, data: where.append(threading.current_thread())
    assert twice(3) == 6
    assert len(where) == 1
    assert where[0] is not threading.main_thread()


def test_warnings_point_at_the_callers_line():
    cavity = piqs.Composite(piqs.Mode(3, loss=0.1))
    with pytest.warns(piqs.TruncationWarning) as told:
        cavity.mesolve(qutip.fock_dm(3, 2), [0.0, 1.0])
    assert [item.filename for item in told] == [__file__]
