r"""Data of a random hierarchy: grammars drawn from a seed, exact belief propagation, noise on the leaves.

Where is the class of a string lost, and what of its details is left?  ::

    model = analytic.RandomHierarchy(vocabulary=32, synonyms=8, branching=2, levels=8)
    model.transition, model.critical_time(analytic.edm())           mean field: p* = 7/24
    grammar = physim.hierarchy.draw(model, seed=1)                  one set of rules
    physim.experiments.u_turn_hierarchy(grammar, "masking", [0.1, 0.3, 0.5], trajectories=500, seed=1)
    deep = physim.hierarchy.draw(analytic.RandomHierarchy(32, 8, 2, 24), seed=1)
    physim.hierarchy.critical_turn(deep, analytic.edm(), 0.3, 0.5, seed=1)         with all fluctuations

Mean field is good for beliefs blurred alike ("epsilon"); it misleads for noise that hits some leaves and spares others.
"""

from physim.hierarchy.channels import CHANNELS, noised
from physim.hierarchy.evolution import critical_turn, density_evolution
from physim.hierarchy.grammar import Grammar, draw
from physim.hierarchy.propagation import marginals, posterior_trees, upward

__all__ = [
    "CHANNELS",
    "Grammar",
    "critical_turn",
    "density_evolution",
    "draw",
    "marginals",
    "noised",
    "posterior_trees",
    "upward",
]
