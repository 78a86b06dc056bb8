"""The command `physim`: exact formulas and quick ensembles from a terminal.

    physim models      what a model and a process can be
    physim show        formulas and critical points
    physim atlas       every critical time of a model under a process, in every clock
    physim locate      branches of fixed points and where they bifurcate
    physim simulate    an ensemble, measured
    physim validate    every claim of the theory, exact and simulated
    physim doctor      versions, processor, cache, speed

Models, processes and observables are text that goes through the whitelist of `analytic.parse`.  Everything
heavy is imported inside the commands, so that help comes at once.
"""

from physim.cli import models, show, atlas, locate, simulate, validate, doctor  # noqa: F401, I001  (the order of the help page)
from physim.cli.app import app


def main():
    """Entry point of the command."""
    app(prog_name="physim")
