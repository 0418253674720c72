"""Sphinx configuration.  The site needs no network to build and none to read."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

import piqs

project = "PIQS"
author = "The PIQS developers"
copyright = "The PIQS developers"
version = release = piqs.__version__

extensions = [
    "myst_nb",  # Markdown pages whose code cells run as the site builds
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",  # ships MathJax with the site instead of loading it from a server
    "sphinx_copybutton",  # a button on each block of code
    "sphinx_design",  # the cards of the front page
    "public_names",  # the pages of the API, with everything in piqs.__all__
    "notebooks",  # pages with code cells can be downloaded as notebooks
    "internal_links",  # every link inside the site must lead somewhere
]
exclude_patterns = ["_build", "jupyter_execute"]
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath", "smartquotes"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "none"  # the docstrings state types, shapes and units
default_role = "py:obj"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = (
    True  # attributes beside properties of the same name are no duplicates
)

html_theme = "furo"
html_title = f"PIQS {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_search_scorer = str(Path(__file__).parent / "_static" / "search.js")
html_show_sourcelink = False
