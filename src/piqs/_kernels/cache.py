"""Compilation of kernels, and their cache on disk: checked when it is read, done without where it cannot be written."""

import hashlib
import pickle
import warnings
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar

from numba import njit, types
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler, Flags

from piqs._interrupts import listening

_DIGEST_SIZE = 32
_warned: list[str] = []
# How often a kernel was done without, and None once it is compiled.
_done_without: dict[str, int | None] = {}


def kernel(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function with Numba on first call, without the interpreter's lock, and keep the result on disk."""

    def compiled(f: Callable[..., Any]) -> Any:
        dispatcher = njit(
            nogil=True, error_model="numpy", no_cfunc_wrapper=True, pipeline_class=_KernelCompiler, **options
        )(f)
        if hasattr(dispatcher, "enable_caching"):  # not with NUMBA_DISABLE_JIT
            try:
                dispatcher._cache = _Cache(dispatcher.py_func)
            except RuntimeError:  # Numba finds no folder that it may write
                _warn("no folder for Numba's cache can be written")
            # LLVM calls back into Python, where an interrupt would be printed and forgotten.
            dispatcher._compile_for_args = partial(listening, dispatcher._compile_for_args)
        return dispatcher

    return compiled


def part(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function that compiled code alone calls: no wrappers for Python, and one version for all whole numbers.

    Numba would compile a function again for every number that stands in a call of it, and would optimise it and make
    machine code of it by itself before the kernel that calls it does so again.
    """

    def compiled(f: Callable[..., Any]) -> Any:
        options.update(no_cpython_wrapper=True, no_cfunc_wrapper=True, pipeline_class=_PartCompiler)
        dispatcher = njit(nogil=True, error_model="numpy", **options)(f)
        if hasattr(dispatcher, "get_call_template"):  # not with NUMBA_DISABLE_JIT
            template = dispatcher.get_call_template
            dispatcher.get_call_template = lambda args, kws: template(
                [types.unliteral(a) for a in args], {name: types.unliteral(a) for name, a in kws.items()}
            )
        return dispatcher

    return compiled


def ready(dispatcher: Any, most: int) -> bool:
    """Whether a kernel is compiled, in this process or on disk, or has been done without so often that compiling it pays.

    Parameters
    ----------
    dispatcher : kernel
        The kernel.
    most : int
        How many calls of this function may say no.
    """
    name = dispatcher.__name__
    times = _done_without.get(name, 0)
    if times is None or times >= most or not hasattr(dispatcher, "signatures"):
        return True
    cached = isinstance(dispatcher._cache, _Cache) and dispatcher._cache.holds_something
    if cached or dispatcher.signatures:
        _done_without[name] = None
        return True
    _done_without[name] = times + 1
    return False


class _SharedFlags(Flags):
    """Flags of a function, of which all functions with the same arithmetic hand on the same to what they use of Numba.

    Numba compiles what a function uses of NumPy anew for every set of flags, and compares these one by one in every look-up.
    """

    shared: ClassVar[dict[tuple[frozenset[str], bool], Flags]] = {}

    def copy(self) -> Flags:
        arithmetic = frozenset(self.fastmath.flags), self.boundscheck
        if arithmetic not in self.shared:
            flags = Flags(self)
            flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
            self.shared[arithmetic] = flags
        return self.shared[arithmetic]


class _KernelCompiler(Compiler):
    def _compile_core(self) -> Any:
        if not self.state.flags.auto_parallel.enabled:
            self.state.flags = _SharedFlags(self.state.flags)
        return super()._compile_core()


class _PartCompiler(_KernelCompiler):
    def __init__(self, typingctx: Any, targetctx: Any, library: Any, *rest: Any) -> None:
        super().__init__(typingctx, targetctx, library or _PartLibrary(targetctx.codegen(), "part"), *rest)


class _PartLibrary(JITCodeLibrary):
    """Code to link into a kernel, which is optimised and becomes machine code there."""

    @property
    def codegen(self) -> Any:
        """What is told the environment of Python objects of this code, which has none by itself."""
        return self

    def set_env(self, name: str, environment: Any) -> None:
        """Nothing to be set before there is machine code; what parts do needs no Python objects."""

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True


class _Cache(FunctionCache):
    def __init__(self, py_func: Callable[..., Any]) -> None:
        super().__init__(py_func)
        self._cache_file = _CheckedFile(
            cache_path=self._cache_path,
            filename_base=self._impl.filename_base,
            source_stamp=_stamp(),
        )

    @property
    def holds_something(self) -> bool:
        """Whether there is a compiled function on disk."""
        return bool(self._cache_file._load_index())

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except OSError as error:
            _warn(f"the cache of compiled kernels in {self._cache_path!r} cannot be written: {error}")


@cache
def _stamp() -> tuple[tuple[str, float, int], ...]:
    """What changes with any file of this folder: kernels hold functions and constants of files other than their own."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return tuple((file.name, file.stat().st_mtime, file.stat().st_size) for file in files)


class _CheckedFile(IndexDataCacheFile):
    """Index and data with a digest behind them; what does not fit its digest is compiled again."""

    def _dump(self, obj: Any) -> bytes:
        data = super()._dump(obj)
        return data + _digest(data)

    def _load_index(self) -> dict[Any, str]:
        version = pickle.dumps(self._version, protocol=-1)
        try:
            content = Path(self._index_path).read_bytes()
            if not content.startswith(version):
                return {}
            stamp, overloads = _checked(content[len(version) :])
        except OSError:  # none yet, or damaged
            return {}
        return overloads if stamp == self._source_stamp else {}

    def _load_data(self, name: str) -> Any:
        return _checked(Path(self._data_path(name)).read_bytes())


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_DIGEST_SIZE).digest()


def _checked(content: bytes) -> Any:
    data, digest = content[:-_DIGEST_SIZE], content[-_DIGEST_SIZE:]
    if _digest(data) != digest:
        raise OSError("the file is damaged")  # what Numba takes for a missing file
    return pickle.loads(data)


def _warn(what: str) -> None:
    """Once in a process."""
    if not _warned:
        _warned.append(what)
        warnings.warn(
            f"{what}; kernels are compiled again in every process. Set NUMBA_CACHE_DIR to a folder that can be written",
            RuntimeWarning,
            stacklevel=3,
        )
