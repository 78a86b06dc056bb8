"""What the tasks of a run return, put together in a fixed order; and its state on disk, so that a run can resume."""

from __future__ import annotations

import hashlib
import time as clock
from pathlib import Path

import numpy as np

from physim.store import load_state, save_state

SECONDS = 5.0  # between two states on disk


class Tree:
    """A binary counter of results: nodes of equal size merge, earlier before later, whatever the chunk."""

    def __init__(self, merge):
        self.merge, self.levels = merge, []

    def add(self, node):
        """Put in the next result."""
        level = 0
        while level < len(self.levels) and self.levels[level] is not None:
            self.merge(self.levels[level], node)
            node, self.levels[level] = self.levels[level], None
            level += 1
        if level == len(self.levels):
            self.levels.append(None)
        self.levels[level] = node

    def total(self):
        """All results together."""
        out = None
        for node in self.levels:
            if node is None:
                continue
            node = node.copy()
            if out is not None:
                self.merge(node, out)
            out = node
        return out


class Collector:
    """Nodes of each batch, histogram counts and kept paths; `done` tasks are in."""

    def __init__(self, merge, batches: int, counts, paths):
        self.merge, self.batches, self.counts, self.paths = merge, batches, counts, paths
        self.trees = [Tree(merge) for _ in range(batches)]
        self.done = 0

    def add(self, batch, first, node, counts, kept):
        """Put in the result of the next task."""
        self.trees[batch].add(node)
        self.counts += counts
        self.paths[:, :, first : first + kept.shape[2]] = kept
        self.done += 1

    @property
    def nodes(self):
        """The node of every batch."""
        return [tree.total() for tree in self.trees]

    @property
    def node(self):
        """All batches together."""
        tree = Tree(self.merge)
        for node in self.nodes:
            tree.add(node)
        return tree.total()

    def state(self) -> dict:
        """Everything that is in, as named arrays."""
        arrays = {"done": np.array(self.done), "counts": self.counts, "paths": self.paths}
        for b, tree in enumerate(self.trees):
            for level, node in enumerate(tree.levels):
                if node is not None:
                    arrays[f"node {b} {level}"] = node
        return arrays

    def restore(self, arrays: dict):
        """Go on from a state."""
        self.done = int(arrays["done"])
        self.counts[:], self.paths[:] = arrays["counts"], arrays["paths"]
        for name, node in arrays.items():
            if name.startswith("node "):
                batch, level = map(int, name.split()[1:])
                levels = self.trees[batch].levels
                levels += [None] * (level + 1 - len(levels))
                levels[level] = node


class Checkpoint:
    """A file that holds the state of a run while it goes on; the same request finds it again."""

    def __init__(self, path, request: str, collector, chunk: int):
        self.path, self.collector, self.saved = Path(path), collector, clock.monotonic()
        self.key = hashlib.sha256(request.encode()).hexdigest()
        arrays = load_state(self.path, self.key)
        self.chunk = chunk if arrays is None else int(arrays.pop("chunk"))
        if arrays is not None:
            collector.restore(arrays)

    def save(self):
        """Write the state now."""
        save_state(self.path, self.key, {**self.collector.state(), "chunk": np.array(self.chunk)})
        self.saved = clock.monotonic()

    def save_sometimes(self):
        """Write the state if the last one is old."""
        if clock.monotonic() - self.saved > SECONDS:
            self.save()

    def finish(self):
        """The run is complete: the file has served."""
        self.path.unlink(missing_ok=True)
