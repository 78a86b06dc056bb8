"""The gallery computed once, with small ensembles and fixed seeds, for all tests of this room."""

from importlib import import_module

import numpy as np
import pytest

from analytic import ornstein_uhlenbeck, variance_exploding
from figures import FIGURES

TRAJECTORIES = 4096
ORDERS = {
    ("euler_maruyama", "additive"),
    ("sra1", "additive"),
    ("milstein (ito)", "multiplicative"),
    ("euler_maruyama", "flow"),
}


def pytest_collection_modifyitems(items):
    """All tests that read the gallery run in one worker, so that it is computed once."""
    for item in items:
        if "made" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("gallery"))


@pytest.fixture(scope="session")
def made():
    """Datasets and figures of the whole gallery; where a figure compiles many kernels, a few stand for all."""
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
        data = {name: import_module(f"figures.{name}").compute(True, TRAJECTORIES) for name in FIGURES}
    return {name: (d, import_module(f"figures.{name}").draw(d)) for name, d in data.items()}
