"""Sphinx: the docstrings of the public modules and the errata."""

project = "physim"
author = "The physim developers"
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax", "myst_parser"]
exclude_patterns = ["_build"]
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": False}
html_theme = "alabaster"
html_theme_options = {"description": "Statistical physics of symmetry breaking in generative diffusion", "page_width": "1000px"}
