"""The models of Table II of the paper, ready to run: one module per row.

Each function returns a model (`Dicke`, `Composite` or `Ensemble`) that all verbs take.  Its module has ``data()`` and
``plot()`` for the picture that shows what the row is known for; ``piqs figures NAME`` draws it.

Examples
--------
>>> from piqs.gallery import optical_bistability
>>> rho = optical_bistability(N=10, drive=2.0).steadystate()
>>> rho.shape
(36, 36)
"""

from importlib import import_module
from typing import Any

#: Name of each model on the command line and its module, in the order of Table II.
MODELS: dict[str, str] = {
    "depolarizing-noise": "depolarization",
    "decaying-ghz": "ghz_decay",
    "three-level-laser": "three_levels",
    "optical-bistability": "bistability",
    "collective-jumps": "jumps",
    "xy-bistability": "xy_model",
    "two-axis-squeezing": "squeezing",
    "entanglement-witness": "witness",
    "steady-superradiance": "superradiant_laser",
    "ramsey-spectroscopy": "ramsey",
    "superradiant-emission": "emission",
    "superfluorescence": "fluorescence",
    "spin-synchronization": "synchronization",
    "cavity-cooling": "cooling",
    "lasing": "laser",
    "photon-antibunching": "antibunching",
    "driven-subradiance": "subradiance",
    "spaser": "plasmons",
    "superradiant-transition": "transition",
    "generalized-dicke": "dicke_phases",
    "driven-dicke": "tilted_dicke",
}

_FUNCTIONS = {name.replace("-", "_"): module for name, module in MODELS.items()}

__all__ = ["MODELS", *_FUNCTIONS]


def __getattr__(name: str) -> Any:
    # The modules draw with what `piqs.figures` offers, which lists them: they are imported when they are asked for.
    if name in _FUNCTIONS:
        return getattr(import_module(f"piqs.gallery.{_FUNCTIONS[name]}"), name)
    raise AttributeError(
        f"module 'piqs.gallery' has no attribute {name!r}; its models are {list(_FUNCTIONS)}"
    )
