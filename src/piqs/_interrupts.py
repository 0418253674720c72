"""Ctrl-C: heard while compiled code runs, and with what is finished in the interrupt's `result`."""

from __future__ import annotations

import contextvars
import functools
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar, cast

import numpy as np

# On some systems a signal does not end a wait, only its timeout does.
_LOOKS = 0.2

Verb = TypeVar("Verb", bound=Callable[..., Any])


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


def bringing_result(verb: Verb) -> Verb:
    """A verb whose KeyboardInterrupt always has the attribute `result`: what is finished, or None."""

    @functools.wraps(verb)
    def interruptible(*args: Any, **options: Any) -> Any:
        try:
            return verb(*args, **options)
        except KeyboardInterrupt as interrupt:
            if not hasattr(interrupt, "result"):
                interrupt.result = None  # type: ignore[attr-defined]
            raise
        except SystemError as error:  # what Numba makes of a signal that arrives as a kernel returns
            if not isinstance(error.__cause__, KeyboardInterrupt):
                raise
            heard = KeyboardInterrupt()
            heard.result = None  # type: ignore[attr-defined]
            raise heard from error

    return cast(Verb, interruptible)
