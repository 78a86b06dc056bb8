"""Thermodynamics and branching on simulated paths, against exact values."""

import numpy as np
import pytest
import sympy as sp

import analytic as an
import physim
from analytic import branching, thermodynamics
from analytic.paths import path_integral
from physim import grids
from physim.quadrature import expectations
from tests.checks import agree
from tests.letters import diffusion_of, numbers
from tests.zoo import MODELS


def test_integral_fluctuation_theorem():
    """E exp(-Sigma) = 1 on forward paths, E Sigma = int production dt by quadrature; sub-VP, whose f/g2 moves."""
    diffusion = an.Diffusion(an.GaussianMixture([-1, 1.5], 0.3, [0.4, 0.6]), an.sub_vp())
    total = thermodynamics.total_entropy_production(diffusion)
    grid = grids.uniform(0.2, 0.9, 400)
    rate = thermodynamics.entropy_production(diffusion)
    run = physim.simulate(
        diffusion.forward(), trajectories=40_000, grid=grid, seed=2, record=1, scheme="sra1",
        observe={"ift": sp.exp(-total), "total": total, "rate": path_integral(rate)},
    )  # fmt: skip
    agree(run.ift_mean[-1], run.ift_mean_stderr[-1], 1.0)
    nodes, weights = np.polynomial.legendre.leggauss(40)
    times = 0.55 + 0.35 * nodes
    exact = 0.35 * weights @ expectations(diffusion, {"rate": rate}, times).rate.values
    agree(run.total_mean[-1], run.total_mean_stderr[-1], exact)
    agree(run.rate_mean[-1], run.rate_mean_stderr[-1], exact, bias=1e-4)


def test_trace_of_the_branching_excess_is_twice_the_bandwidth():
    """Claim B at points of the plane, and the rates of claim D as eigenvalues of the drift's gradient."""
    diffusion = diffusion_of(MODELS["three points in the plane"])
    for process, time in (("edm", 0.8), ("vp_linear", 0.3)):
        at = {"x1": 0.4, "x2": -0.3, **numbers(process, time)}
        excess = branching.branching_excess(diffusion).trace()
        assert an.evaluate(excess, at) == pytest.approx(2 * an.evaluate(diffusion.local_bandwidth, at), rel=1e-12)
        matrix = np.array([float(v) for v in an.evaluate(branching.separation_rate(diffusion), at)]).reshape(2, 2)
        rates = sorted(-float(an.evaluate(r, at)) for r in branching.relaxation_rates(diffusion))
        assert rates == pytest.approx(np.linalg.eigvalsh(matrix), rel=1e-10)
        flow = np.array([float(v) for v in an.evaluate(branching.separation_rate(diffusion, 0), at)]).reshape(2, 2)
        assert 2 * flow - matrix == pytest.approx(-at["f"] * np.eye(2), abs=1e-10)


def test_tangent_is_the_separation_of_two_paths_under_one_noise():
    """d against the difference of two paths 1e-6 apart, and against exp(int tr R ds) of one dimension."""
    diffusion = an.Diffusion(an.SymmetricPair(1), an.ornstein_uhlenbeck())
    reverse, grid = diffusion.reverse(), grids.uniform_log_snr(diffusion.process, 0.05, 1.5, 2000)
    starts = np.random.default_rng(1).normal(size=(300, 1))
    known = {"trajectories": 300, "grid": grid, "seed": 4, "keep_paths": 300, "record": 5}
    pair = physim.simulate(reverse.copies(2, "common"), initial=np.hstack([starts, starts + 1e-6]), **known)
    linear, growth = branching.tangent(reverse), branching.growth_exponent(diffusion)
    off = sp.log(sp.Abs(linear.state[1])) - growth
    run = physim.simulate(linear, initial=np.hstack([starts, 0 * starts + 1]), observe={"off": off}, **known)
    parted = (pair.paths[:, 1] - pair.paths[:, 0]).values / 1e-6
    assert run.paths.values[:, 1] == pytest.approx(parted, rel=1e-4, abs=1e-6)
    assert run.paths.values[:, 1].max() > 2
    assert np.abs(run.off_mean.values).max() < 2e-3
    assert float(run.off_var.max()) < 1e-4


def test_refusals():
    x = sp.Symbol("x", real=True)
    noisy = an.Dynamics(x, -x, x)
    with pytest.raises(ValueError, match="dynamics: diagonal noise; a tangent is noiseless"):
        branching.tangent(noisy)
    with pytest.raises(ValueError, match="3 coordinates; closed eigenvalues serve up to 2"):
        branching.filter_gains(an.Diffusion(an.Simplex(4), an.edm()))
    with pytest.raises(ValueError, match="radial coordinate has no bath"):
        thermodynamics.total_entropy_production(an.Diffusion(an.EqualMeans([1, 2]), an.edm()))
