"""Import lines of piqs 1.x and of QuTiP's module, in force beside functions of the same names.

``from piqs.dicke import Dicke`` (1.x), ``from piqs.piqs import *`` (``qutip.piqs.piqs`` with its first word left out),
``from piqs.cy.dicke import jmm1_dictionary`` and ``from piqs._piqs import get_blocks`` find the public names, while
``piqs.dicke`` and ``piqs.cite`` stay the functions they are: Python looks for modules in ``sys.modules`` only.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

__all__ = ["OLD_MODULES", "install"]

OLD_MODULES = ("dicke", "piqs", "_piqs", "cite", "cy", "cy.dicke", "cy.piqs")
# Private functions of the old modules that scripts use.
_PRIVATE = {"_num_dicke_states": "num_dicke_states", "_num_dicke_ladders": "num_dicke_ladders"}


def install(package: str, public: Mapping[str, Any]) -> None:
    """Make the old modules of a package, each with all of its public names.

    Parameters
    ----------
    package : str
        Name of the package.
    public : mapping
        Public names and what they stand for.

    Examples
    --------
    >>> from piqs.dicke import Dicke
    >>> from piqs.cy.dicke import jmm1_dictionary
    >>> import piqs
    >>> piqs.dicke(2, 1, 1).tr()
    1.0
    """
    for name in OLD_MODULES:
        module = ModuleType(
            f"{package}.{name}", f"The public names of {package}, under an import line of before."
        )
        vars(module).update(public, __all__=list(public))
        vars(module).update({old: public[new] for old, new in _PRIVATE.items()})
        if name == "cy":
            module.__path__ = []
        sys.modules[module.__name__] = module
