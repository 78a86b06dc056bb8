"""A run that was interrupted goes on from its file with the same bits; a file that is not its own is refused."""

import numpy as np
import pytest
import sympy as sp

import analytic as an
import physim
from physim.collect import Collector

x, y = sp.symbols("x y", real=True)
WALK = an.Dynamics((x, y), (-x, x - y), (1, sp.Rational(1, 2)))
REQUEST = {"trajectories": 9000, "grid": np.linspace(0, 2, 41), "seed": 8, "initial": np.array([0.5, 0.0])}
MEASURE = {"observe": {"a": x, "b": y}, "histograms": {"a": np.linspace(-1, 1, 5)}, "batches": 3, "keep_paths": 3500}


def simulate(**options):
    return physim.simulate(WALK, **REQUEST, **MEASURE, record=5, chunk=512, **options)


@pytest.fixture
def interrupted(tmp_path, monkeypatch):
    """The file of a run stopped after nine of its eighteen tasks."""
    add = Collector.add

    def stop_after_nine(self, *task):
        if self.done == 9:
            raise KeyboardInterrupt
        add(self, *task)

    path = tmp_path / "state.npz"
    with monkeypatch.context() as patch:
        patch.setattr(Collector, "add", stop_after_nine)
        with pytest.raises(KeyboardInterrupt):
            simulate(checkpoint=path)
    assert path.exists()
    return path


def test_resumed_run_has_the_same_bits(interrupted, monkeypatch):
    again, add = [], Collector.add
    monkeypatch.setattr(Collector, "add", lambda self, *task: (again.append(task[1]), add(self, *task)))
    resumed = simulate(checkpoint=interrupted)
    assert len(again) == 9
    assert physim.store.checksum(resumed) == physim.store.checksum(simulate())
    assert not interrupted.exists()


def test_a_file_that_is_not_its_own_is_refused(interrupted):
    with pytest.raises(ValueError, match="belongs to another run; give another path, or remove it"):
        physim.simulate(WALK, **(REQUEST | {"seed": 9}), **MEASURE, record=5, checkpoint=interrupted)
    whole = bytearray(interrupted.read_bytes())
    whole[len(whole) // 2] ^= 1
    for damaged in (bytes(whole), bytes(whole[:-200]), b""):
        interrupted.write_bytes(damaged)
        with pytest.raises(ValueError, match="is damaged; remove it to begin anew"):
            simulate(checkpoint=interrupted)
