"""Potts, O(n), Hopfield and random-field data: scores and draws against enumeration and grids of angles."""

import itertools

import numpy as np
import pytest
import sympy as sp
from scipy.special import i0, i1

import analytic as an
from analytic.evaluate import root
from analytic.free_energy import self_consistency
from physim.finite_size import Law
from physim.kernels.sites import site_numbers
from physim.spin_samples import balanced_labels, data_samples, embedded, posterior_samples
from physim.spin_scores import field_posterior, posterior_means, scores
from tests.checks import agree

B = sp.Symbol("b", positive=True)
OU = an.ornstein_uhlenbeck()
POTTS = an.Diffusion(an.Potts(3, beta=B), OU)
HOPFIELD = an.Diffusion(an.Hopfield(2, beta=B), OU)
XY = an.Diffusion(an.VectorSpins(2, field=sp.Rational(1, 10), beta=B), OU)


def schedule(time):
    return np.exp(-time), np.sqrt(-np.expm1(-2 * time))


def weighted(states, logs):
    """Mean of states (configurations, N, d) under exp(logs)."""
    p = np.exp(logs - logs.max())
    return np.einsum("c,cnd->nd", p / p.sum(), states)


def by_enumeration(coordinates, energy, x, time):
    """E[d(s_i)|x] over every configuration; coordinates (values, d), energy(configurations of values) = -N beta e."""
    alpha, sigma = schedule(time)
    choices = np.array(list(itertools.product(range(len(coordinates)), repeat=len(x))))
    states = np.asarray(coordinates, dtype=float)[choices]
    seen = (alpha * np.einsum("cnd,nd->c", states, x) - alpha**2 * (states**2).sum((1, 2)) / 2) / sigma**2
    return weighted(states, energy(states) + seen)


@pytest.mark.parametrize(("colours", "n", "beta"), [(2, 7, 2.4), (3, 6, 2.0), (3, 6, 3.5), (4, 5, 3.0)])
def test_potts_by_enumeration(colours, n, beta):
    diffusion = POTTS if colours == 3 else an.Diffusion(an.Potts(colours, beta=B), OU)
    for time in (0.05, 0.7, 2.5):
        x = np.random.default_rng(colours).standard_normal((n, colours)) * (1 + 3 * (time < 0.1))
        exact = by_enumeration(np.eye(colours), lambda s: beta / (2 * n) * (s.sum(axis=1) ** 2).sum(axis=1), x, time)
        assert np.abs(posterior_means(diffusion, x, time, {"b": beta}) - exact).max() < 1e-12
        assert np.abs(exact.sum(axis=1) - 1).max() < 1e-13


@pytest.mark.parametrize("patterns", [1, 2, 3])
def test_hopfield_by_enumeration(patterns):
    """Any patterns, not only balanced ones; the overlaps decide."""
    n, beta, diffusion = 9, 1.6, an.Diffusion(an.Hopfield(patterns, beta=B), OU)
    rng = np.random.default_rng(patterns)
    bits = rng.choice([-1.0, 1.0], size=(n, patterns))
    for time in (0.1, 1.5):
        x = rng.standard_normal((n, 1))
        exact = by_enumeration([[1], [-1]], lambda s: beta / (2 * n) * ((s[..., 0] @ bits) ** 2).sum(axis=1), x, time)
        found = posterior_means(diffusion, x[:, 0], time, {"b": beta}, labels=bits)
        assert np.abs(found - exact[:, 0]).max() < 1e-12


def test_random_fields_by_enumeration():
    diffusion, n = an.Diffusion(an.RandomField(sp.Rational(1, 3), beta=2), an.edm()), 8
    signs = np.array([1.0, -1, 1, 1, -1, -1, 1, -1])
    x = np.random.default_rng(4).standard_normal(n)
    states = np.array(list(itertools.product((1.0, -1.0), repeat=n)))
    logs = n * states.mean(axis=1) ** 2 + 2 / 3 * states @ signs + states @ x / 0.9**2
    exact = weighted(states[..., None], logs)[:, 0]
    assert np.abs(posterior_means(diffusion, x, 0.9, labels=signs) - exact).max() < 1e-12


def test_xy_spins_on_a_grid_of_angles():
    """Three plane spins in a field: the trapezoidal rule over their angles is exact to rounding."""
    angle = 2 * np.pi * np.arange(40) / 40
    unit = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    x = np.random.default_rng(8).standard_normal((3, 2))

    def energy(s):
        return 1.7 / 6 * (s.sum(axis=1) ** 2).sum(axis=1) + 0.17 * s[..., 0].sum(axis=1)

    for time in (0.4, 2.0):
        exact = by_enumeration(unit, energy, x, time)
        assert np.abs(posterior_means(XY, x, time, {"b": 1.7}) - exact).max() < 1e-12


def test_heisenberg_spins_on_a_grid_of_spheres():
    height, weight = np.polynomial.legendre.leggauss(16)
    angle = 2 * np.pi * np.arange(24) / 24
    flat = np.sqrt(1 - height**2)[:, None] * np.stack([np.cos(angle), np.sin(angle)])[:, None, :]
    unit = np.concatenate([flat, np.broadcast_to(height[:, None], flat.shape[1:])[None]]).reshape(3, -1).T
    share = np.repeat(np.log(weight), len(angle))
    pairs = np.array(list(itertools.product(range(len(unit)), repeat=2)))
    x = np.random.default_rng(9).standard_normal((2, 3))
    alpha, sigma = schedule(0.6)
    states = unit[pairs]
    logs = share[pairs].sum(axis=1) + 2.5 / 4 * (states.sum(axis=1) ** 2).sum(axis=1)
    exact = weighted(states, logs + alpha * np.einsum("cnd,nd->c", states, x) / sigma**2)
    diffusion = an.Diffusion(an.VectorSpins(3, beta=B), OU)
    assert np.abs(posterior_means(diffusion, x, 0.6, {"b": 2.5}) - exact).max() < 1e-12


@pytest.mark.parametrize(("diffusion", "dims"), [(POTTS, 3), (XY, 2)])
def test_score_is_a_gradient_and_orders_agree(diffusion, dims):
    """Symmetric Jacobian by differences; two spacings of the lattice at N = 200."""
    x, step = np.random.default_rng(1).standard_normal((4, dims)), 1e-5
    given = {"b": 2.2}
    moved = np.array(
        [
            [scores(diffusion, x + s * step * np.eye(4 * dims)[k].reshape(4, dims), 0.8, given) for s in (1, -1)]
            for k in range(4 * dims)
        ]
    ).reshape(4 * dims, 2, -1)
    jacobian = (moved[:, 0] - moved[:, 1]) / (2 * step)
    assert np.abs(jacobian - jacobian.T).max() < 1e-8
    assert np.abs(jacobian - np.diag(np.diag(jacobian))).max() > 1e-3
    x = np.random.default_rng(2).standard_normal((200, dims))
    coarse, fine = (posterior_means(diffusion, x, 1.5, given, spacing=c) for c in (0.7, 0.5))
    assert np.abs(coarse - fine).max() < 1e-10


def test_all_potts_phases_are_found():
    """Three thousand cold colours without information: a third of the weight at each corner."""
    numbers = site_numbers(POTTS, None, {"b": 3.2})
    nodes, weights = field_posterior(numbers, np.zeros((3000, 3)), labels=np.empty((3000, 0)))
    corners = np.array(POTTS.phases(1), dtype=float)
    nearest = np.argmax(nodes @ corners.T, axis=1)
    shares = np.bincount(nearest, weights)
    assert shares == pytest.approx(np.full(3, 1 / 3), abs=1e-12)
    order = root(_slope(an.Potts(3, beta=sp.Rational(16, 5))), an.symbols.magnetisation, 0.5, 0.99)
    assert weights @ np.linalg.norm(nodes, axis=1) == pytest.approx(float(order) * (2 / 3) ** 0.5, rel=2e-3)
    assert len(nodes) < 6000


def test_posterior_draws_have_the_posterior_means():
    cases = [(POTTS, (5, 3), None), (HOPFIELD, (8,), balanced_labels(an.Hopfield(2), 8)), (XY, (3, 2), None)]
    cases.append((an.Diffusion(an.VectorSpins(3, beta=B), OU), (3, 3), None))
    for diffusion, shape, labels in cases:
        x = np.random.default_rng(3).standard_normal(shape)
        draws = posterior_samples(diffusion, x, 0.7, 20_000, 11, {"b": 2.3}, labels=labels)[:, 0]
        found = embedded(diffusion, draws)
        exact = posterior_means(diffusion, x, 0.7, {"b": 2.3}, labels=labels)
        agree(found.mean(axis=0), found.std(axis=0) / np.sqrt(len(found)), exact)


def test_data_draws_follow_the_exact_law_of_the_order():
    """Potts and Hopfield against sums over occupations; two O(n) spins against their Bessel ratio."""
    count = 20_000
    colours = embedded(POTTS, data_samples(POTTS, 30, count, 5, {"b": 2.74}))
    square = (colours.mean(axis=1) ** 2).sum(axis=1)
    law = Law(an.Potts(3), 30, 2.74)
    agree(square.mean(), square.std() / count**0.5, law.mean((law.order**2).sum(axis=0)))
    bits = balanced_labels(an.Hopfield(2), 40)
    overlaps = data_samples(HOPFIELD, 40, count, 6, {"b": 1.2}, labels=bits) @ bits / 40
    law = Law(an.Hopfield(2), 40, 1.2)
    for power in (2, 4):
        values = (overlaps**power).sum(axis=1)
        agree(values.mean(), values.std() / count**0.5, law.mean((law.order**power).sum(axis=0)))
    pair = data_samples(an.Diffusion(an.VectorSpins(2, beta=B), OU), 2, count, 7, {"b": 3.0})
    cosine = (pair[:, 0] * pair[:, 1]).sum(axis=-1)
    agree(cosine.mean(), cosine.std() / count**0.5, i1(1.5) / i0(1.5))
    pair = data_samples(an.Diffusion(an.VectorSpins(3, beta=B), OU), 2, count, 8, {"b": 3.0})
    cosine = (pair[:, 0] * pair[:, 1]).sum(axis=-1)
    agree(cosine.mean(), cosine.std() / count**0.5, 1 / np.tanh(1.5) - 1 / 1.5)


def test_reduced_law_of_potts_phases():
    """Means and covariances of sqrt(N) phi in the phase of one colour: exact sums tend to them as 1/N."""
    model = an.Potts(3, beta=sp.Rational(18, 5))
    diffusion = an.Diffusion(model, OU)
    order = sp.Rational(str(root(_slope(model), an.symbols.magnetisation, 0.5, 0.99)))
    basis = np.array(diffusion.frame.basis.tolist(), dtype=float)
    errors = []
    for n in (300, 600):
        law = Law(an.Potts(3), n, 3.6)
        phi = np.sqrt(n) * basis.T @ law.order
        p = law.probability * (law.order[0] > 1.2 * np.maximum(law.order[1], law.order[2]))
        mean = phi @ p / p.sum()
        spread = ((phi - mean[:, None]) * p) @ (phi - mean[:, None]).T / p.sum()
        mixture = diffusion.order_parameter(diffusion.phases(order), n)
        found = np.array(mixture.covariances[0].tolist(), dtype=float)
        errors.append(np.diag(found / spread - 1))
        assert np.array(mixture.means[0], dtype=float) == pytest.approx(mean, rel=2 / n, abs=1e-10)
        assert abs(found[0, 1]) < 1e-25
        assert abs(spread[0, 1]) < 1e-10
        lam, alpha2 = an.evaluate(diffusion.separation(order, n), {"t": 2.0}), np.exp(-4)
        limit = float(np.square(np.array(mixture.means[0], dtype=float)).sum() * alpha2)
        assert float(lam) == pytest.approx(limit / (1 - alpha2 + alpha2 * found[0, 0]), rel=1e-12)
    assert np.abs(2 * errors[1] - errors[0]).max() < 0.05 * np.abs(errors[1]).max()


def _slope(model):
    condition = self_consistency(model)
    return condition.lhs - condition.rhs


def test_phases_are_the_images_of_one():
    assert an.Diffusion(an.CurieWeiss(), OU).phases(sp.Rational(1, 2)) == (sp.Rational(1, 2), -sp.Rational(1, 2))
    found = np.array(POTTS.phases(1), dtype=float)
    assert found @ found.T == pytest.approx(np.eye(3) - 1 / 3, abs=1e-14)
    assert sorted(an.Diffusion(an.Hopfield(2), OU).phases(1)) == [(-1, 0), (0, -1), (0, 1), (1, 0)]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: XY.phases(1), "phases of O\\(2\\) spins are a sphere"),
        (lambda: XY.reverse(10), "no compiled reverse process"),
        (lambda: POTTS.order_parameter((0, 0), 10), "this model has 2 fields"),
        (lambda: an.Diffusion(an.Potts(3, beta=4), OU).order_parameter([(0, 0)], 10), "is unstable"),
        (lambda: an.Diffusion(an.Spherical(), OU), "no measure of a single site"),
        (lambda: posterior_means(POTTS, np.zeros(3), 1.0, {"b": 1}), "\\(N, 3\\) or \\(batch, N, 3\\)"),
        (lambda: posterior_means(HOPFIELD, np.zeros(4), 1.0, {"b": 1}), "the quenched label of each site"),
        (lambda: posterior_means(XY, np.zeros((4, 2)), 1.0, {"b": 1}, labels=np.zeros(4)), "leave them out"),
        (lambda: posterior_means(an.Diffusion(an.Potts(6, beta=1), OU), np.zeros((4, 6)), 1.0), "has 5 fields"),
        (lambda: data_samples(POTTS, 0, 5, 1, {"b": 1}), "sites: 0 given"),
        (lambda: balanced_labels(an.Hopfield(2), 9), "sites: 9 is not a multiple of 4"),
        (lambda: balanced_labels(an.Potts(3), 9), "no discrete labels"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(ValueError, match=words):
        call()
