"""Scores, posteriors and potentials against independent densities, enumeration and finite differences."""

import itertools

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from scipy import stats

import analytic as an
from analytic.processes import PROCESSES
from analytic.stable import plain
from analytic.symbols import t
from tests.zoo import MODELS, PROCESS_NAMES, times

PLANE = [name for name, m in MODELS.items() if len(m.state) == 2]


def components(model):
    """(weight, mean, covariance) as plain arrays, read from the model's fields and not from its log-density."""
    if isinstance(model, an.SymmetricPair):
        m, v, w = (float(u) for u in (model.mean_norm, model.variance, model.weight))
        return [(w, np.array([m]), np.array([[v]])), (1 - w, np.array([-m]), np.array([[v]]))]
    if isinstance(model, an.EqualMeans):
        n = int(model.dimension)
        return [
            (float(w), np.zeros(n), float(v) * np.eye(n)) for w, v in zip(model.weights, model.variances, strict=True)
        ]
    if isinstance(model, an.LinearManifold):
        return [(1.0, np.zeros(1), np.array([[float(model.variance)]]))]
    return [
        (float(w), np.array(m, dtype=float), np.array(c, dtype=float))
        for w, m, c in zip(model.weights, model.means, model.covariances, strict=True)
    ]


def density(model, process, time, x):
    """p_t(x) from scipy.stats, component by component; of a sphere, by integration over the angle."""
    a, s = (float(an.evaluate(e, {t: time})) for e in (process.alpha, process.sigma))
    if isinstance(model, an.Hypersphere):
        n, rho, r = int(model.dimension), a * float(model.radius), float(x[0])
        angles = stats.beta((n - 1) / 2, (n - 1) / 2, loc=-1, scale=2)  # the cosine to a fixed direction
        normal = stats.multivariate_normal(cov=s * s * np.eye(n))
        return angles.expect(
            lambda c: normal.pdf([r - rho * c, rho * np.sqrt(1 - c * c), *[0] * (n - 2)]), epsabs=0, epsrel=1e-12
        )
    return sum(
        w * stats.multivariate_normal(a * m, a * a * c + s * s * np.eye(len(m))).pdf(np.pad(x, (0, len(m) - len(x))))
        for w, m, c in components(model)
    )


def a_point(model):
    """A point of the state; a radial coordinate is positive."""
    x = np.random.default_rng(1).normal(size=len(model.state))
    return np.abs(x) if model.radial else x


def values(expr, diffusion, time, x):
    at = dict(zip(diffusion.state, map(float, x), strict=True)) | {t: time}
    return np.array([float(v) for v in an.evaluate(list(sp.Matrix([expr])), at)])


@pytest.mark.parametrize("process", PROCESS_NAMES)
@pytest.mark.parametrize("model", MODELS)
def test_log_density_and_score(model, process):
    """log p_t against scipy.stats, the score against its numerical gradient."""
    model, process = MODELS[model], PROCESSES[process]()
    diffusion = an.Diffusion(model, process)
    x = a_point(model)
    for time in times(process):
        expected = np.log(density(model, process, time, x))
        assert values(diffusion.log_density, diffusion, time, x)[0] == pytest.approx(expected, rel=1e-10, abs=1e-10)
        h = 1e-5
        slope = [
            (np.log(density(model, process, time, x + h * e)) - np.log(density(model, process, time, x - h * e)))
            / (2 * h)
            for e in np.eye(len(x))
        ]
        assert values(diffusion.score, diffusion, time, x) == pytest.approx(slope, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("model", MODELS)
def test_tweedie_forms_are_the_direct_ones(model):
    """Posterior moments written class by class equal (x + sigma^2 s)/alpha and (sigma^2/alpha^2)(I + sigma^2 J)."""
    process = an.vp_linear()
    diffusion = an.Diffusion(MODELS[model], process)
    x, dim = sp.Matrix(diffusion.state), len(diffusion.state)
    s2, a = process.sigma**2, process.alpha
    at = dict(zip(diffusion.state, (0.37, -0.81), strict=False)) | {t: 0.23}
    direct_mean = (x + s2 * diffusion.score) / a
    direct_covariance = s2 / a**2 * (sp.eye(dim) + s2 * diffusion.score_jacobian)
    for mine, direct in zip(diffusion.posterior_mean, direct_mean, strict=True):
        assert abs(an.evaluate(mine, at) - an.evaluate(direct, at)) < 1e-25
    for mine, direct in zip(diffusion.posterior_covariance, direct_covariance, strict=True):
        assert abs(an.evaluate(mine, at) - an.evaluate(direct, at)) < 1e-25


@pytest.mark.parametrize("model", ["three points in the plane", "pair of points"])
def test_posterior_by_enumeration(model):
    """Point data: Bayes' rule by hand, with mpmath."""
    model, process, time = MODELS[model], an.flow_matching(), 0.35
    diffusion = an.Diffusion(model, process)
    x = np.array([0.3, -0.4])[: len(model.state)]
    a, s = 0.65, 0.35
    weights = [mp.mpf(w) * mp.exp(-mp.fsum((x - a * m) ** 2) / (2 * s**2)) for w, m, _ in components(model)]
    p = [float(w / mp.fsum(weights)) for w in weights]
    points = np.array([m for _, m, _ in components(model)])
    mean = p @ points
    covariance = (points - mean).T @ np.diag(p) @ (points - mean)
    assert values(sp.Matrix(diffusion.class_posterior), diffusion, time, x) == pytest.approx(p, rel=1e-12)
    assert values(diffusion.posterior_mean, diffusion, time, x) == pytest.approx(mean, rel=1e-12)
    assert values(diffusion.posterior_covariance, diffusion, time, x) == pytest.approx(covariance.ravel(), rel=1e-12)
    entropy = -sum(q * np.log(q) for q in p)
    assert values(diffusion.class_entropy, diffusion, time, x)[0] == pytest.approx(entropy, rel=1e-12)


def test_rest_dimensions_are_exact():
    """A pair in three dimensions against the same mixture written out in three coordinates."""
    pair = an.Diffusion(an.SymmetricPair(1.2, 0.4, 0.3, 3), an.vp_linear())
    full = an.Diffusion(an.GaussianMixture([[1.2, 0, 0], [-1.2, 0, 0]], 0.4, [0.3, 0.7]), an.vp_linear())
    reduced = an.Diffusion(full.model.reduced(), an.vp_linear())
    at = {"x": 0.4, "x1": 0.4, "x2": -1.1, "x3": 0.6, t: 0.3}
    for name in ("score_divergence", "local_bandwidth", "class_entropy"):
        expected = an.evaluate(getattr(full, name), at)
        for other in (pair, reduced):
            assert abs(an.evaluate(getattr(other, name), at) - expected) < 1e-25
    assert pair.model.dim == reduced.model.dim == 3


def test_symbolic_dimension():
    dim = sp.Symbol("D", positive=True, integer=True)
    diffusion = an.Diffusion(an.SymmetricPair(1, 1, dim=dim), an.ornstein_uhlenbeck())
    at = {"x": 0.2, t: 0.5}
    per_dimension = sp.diff(diffusion.score_divergence, dim)
    assert abs(an.evaluate(per_dimension, at) + 1) < 1e-25  # Gamma = 1 when v = 1


@pytest.mark.parametrize("name", ["reverse_sde", "probability_flow"])
def test_potentials_generate_the_drifts(name):
    """The drift of the reverse family is minus the gradient of its potential."""
    diffusion = an.Diffusion(MODELS["three points in the plane"], an.vp_cosine())
    dynamics = diffusion.reverse() if name == "reverse_sde" else diffusion.probability_flow()
    at = {"x1": 0.7, "x2": -0.2, t: 0.4}
    for x, a in zip(diffusion.state, dynamics.drift, strict=True):
        force = -sp.diff(diffusion.potential(name), x)
        assert abs(an.evaluate(force, at) - an.evaluate(a, at)) < 1e-25


@pytest.mark.parametrize("churn", [0, sp.Rational(1, 2), 1, 2])
def test_reverse_family_keeps_the_marginals(churn):
    """d p_t / d(-t) = -(a p)' + (b^2/2) p'' for every churn: the Fokker-Planck residual at some points."""
    diffusion = an.Diffusion(MODELS["three components"], an.flow_matching())
    dynamics, (x,) = diffusion.reverse(churn), diffusion.state
    p = sp.exp(plain(diffusion.log_density))
    a, b = plain(dynamics.drift[0]), dynamics.noise[0]
    residual = -sp.diff(p, t) + sp.diff(a * p, x) - b**2 / 2 * sp.diff(p, x, 2)
    for at in itertools.product((-1.4, 0.2, 2.2), (0.15, 0.8)):
        point = dict(zip((x, t), at, strict=True))
        exact = {k: sp.Rational(str(v)) for k, v in point.items()}
        assert abs(sp.N(residual.subs(exact), 30)) < 1e-20


def test_latex_in_a_notebook():
    diffusion = an.Diffusion(an.SymmetricPair(sp.Symbol("m", positive=True)), an.ornstein_uhlenbeck())
    assert "\\tanh" in sp.latex(diffusion.score)
    assert sp.latex(diffusion.process.sigma) == r"\sqrt{- \left(-1 + e^{- 2 t}\right)}"
    for shown in (diffusion, diffusion.process, diffusion.reverse()):
        assert shown._repr_latex_().startswith("$")


def test_refusals():
    with pytest.raises(ValueError, match=r"variance: -1/10 is negative"):
        an.SymmetricPair(1, -0.1)
    with pytest.raises(ValueError, match=r"weights: they sum to 0\.9"):
        an.PointMixture([1, -1], [0.4, 0.5])
    with pytest.raises(ValueError, match="weights: 3 given for 2 components"):
        an.PointMixture([1, -1], [0.4, 0.5, 0.1])
    with pytest.raises(ValueError, match="not between 0 and 1"):
        an.SymmetricPair(1, weight=1.5)
    with pytest.raises(ValueError, match="mean_norm: 0 is not positive"):
        an.SymmetricPair(0)
    with pytest.raises(ValueError, match="negative eigenvalue"):
        an.GaussianMixture([[0, 0]], [[[1, 2], [2, 1]]])
    with pytest.raises(ValueError, match="one dimension"):
        an.PointMixture([[1, 0], [1]])
    with pytest.raises(ValueError, match="kind: 'energy' is unknown"):
        an.Diffusion(an.SymmetricPair(1), an.edm()).potential("energy")
    with pytest.raises(ValueError, match="churn: -1 is negative"):
        an.Diffusion(an.SymmetricPair(1), an.edm()).reverse(-1)
    with pytest.raises(TypeError, match="process"):
        an.Diffusion(an.SymmetricPair(1), "edm")
    with pytest.raises(ValueError, match="shared isotropic"):
        an.GaussianMixture([[1, 0], [0, 1]], [1, 2]).reduced()
