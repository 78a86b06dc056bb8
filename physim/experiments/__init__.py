"""Named experiments of the field, on top of `simulate`: each returns estimates beside what is exactly known."""

from physim.experiments.branching import branching
from physim.experiments.clones import clones
from physim.experiments.commitment import commitment
from physim.experiments.message_passing import message_passing
from physim.experiments.retrieval import few_patterns, retrieval
from physim.experiments.spin_clones import spin_clones
from physim.experiments.u_turn import u_turn
from physim.experiments.u_turn_hierarchy import u_turn_hierarchy

__all__ = [
    "branching",
    "clones",
    "commitment",
    "few_patterns",
    "message_passing",
    "retrieval",
    "spin_clones",
    "u_turn",
    "u_turn_hierarchy",
]
