"""What the answer of a function depends on: its code, all it reaches, and the values these hold.

joblib.hash, Dask's tokenize and pickle name an imported function without looking at its body, cloudpickle's bytes differ
from one process to the next; so the walk through code is written here. Values are told apart by all their bytes.
"""

from __future__ import annotations

import copyreg
import dis
import functools
import hashlib
import importlib
import importlib.util
import pickle
import site
import sys
import sysconfig
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from qutip import Qobj

from piqs import _checks

_PLAIN = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis), type(NotImplemented))
# What a function calls to act on things that cannot be seen from here.
_UNSEEN_BUILTINS = {"eval", "exec", "compile", "globals", "__import__", "open", "input"}
_UNSEEN_ATTRIBUTES = {
    "environ", "getenv", "fromfile", "genfromtxt", "import_module", "load", "loadtxt", "memmap", "open", "open_dataset",
    "qload", "read_bytes", "read_csv", "read_text",
}  # fmt: skip
# Attributes of a class that follow from others, or say nothing of what it does.
_CLASS_NOISE = {
    "__dict__", "__weakref__", "__doc__", "__module__", "__qualname__", "__annotations__", "__dataclass_fields__",
    "__dataclass_params__", "__firstlineno__", "__static_attributes__", "__parameters__", "__orig_bases__",
    "__abstractmethods__", "_abc_impl", "__annotate__", "__annotate_func__", "__annotations_cache__",
}  # fmt: skip


class Fingerprint:
    """Parts of what a computation depends on, each with a text that changes when it does.

    Attributes
    ----------
    parts : dict of str to str
        What ("code of module.f", "global module.RATE", "parameter N") to its value or digest.
    unknown : dict of str to str
        Parts that cannot be compared, with the reason.
    """

    def __init__(self) -> None:
        self.parts: dict[str, str] = {}
        self.unknown: dict[str, str] = {}
        self._named: dict[int, tuple[Any, str]] = {}  # the object, which keeps its id its own, and its name
        self._part = ""
        self._modules: set[tuple[str, frozenset[str]]] = set()  # modules walked through, and for which names

    def add(self, part: str, value: Any, names: frozenset[str] = frozenset()) -> None:
        """Add a part; `names` are the attribute names used with it, where it may be a module."""
        outer, self._part = self._part, part
        self.parts[part] = ""  # its place in the order, and a mark against cycles
        try:
            if isinstance(value, types.ModuleType):
                self.parts[part] = self._module(value, names)
            else:
                self.parts[part] = self._text(value)
        except RecursionError:
            self._cannot_know("it is nested too deeply")
        self._part = outer

    def _cannot_know(self, why: str) -> str:
        self.unknown.setdefault(self._part, why)
        return "unknown"

    def _text(self, value: Any) -> str:
        """A text that tells this value from any other, the same in every process."""
        if type(value) in _PLAIN:
            text = f"{type(value).__name__} {value!r}"
            return text if len(text) <= 80 else _digest(text)
        if isinstance(value, types.FunctionType):
            return self._function(value)
        if isinstance(value, type):
            return self._class(value)
        if id(value) in self._named:
            return self._named[id(value)][1]
        self._named[id(value)] = (value, f"again {len(self._named)}")
        text = self._composite(value)
        self._named[id(value)] = (value, text)
        return text

    def _composite(self, value: Any) -> str:
        kind = type(value)
        name = _library_name(value)
        if name:
            return name
        if kind in (list, tuple):
            return _digest(kind.__name__, *map(self._text, value))
        if kind in (set, frozenset):
            return _digest(kind.__name__, *sorted(map(self._text, value)))
        if kind in (dict, types.MappingProxyType):
            return _digest("dict", *(self._text(x) for item in value.items() for x in item))
        if kind is np.ndarray or isinstance(value, np.generic):
            return self._array(np.asarray(value))
        if kind is Qobj:
            matrix = _checks.matrix(value, self._part)
            matrix.sum_duplicates()
            arrays = (matrix.data, matrix.indices.astype(np.int64), matrix.indptr.astype(np.int64))
            return _digest("Qobj", value.type, repr(value.dims), *map(self._array, arrays))
        if isinstance(value, types.ModuleType):
            return self._module(value, frozenset())
        if isinstance(value, types.MethodType):
            return _digest("method", self._text(value.__func__), self._text(value.__self__))
        if isinstance(value, (staticmethod, classmethod, functools.cached_property)):
            return _digest(
                kind.__name__, self._text(getattr(value, "__func__", getattr(value, "func", None)))
            )
        if isinstance(value, property):
            return _digest("property", *map(self._text, (value.fget, value.fset, value.fdel)))
        if isinstance(value, (types.BuiltinFunctionType, types.MethodWrapperType)):
            owner = value.__self__
            if owner is None or isinstance(owner, types.ModuleType):
                return self._named_object(value, value.__module__ or "builtins", value.__qualname__)
            return _digest("method", value.__name__, self._text(owner))
        if isinstance(
            value, (types.MemberDescriptorType, types.GetSetDescriptorType, types.WrapperDescriptorType)
        ):
            return f"{kind.__name__} {value.__qualname__}"
        inner = getattr(value, "py_func", getattr(value, "__wrapped__", None))
        if isinstance(inner, types.FunctionType):  # compiled by Numba, or behind functools.lru_cache
            return _digest(f"{kind.__module__}.{kind.__qualname__}", self._text(inner))
        return self._object(value)

    def _array(self, array: np.ndarray) -> str:
        if array.dtype == object:
            return _digest("array", repr(array.shape), *map(self._text, array.ravel().tolist()))
        if array.dtype.hasobject:
            return self._cannot_know(f"it is an array of {array.dtype}")
        return _digest("array", repr(array.dtype), repr(array.shape), np.ascontiguousarray(array).tobytes())

    def _object(self, value: Any) -> str:
        """Any other object: what pickle would store of it."""
        try:
            special = copyreg.dispatch_table.get(type(value))
            reduced = special(value) if special else value.__reduce_ex__(4)
        except Exception as error:
            return self._cannot_know(f"{type(value).__name__} cannot be taken apart: {error}")
        if isinstance(reduced, str):
            module = pickle.whichmodule(value, reduced)  # type: ignore[attr-defined]
            return self._named_object(value, module, reduced)
        make, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
        if isinstance(state, dict):
            cached = _cached_properties(type(value))
            state = sorted((str(name), x) for name, x in state.items() if name not in cached)
            state = [part for pair in state for part in pair]
        return _digest(
            "object",
            *map(self._text, (make, arguments, state, list(items or ()), list(pairs or ()))),
        )

    def _named_object(self, value: Any, module: str, name: str) -> str:
        if _found(module, name) is not value:
            return self._cannot_know(
                f"{name!r} is compiled code that is not found under its name in {module}"
            )
        if _is_library(module):
            return f"{module}.{name}"
        return _digest(name, self._module(sys.modules[module], frozenset()))

    def _module(self, module: types.ModuleType, names: frozenset[str]) -> str:
        """A module by name, and of one's own modules what is used of them, or all where that is not clear."""
        label = f"module {module.__name__}"
        if _is_library(module.__name__):
            return label
        file = getattr(module, "__file__", None)
        if file and not file.endswith(".py"):
            return _digest(label, Path(file).read_bytes())
        if (module.__name__, names) in self._modules:
            return label
        self._modules.add((module.__name__, names))
        held = vars(module)
        used = sorted(names & set(held))
        if not used or names & {"getattr", "vars", "__dict__"}:
            used = sorted(name for name in held if not name.startswith("__"))
        for name in used:
            self._global(module.__name__, name, held[name], names)
        return label

    def _global(self, module: str, name: str, value: Any, names: frozenset[str]) -> None:
        part = f"global {module}.{name}"
        if part not in self.parts or isinstance(value, types.ModuleType):
            self.add(part, value, names)

    def _label(self, value: Any, label: str) -> tuple[str, bool]:
        """A name for a function or class, and whether it is met for the first time."""
        if id(value) in self._named:
            return self._named[id(value)][1], False
        count = 1 + sum(1 for _, other in self._named.values() if other.partition(" (")[0] == label)
        label = label if count == 1 else f"{label} ({count})"
        self._named[id(value)] = (value, label)
        return label, True

    def _function(self, f: types.FunctionType) -> str:
        known = _library_name(f)
        if known:
            return known
        code = f.__code__
        module = f.__globals__.get("__name__", "?")
        name, new = self._label(f, f"{module}.{code.co_qualname}")
        if not new:
            return name
        if not _is_library(module):
            self._own_code(code, f.__globals__, module, name)
        names = frozenset(_names(code))
        first = code.co_argcount - len(f.__defaults__ or ())
        defaults = dict(zip(code.co_varnames[first : code.co_argcount], f.__defaults__ or (), strict=True))
        for argument, value in {**defaults, **(f.__kwdefaults__ or {})}.items():
            self.add(f"default value of {argument} in {name}", value, names)
        for variable, cell in zip(code.co_freevars, f.__closure__ or (), strict=True):
            try:
                self.add(f"value of {variable} around {name}", cell.cell_contents, names)
            except ValueError:  # not assigned yet
                self.parts[f"value of {variable} around {name}"] = "empty"
        for attribute, value in sorted(vars(f).items()):
            self.add(f"attribute {attribute} of {name}", value)
        return name

    def _own_code(self, code: types.CodeType, namespace: dict[str, Any], module: str, name: str) -> None:
        self.parts[f"code of {name}"] = _code(code)
        names = frozenset(_names(code))
        loaded = set(_globals(code))
        for variable in sorted(loaded & set(namespace)):
            self._global(module, variable, namespace[variable], names)
        for imported in _imports(code, namespace):
            self.add(f"module {imported.__name__} imported in {name}", imported, names)
        unseen = sorted((loaded & _UNSEEN_BUILTINS) - set(namespace) | (names & _UNSEEN_ATTRIBUTES))
        if unseen:
            self.unknown[f"code of {name}"] = f"it uses {', '.join(unseen)}"

    def _class(self, cls: type) -> str:
        known = _library_name(cls)
        if known:
            return known
        name, new = self._label(cls, f"{cls.__module__}.{cls.__qualname__}")
        if not new:
            return name
        part = f"class {name}"
        self.parts[part] = _digest("class", *(self._text(base) for base in (type(cls), *cls.__bases__)))
        for attribute, value in sorted(vars(cls).items()):
            if attribute not in _CLASS_NOISE:
                self.add(f"attribute {attribute} of {part}", value)
        return name


def fingerprint(f: Callable[..., Any], parameters: Mapping[str, Any]) -> Fingerprint:
    """What ``f(**point, **parameters)`` depends on besides the point."""
    found = Fingerprint()
    found.add("function", f)
    for name, value in parameters.items():
        found.add(f"parameter {name}", value)
    return found


def _digest(*parts: str | bytes) -> str:
    """SHA-256 of the parts, each with its length before it."""
    total = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
        total.update(b"%d:" % len(data))
        total.update(data)
    return total.hexdigest()[:32]


def _code(code: types.CodeType) -> str:
    """Digest of compiled code: neither comments, nor line numbers, nor the docstring."""
    constants = list(code.co_consts)
    loads = {
        step.arg
        for step in dis.get_instructions(code)
        if step.opname.startswith(("LOAD_CONST", "RETURN_CONST"))
    }
    if constants and isinstance(constants[0], str) and 0 not in loads:
        constants[0] = None
    return _digest(
        code.co_code,
        code.co_exceptiontable,
        repr((code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)),
        repr((code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)),
        *map(_constant, constants),
    )


def _constant(value: Any) -> str:
    if isinstance(value, types.CodeType):
        return _code(value)
    if isinstance(value, frozenset):
        return _digest("frozenset", *sorted(map(_constant, value)))
    if isinstance(value, tuple):
        return _digest("tuple", *map(_constant, value))
    return f"{type(value).__name__} {value!r}"


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """A function's code and that of the functions inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _steps(code: types.CodeType) -> Iterator[dis.Instruction]:
    return (
        step
        for inner in _codes(code)
        for step in dis.get_instructions(inner)
        if step.opname != "EXTENDED_ARG"
    )


def _names(code: types.CodeType) -> Iterator[str]:
    """Names of the globals, builtins and attributes that a function uses."""
    for inner in _codes(code):
        yield from inner.co_names


def _globals(code: types.CodeType) -> Iterator[str]:
    """Names of the globals and builtins that a function reads."""
    return (step.argval for step in _steps(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"))


def _imports(code: types.CodeType, namespace: dict[str, Any]) -> list[types.ModuleType]:
    """One's own modules that a function imports as it runs."""
    found = {}
    steps = list(_steps(code))
    for k, step in enumerate(steps):
        if step.opname != "IMPORT_NAME":
            continue
        name = "." * (steps[k - 2].argval or 0) + step.argval
        try:
            name = importlib.util.resolve_name(name, namespace.get("__package__") or "")
            if not _is_library(name):
                found[name] = importlib.import_module(name)
        except ImportError:
            continue  # the function itself will say so
    return list(found.values())


def _library_name(value: Any) -> str | None:
    """The name under which Python, PIQS or an installed package offers this object, if one does."""
    try:
        module, name = value.__module__, value.__qualname__
    except Exception:  # most objects have no name of their own
        return None
    if isinstance(value, types.FunctionType):  # functools.wraps copies the names of another function
        module, name = value.__globals__.get("__name__", "?"), value.__code__.co_qualname
    if not isinstance(module, str) or not isinstance(name, str):
        return None
    return f"{module}.{name}" if _is_library(module) and _found(module, name) is value else None


def _found(module: str, name: str) -> Any:
    """The object of this name in a loaded module, or None."""
    value: Any = sys.modules.get(module)
    for attribute in name.split("."):
        value = getattr(value, attribute, None)
    return value


def _cached_properties(cls: type) -> set[str]:
    return {
        name
        for base in cls.__mro__
        for name, value in vars(base).items()
        if isinstance(value, functools.cached_property)
    }


@functools.cache
def _library_folders() -> tuple[Path, ...]:
    paths = {sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    paths |= {*site.getsitepackages(), site.getusersitepackages()}
    return tuple(Path(path).resolve() for path in paths)


def _is_library(module: str) -> bool:
    """Whether a module belongs to Python, to PIQS or to an installed package, which are known by their versions."""
    top = module.partition(".")[0]
    if top == "__main__":
        return False
    if top in sys.stdlib_module_names or top in ("piqs", "builtins"):
        return True
    loaded = sys.modules.get(module) or sys.modules.get(top)
    file = getattr(loaded, "__file__", None)
    if loaded is None:
        spec = importlib.util.find_spec(module)
        file = spec.origin if spec else None
    return file is not None and any(Path(file).resolve().is_relative_to(p) for p in _library_folders())
