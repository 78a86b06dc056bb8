"""The gallery computed once, with small ensembles and fixed seeds, for all tests of this room."""

from importlib import import_module

import pytest

from analytic import ornstein_uhlenbeck, variance_exploding
from figures import FIGURES

TRAJECTORIES = 4096


@pytest.fixture(scope="session")
def made():
    """Datasets and figures of the whole gallery; two processes stand for four in the bandwidth figure."""
    bandwidth = import_module("figures.generative_bandwidth")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bandwidth, "PROCESSES", (variance_exploding, ornstein_uhlenbeck))
        data = {name: import_module(f"figures.{name}").compute(True, TRAJECTORIES) for name in FIGURES}
    return {name: (d, import_module(f"figures.{name}").draw(d)) for name, d in data.items()}
