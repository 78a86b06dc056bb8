"""The gallery computed once, with small ensembles and fixed seeds, for all tests of this room."""

import os
import time
from contextlib import contextmanager
from importlib import import_module

import numpy as np
import pytest

from analytic import ornstein_uhlenbeck, variance_exploding
from physim.store import load, save

TRAJECTORIES = 4096
ORDERS = {
    ("euler_maruyama", "additive"),
    ("sra1", "additive"),
    ("milstein (ito)", "multiplicative"),
    ("euler_maruyama", "flow"),
}


def _mine(path):
    """True for the first who asks."""
    try:
        path.mkdir()
    except FileExistsError:
        return False
    return True


def _awaited(path):
    """A dataset that another worker may still be computing."""
    end = time.monotonic() + 600
    while not path.exists():
        assert time.monotonic() < end, f"{path.stem} was not computed"
        time.sleep(0.1)
    return load(path)


HEAVY = (  # computed by the slow tests only
    "first_order_path",
    "hopfield",
    "broken_symmetries",
    "u_turn_hierarchy",
    "location_calibration",
    "recovered_transitions",
    "validation_table",
)


def marked(names):
    """Parameters of a test over figures: the heavy ones are slow."""
    return [pytest.param(n, marks=pytest.mark.slow) if n in HEAVY else n for n in names]


@contextmanager
def _lighter(name):
    """Where a figure compiles many kernels, a few stand for all."""
    with pytest.MonkeyPatch.context() as patch:
        module = import_module(f"figures.{name}")
        if name == "generative_bandwidth":
            patch.setattr(module, "PROCESSES", (variance_exploding, ornstein_uhlenbeck))
        if name == "integrator_orders":
            some = [c for c in module.cases() if (c.name, c.family) in ORDERS]
            laws = [law for law in module.exact_problems() if law[0] == "exact_ou"]
            patch.setattr(module, "cases", lambda: some)
            patch.setattr(module, "exact_problems", lambda: laws)
        if name == "cost_to_accuracy":
            patch.setattr(module, "PAIRS", ("euler_maruyama", "sra1"))
            patch.setattr(module, "step_nanoseconds", lambda count: np.array([5.0, 8.0]))
        yield module


class Made(dict):
    """Dataset and figure by name, each computed when it is first asked for, by the worker that comes to it first."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def __missing__(self, name):
        if _mine(self.folder / f"{name}.mine"):
            with _lighter(name) as module:
                save(module.compute(True, TRAJECTORIES), self.folder / f"{name}.nc")
        data = _awaited(self.folder / f"{name}.nc")
        with _lighter(name) as module:
            self[name] = data, module.draw(data)
        return self[name]


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Datasets and figures of the gallery, shared between the workers."""
    folder = tmp_path_factory.getbasetemp()
    folder = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "computed"
    folder.mkdir(exist_ok=True)
    return Made(folder)
