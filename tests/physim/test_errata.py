"""Mistakes of published code, reproduced: the tests of marginals along the path must catch them (docs/errata.md)."""

from dataclasses import replace

import analytic as an
import physim
from physim import grids


def test_wrong_sign_of_the_linear_drift_shows_in_mid_path_and_not_at_the_end():
    """+f X instead of -f X in the reverse SDE: the end points are near +-1, the variance on the way is far off."""
    diffusion = an.Diffusion(an.SymmetricPair(1), an.ornstein_uhlenbeck())
    process, right = diffusion.process, diffusion.reverse()
    wrong = replace(right, drift=tuple(a + 2 * process.f * x for a, x in zip(right.drift, right.state, strict=True)))
    grid = grids.uniform_log_snr(process, 1e-4, 5.0, 1200)
    runs = [
        physim.simulate(dynamics, trajectories=20_000, grid=grid, seed=1, record=grid.times[[0, 600]])
        for dynamics in (right, wrong)
    ]
    good, bad = ((run.x_var.values, run.x_var_stderr.values) for run in runs)
    assert abs(good[0][0] - 1) < 5 * good[1][0] + 0.005  # exactly 1 at every time for data at +-1
    assert abs(bad[0][0] - 1) > 0.2
    assert abs(bad[0][1] - 1) < 0.01
