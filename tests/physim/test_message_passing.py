"""Message passing on planted 3-spin instances: couplings drawn as they are met, enumeration, state evolution."""

from itertools import product

import numpy as np
import pytest
from scipy import integrate

import analytic as an
from physim.experiments import message_passing
from physim.experiments.message_passing import _numbers, _passed, state_evolution
from physim.gaussian_tensor import GaussianTensor
from tests.checks import agree

ISING, SPHERICAL = an.PlantedPSpin(), an.PlantedPSpin(spins="spherical")


def generator(key):
    return np.random.Generator(np.random.Philox(key=[20230828, key]))


def test_tensor_is_a_symmetric_trilinear_form():
    """Whatever the order in which vectors come, also when they span the space, and for vectors it has met before."""
    tensor, draw = GaussianTensor(6, generator(0)), generator(1)
    a, b, c = draw.standard_normal((3, 6))

    def form(x, y, z):
        return x @ (tensor.gradient(y + z) - tensor.gradient(y - z)) / 4

    first = tensor.gradient(a)
    np.testing.assert_allclose([form(b, a, c), form(c, a, b)], form(a, b, c), rtol=1e-11)
    np.testing.assert_allclose(tensor.gradient(2 * a), 4 * first, rtol=1e-12)
    others = draw.standard_normal((20, 6))
    before = [tensor.gradient(x) for x in others]
    assert tensor.rank == 6
    np.testing.assert_allclose([tensor.gradient(x) for x in others], before, rtol=1e-11)
    np.testing.assert_allclose(tensor.gradient(a), first, rtol=1e-12)
    slope = [(tensor.energy(a + 1e-5 * e) - tensor.energy(a - 1e-5 * e)) / 2e-5 for e in np.eye(6)]
    np.testing.assert_allclose(first, slope, rtol=1e-8)


def test_tensor_has_the_law_of_a_stored_one():
    """E[g_i(m) g_l(n)] = (3/2) q^2 delta_il + 3 q n_i m_l/N, q = m.n/N, also where n is chosen after g(m) is seen."""
    size, count = 4, 6000
    m, other = np.array([1.0, -0.5, 2.0, 0.3]), np.array([0.2, 1.0, 0.7, -1.5])
    samples, adapted = np.empty((count, 3, size)), np.empty((count, 2))
    for k in range(count):
        tensor = GaussianTensor(size, generator(100 + k))
        samples[k, 0] = tensor.gradient(m)
        chosen = np.abs(samples[k, 0])
        adapted[k] = tensor.energy(chosen), (chosen @ chosen / size) ** 3 * size / 2
        samples[k, 1] = tensor.gradient(other)
        samples[k, 2] = tensor.gradient(m + other)
    vectors = m, other, m + other
    for (s, x), (t, y) in product(enumerate(vectors), repeat=2):
        q = x @ y / size
        truth = 1.5 * q**2 * np.eye(size) + 3 * q * np.outer(y, x) / size
        products = samples[:, s, :, None] * samples[:, t, None, :]
        agree(products.mean(0), products.std(0) / np.sqrt(count), truth)
    # given g(m), H(n) = n.g(n)/3 keeps a mean and a variance; for n = |g(m)| both are known by regression on g(m)
    mean, variance = _conditional(m, size, samples[:, 0])
    z = (adapted[:, 0] - mean) / np.sqrt(variance)
    agree(np.array([z.mean(), np.mean(z**2)]), np.array([1, np.sqrt(2)]) / np.sqrt(count), np.array([0.0, 1.0]))


def _conditional(m, size, seen):
    """Mean and variance of H(|g|) given g = gradient(m): linear regression with the stated covariance."""
    q = m @ m / size
    cov = 1.5 * q**2 * np.eye(size) + 3 * q * np.outer(m, m) / size
    chosen = np.abs(seen)
    overlap = chosen @ m / size
    cross = 1.5 * overlap[:, None] ** 2 * chosen  # Cov(g_i(m), H(n)) = d/dm_i of (N/2) q^3
    weights = np.linalg.solve(cov, cross.T).T
    prior = size / 2 * (np.sum(chosen**2, axis=1) / size) ** 3
    return np.sum(weights * seen, axis=1), prior - np.sum(weights * cross, axis=1)


def test_posterior_of_few_spins_by_enumeration():
    """Nishimori: E <s>.s_0 = E |<s>|^2 for the stated weights; message passing has the overlap of the exact marginals.

    With 8 spins single instances differ; the mean overlap does not, which side information alone misses by 0.13.
    """
    size, warm, snr, count = 8, 1.2, 0.6, 200
    states = np.array(list(product((1, -1), repeat=size)), dtype=float)
    gap, exact, passed, alone = np.empty((4, count))
    for k in range(count):
        draw = generator(9000 + k)
        planted = np.sign(draw.standard_normal(size))
        told = snr * planted + np.sqrt(snr) * draw.standard_normal(size)
        tensor = GaussianTensor(size, draw)
        glass = np.array([tensor.energy(s) for s in states[: len(states) // 2]])
        weight = np.concatenate([glass, -glass[::-1]]) / warm + states @ told
        weight += size / (2 * warm**2) * (states @ planted / size) ** 3
        weight = np.exp(weight - weight.max())
        mean = weight @ states / weight.sum()
        exact[k], gap[k] = mean @ planted / size, mean @ (planted - mean) / size
        passed[k] = _passed(ISING, warm, snr, size, generator(9000 + k), "uninformed", 200, 1e-8)[0]
        alone[k] = np.tanh(told) @ planted / size
    agree(gap.mean(), gap.std() / np.sqrt(count), 0.0)
    assert abs((passed - exact).mean()) < 0.04
    assert abs((alone - exact).mean()) > 0.1


@pytest.mark.parametrize(("model", "warm"), [(ISING, 0.9), (SPHERICAL, 0.8)], ids=["ising", "spherical"])
def test_overlap_agrees_with_state_evolution(model, warm):
    """Both starts, small and large overlap; the squared norm is the same number on the Nishimori line."""
    points = message_passing(model, warm, [0.05, 0.6], sites=800, instances=16, seed=5, iterations=120)
    assert points.overlap.dims == ("start", "point")
    assert (points.converged == 1).all()
    agree(points.overlap, points.overlap_stderr, points.overlap_exact, bias=6 / 800)
    agree(points.self_overlap, points.self_overlap_stderr, points.overlap_exact, bias=6 / 800)
    again = message_passing(
        model, warm, [0.05, 0.6], sites=800, instances=16, seed=5, starts="uninformed", iterations=120
    )
    np.testing.assert_array_equal(again.overlap[0], points.overlap[0])


def test_state_evolution_is_the_iteration():
    """Against SciPy's quadrature; two ends between the spinodals."""
    ends = [state_evolution(ISING, 0.7, 0.11, start)[-1] for start in ("uninformed", "planted")]
    for q in ends:
        h = 0.11 + 1.5 * q**2 / 0.49
        mean = integrate.quad(lambda z, h=h: np.tanh(h + np.sqrt(h) * z) * np.exp(-z * z / 2), -12, 12, epsabs=1e-13)[0]
        assert q == pytest.approx(mean / np.sqrt(2 * np.pi), abs=1e-10)
    assert ends[0] < 0.2 < 0.6 < ends[1]
    path = state_evolution(SPHERICAL, 0.6, 0.05)
    assert len(path) < len(state_evolution(SPHERICAL, 0.6, 0.08))
    np.testing.assert_allclose(path[1:], _numbers(SPHERICAL)[0](0.05 + 1.5 * path[:-1] ** 2 / 0.36), rtol=1e-12)
    lower = path[-1]
    assert lower == pytest.approx(_numbers(SPHERICAL)[0](0.05 + 1.5 * lower**2 / 0.36), abs=1e-12)


def test_what_does_not_converge_is_said():
    with pytest.warns(UserWarning, match="instances did not converge in 3 iterations"):
        found = message_passing(ISING, 0.8, 0.3, sites=50, instances=2, seed=1, iterations=3)
    np.testing.assert_allclose(found.overlap_exact[0], state_evolution(ISING, 0.8, 0.3)[3])
    assert (found.overlap_limit > found.overlap_exact).values[0].all()
    assert (found.converged == 0).all()


def test_refusals():
    good = {"sites": 50, "instances": 2, "seed": 1}
    for model, warm, snr, change, text in (
        (an.PlantedPSpin(4), 0.8, 0.1, {}, "a PlantedPSpin with p = 3 is needed"),
        (an.CurieWeiss(), 0.8, 0.1, {}, "a PlantedPSpin with p = 3 is needed"),
        (ISING, 0.0, 0.1, {}, "temperature: 0 ... 0 given"),
        (ISING, 0.8, -0.1, {}, "snr: -0.1"),
        (ISING, 0.8, 0.1, {"instances": 1}, "instances: 1 given; a whole number of at least 2"),
        (ISING, 0.8, 0.1, {"starts": "cold"}, "allowed are uninformed, planted"),
        (ISING, 0.8, 0.1, {"sites": 10**6}, "GB"),
    ):
        with pytest.raises(ValueError, match=text):
            message_passing(model, warm, snr, **{**good, **change})
