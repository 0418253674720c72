"""Ctrl-C: heard while compiled code runs, and with what is finished in the interrupt's `result`."""

from __future__ import annotations

import contextvars
import functools
import inspect
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import numpy as np

# On some systems a signal does not end a wait, only its timeout does.
_LOOKS = 0.2
# Dense matrices of fewer rows are dealt with before anybody presses Ctrl-C.
_INSTANT = 400

Verb = TypeVar("Verb", bound=Callable[..., Any])
Class = TypeVar("Class", bound=type)


def listening(f: Callable[..., Any], *args: Any, halt: np.ndarray | None = None, **options: Any) -> Any:
    """Call compiled code that may take seconds and holds no lock of the interpreter, so that Ctrl-C is heard at once.

    Python runs a signal's handler in the main thread, between two of its own instructions. So the code runs in
    another thread, and the main thread waits. `halt` (one number) becomes 1 when the wait is given up; code that does not
    look at it runs on in the background, its answer is dropped.
    """
    if threading.current_thread() is not threading.main_thread():
        return f(*args, **options)
    outcome: Future[Any] = Future()

    def work() -> None:
        try:
            outcome.set_result(f(*args, **options))
        except BaseException as error:
            outcome.set_exception(error)

    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True)
    try:
        thread.start()
        while True:
            try:
                return outcome.result(timeout=_LOOKS)
            except TimeoutError:
                if outcome.done():
                    return outcome.result()
    except KeyboardInterrupt:
        if halt is not None:
            halt[0] = 1
        raise


def dense(f: Callable[..., Any], matrix: np.ndarray, **options: Any) -> Any:
    """Call dense linear algebra (NumPy's, which holds no lock, where SciPy's does) so that Ctrl-C is heard at once."""
    return f(matrix, **options) if len(matrix) < _INSTANT else listening(f, matrix, **options)


@contextmanager
def interrupts() -> Iterator[None]:
    """Tell an interrupt from the SystemError that Numba makes of it where it arrives as a kernel returns."""
    try:
        yield
    except SystemError as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, KeyboardInterrupt):
            cause = cause.__cause__ or cause.__context__
        if cause is None:
            raise
        raise KeyboardInterrupt from error


def bringing(*kinds: type) -> Callable[[Verb], Verb]:
    """Make a verb whose KeyboardInterrupt always has the attribute `result`.

    It is what the verb has finished, of one of these kinds, or else None: what a smaller verb inside of it brings is no
    result of the whole.
    """

    def decorate(verb: Verb) -> Verb:
        @functools.wraps(verb)
        def interruptible(*args: Any, **options: Any) -> Any:
            try:
                with interrupts():
                    return verb(*args, **options)
            except KeyboardInterrupt as interrupt:
                if not isinstance(getattr(interrupt, "result", None), kinds):
                    interrupt.result = None  # type: ignore[attr-defined]
                raise

        return cast(Verb, interruptible)

    return decorate


def methods_bringing(cls: Class) -> Class:
    """A class whose public methods and properties, which compute when they are asked, bring a `result` of None."""
    for name, member in list(vars(cls).items()):
        if name.startswith("_"):
            continue
        if isinstance(member, functools.cached_property):
            member.func = bringing()(member.func)
        elif isinstance(member, property):
            setattr(
                cls, name, property(bringing()(cast(Callable[..., Any], member.fget)), doc=member.__doc__)
            )
        elif inspect.isfunction(member):
            setattr(cls, name, bringing()(member))
    return cls
