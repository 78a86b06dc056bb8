"""Sphinx: the docstrings of the public modules and the errata."""

project = "physim"
author = "The physim developers"
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax", "myst_parser"]
exclude_patterns = ["_build"]
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": False}
suppress_warnings = ["ref.python"]  # short names in prose, not links
html_theme = "alabaster"
html_theme_options = {
    "description": "Statistical physics of symmetry breaking in generative diffusion",
    "page_width": "1000px",
}


def as_written(app, what, name, obj, options, lines):
    """Docstrings are plain text with formulas: modules are shown as they stand, elsewhere |x| is a norm, no markup."""
    if what == "module" and any(line.strip() for line in lines[1:]):
        lines[:] = [lines[0].replace("|", "\\|"), "", "::", "", *(f"    {line}" for line in lines[1:]), ""]
    else:
        lines[:] = [line.replace("|", "\\|").replace("*", "\\*") for line in lines]


def setup(app):
    """Before napoleon reads the sections."""
    app.connect("autodoc-process-docstring", as_written, priority=400)
