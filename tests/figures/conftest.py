"""The gallery computed once, with small ensembles and fixed seeds, for all tests of this room."""

import os
import time
from importlib import import_module

import numpy as np
import pytest

from analytic import ornstein_uhlenbeck, variance_exploding
from figures import FIGURES
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


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Datasets and figures of the whole gallery; where a figure compiles many kernels, a few stand for all.

    Test workers share the work: each figure is computed by the worker that comes to it first.
    """
    folder = tmp_path_factory.getbasetemp()
    folder = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "computed"
    folder.mkdir(exist_ok=True)
    bandwidth = import_module("figures.generative_bandwidth")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bandwidth, "PROCESSES", (variance_exploding, ornstein_uhlenbeck))
        orders, cost = (import_module(f"figures.{name}") for name in ("integrator_orders", "cost_to_accuracy"))
        some = [c for c in orders.cases() if (c.name, c.family) in ORDERS]
        laws = [law for law in orders.exact_problems() if law[0] == "exact_ou"]
        patch.setattr(orders, "cases", lambda: some)
        patch.setattr(orders, "exact_problems", lambda: laws)
        patch.setattr(cost, "PAIRS", ("euler_maruyama", "sra1"))
        patch.setattr(cost, "step_nanoseconds", lambda count: np.array([5.0, 8.0]))
        for name in FIGURES:
            if _mine(folder / f"{name}.mine"):
                save(import_module(f"figures.{name}").compute(True, TRAJECTORIES), folder / f"{name}.nc")
    data = {name: _awaited(folder / f"{name}.nc") for name in FIGURES}
    return {name: (d, import_module(f"figures.{name}").draw(d)) for name, d in data.items()}
