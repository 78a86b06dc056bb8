"""Data of a random hierarchy: grammars drawn from a seed, exact belief propagation, noise on the leaves."""

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
