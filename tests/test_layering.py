"""Which module may import which, and what importing the package may load."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "piqs"

# Bottom to top: a module imports from its own line and the lines above it here.
LAYERS = [
    {"errors"},
    {"_checks", "_resources", "_interrupts", "_kernels"},
    {"spaces"},
    {"operators", "states"},
    {"liouville"},
    {"linear"},
    {"equations"},
    {"integrators"},
    {"solvers"},
    {"trajectories"},
    {"measures"},
    {"analysis"},
    {"compat"},
    {"models"},
    {"plotting"},
    {"sweeps"},
    {"figures", "gallery"},
    {"cli", "about", "__main__"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
HEAVY = {"jax", "matplotlib", "dask", "distributed", "xarray", "zarr", "click"}
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def layer_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path):
    """Absolute names of all modules that a file imports, anywhere in it."""
    package = ["piqs", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, node.module] if node.module else base)
            # `from piqs import space` names a module, `from piqs.spaces.dicke import am` does not
            yield from (f"piqs.{a.name}" for a in node.names) if module == "piqs" else (module,)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_module_imports_only_from_below(path):
    layer = layer_of(path)
    assert layer in RANK, f"give {layer} a line in LAYERS"
    for name in imported(path):
        top, _, rest = name.partition(".")
        if top == "numba":
            assert layer in ("_kernels", "_resources"), f"{path.name} imports numba outside _kernels"
        if top != "piqs":
            continue
        target = rest.partition(".")[0]
        if target not in RANK:  # a name that the package itself offers
            assert RANK[layer] >= RANK["sweeps"], f"{path.name} imports {name} from the top of the package"
        else:
            assert RANK[target] <= RANK[layer], f"{path.name} ({layer}) imports {name}, which lies above it"
            if layer == "_kernels":
                assert target == "_kernels" or (path.name, target) == ("cache.py", "_interrupts")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_packages_are_imported_where_they_are_used(path):
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        heavy = {name.partition(".")[0] for name in names} & HEAVY
        assert not heavy or layer_of(path) == "cli", f"{path.name} imports {heavy} as it is loaded"


def test_import_loads_nothing_heavy_and_compiles_nothing():
    script = f"""
import sys
import qutip
before = set(sys.modules)  # QuTiP loads Matplotlib where it is installed
import piqs
heavy = {HEAVY} & (set(sys.modules) - before)
assert not heavy, heavy
for name, module in list(sys.modules.items()):
    if name.startswith("piqs._kernels"):
        for kernel in vars(module).values():
            assert not getattr(kernel, "signatures", None), kernel
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr


def test_public_names_exist_once():
    import piqs

    assert len(piqs.__all__) == len(set(piqs.__all__))
    assert all(hasattr(piqs, name) for name in piqs.__all__)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_one_conversion_from_qobj_to_sparse_arrays(path):
    if path.name == "_checks.py":
        return
    text = path.read_text(encoding="utf-8")
    for way in (".as_scipy(", "data_as("):
        assert way not in text, (
            f"{path.name} converts a Qobj by itself; `_checks.matrix` refuses NaN on the way"
        )


@pytest.mark.parametrize("room", ["solvers", "integrators", "linear", "liouville"])
def test_verbs_and_methods_know_nothing_of_dicke_space(room):
    for path in (PACKAGE / room).glob("*.py"):
        assert not any(name.startswith("piqs.spaces.dicke") for name in imported(path)), path.name
        assert "DickeSpace" not in path.read_text(encoding="utf-8"), path.name


def test_no_room_holds_more_than_a_sixth_of_the_code():
    lines = {}
    for path in FILES:
        room = path.relative_to(PACKAGE).parts[0]
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
        docstrings = [
            node.body[0]
            for node in ast.walk(tree)
            if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None
        ]
        code = set()
        for node in tree.body:
            code |= set(range(node.lineno, node.end_lineno + 1))
        for text in docstrings:
            code -= set(range(text.lineno, text.end_lineno + 1))
        lines[room] = lines.get(room, 0) + len(code)
    largest = max(lines, key=lines.get)
    assert lines[largest] < sum(lines.values()) / 6, lines
