"""What to report with a bug and what to cite: versions and the reference of the paper."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import qutip

from piqs._checks import flag

__all__ = ["about", "cite"]

BIBTEX = """@article{Shammah2018,
  title = {Open quantum systems with local and collective incoherent processes: Efficient numerical
           simulations using permutational invariance},
  author = {Shammah, Nathan and Ahmed, Shahnawaz and Lambert, Neill and De Liberato, Simone and Nori, Franco},
  journal = {Phys. Rev. A},
  volume = {98},
  issue = {6},
  pages = {063815},
  year = {2018},
  month = {Dec},
  publisher = {American Physical Society},
  doi = {10.1103/PhysRevA.98.063815},
}
"""


def about() -> None:
    """Print the versions of the package and of what it stands on, the machine, and how to cite.

    Examples
    --------
    >>> about()
    PIQS: the permutational-invariant quantum solver
    ...
    """
    print("PIQS: the permutational-invariant quantum solver")
    for name in ("piqs", "qutip", "numpy", "scipy", "numba", "matplotlib"):
        try:
            print(f"{name + ':':<12}{version(name)}")
        except PackageNotFoundError:
            print(f"{name + ':':<12}not installed")
    print(f"{'python:':<12}{platform.python_version()} on {platform.system()} ({platform.machine()})")
    print(f"{'CPUs:':<12}{qutip.settings.num_cpus}")
    print("Please cite Phys. Rev. A 98, 063815 (2018); `piqs.cite()` writes the BibTeX entry.")


def cite(path: str | os.PathLike[str] | None = None, verbose: bool = True) -> None:
    """Write the BibTeX entry of the paper to ``piqs.bib``.

    Parameters
    ----------
    path : path-like, optional
        Folder to write to; the working folder by default.
    verbose : bool, default True
        Print the entry too.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cite(folder, verbose=False)
    """
    if path is not None and not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"path must be a folder, as text or path, got {path!r}")
    folder = Path(path or ".")
    if not folder.is_dir():
        raise FileNotFoundError(f"path must be a folder that exists, got {str(folder)!r}")
    if flag(verbose, "verbose"):
        print(BIBTEX)
    (folder / "piqs.bib").write_text(BIBTEX, encoding="utf-8")
