"""The identities of the ensemble and of the path (theory: sections 2 and 3), by quadrature, over processes and models.

Entropy derivatives come from Richardson-extrapolated finite differences of quadrature: nothing here is differentiated
by the code under test.
"""

import numpy as np
import pytest
import sympy as sp

import analytic as an
from analytic.processes import PROCESSES
from physim.quadrature import QuadratureError, expectations
from tests.zoo import MODELS

CASES = ["pair of points", "three components", "pair of Gaussians in 7 dimensions", "equal means"]
FIVE = ["ornstein_uhlenbeck", "vp_linear", "variance_exploding", "edm", "flow_matching"]


def middle(process):
    end = float(process.span[1]) if process.span[1].is_finite else 1.5
    return [0.25 * end, 0.7 * end]


def derivative(function, at, step):
    """Central difference, twice extrapolated: error step^6."""
    first, second, third = ((function(at + h) - function(at - h)) / (2 * h) for h in (step, step / 2, step / 4))
    a, b = (4 * second - first) / 3, (4 * third - second) / 3
    return (16 * b - a) / 15


@pytest.mark.parametrize("process", FIVE)
@pytest.mark.parametrize("model", CASES)
def test_generative_bandwidth_by_four_formulas_and_by_difference(model, process):
    """dH[x_0|x_t]/dt five ways; H[x_0|x_t] = H[x_t|x_0] - H[x_t] + const, finite difference of quadrature."""
    diffusion = an.Diffusion(MODELS[model], PROCESSES[process]())
    p, dim = diffusion.process, diffusion.model.dim
    ((rest_dim, rest_variance),) = diffusion.model.rests
    rest = p.sigma**2 + p.alpha**2 * rest_variance
    square = sum(s**2 for s in diffusion.score) + rest_dim / rest
    mmse = diffusion.posterior_covariance.trace()
    mmse += rest_dim * p.sigma**2 * rest_variance / rest
    snr_rate = sp.diff(p.snr, an.t)
    forms = {
        "bandwidth": diffusion.local_bandwidth,
        "divergence": p.g2 / 2 * (dim / p.sigma**2 + diffusion.score_divergence),
        "fisher": p.g2 / 2 * (dim / p.sigma**2 - square),
        "immse": -snr_rate / 2 * mmse,
    }
    times = middle(p)
    values = expectations(diffusion, forms, times)
    for name in ("divergence", "fisher", "immse"):
        assert values[name].values == pytest.approx(values.bandwidth.values, rel=1e-9), name
    entropy = {"h": dim * sp.log(p.sigma) + diffusion.log_density - rest_dim * sp.log(rest) / 2}
    for time, rate in zip(times, values.bandwidth.values, strict=True):
        slope = derivative(lambda u: float(expectations(diffusion, entropy, [u]).h[0]), time, 0.02 * time)
        assert slope == pytest.approx(rate, rel=1e-6)


@pytest.mark.parametrize("process", FIVE)
@pytest.mark.parametrize("model", ["pair of points", "three components"])
def test_entropy_of_the_marginal_and_of_the_class(model, process):
    """dH[x_t]/dt = D f - (g2/2) E[div s], and dH[c|x_t]/dt = (g2/2) E[sum_c p_c |s_c - s|^2] (identities 2 and 4)."""
    diffusion = an.Diffusion(MODELS[model], PROCESSES[process]())
    p = diffusion.process
    scores = [[diffusion._put(g) for g in grad] for grad in diffusion._gradients]
    spread = sum(
        weight * sum((a - b) ** 2 for a, b in zip(grad, diffusion.score, strict=True))
        for weight, grad in zip(diffusion.class_posterior, scores, strict=True)
    )
    forms = {"marginal": p.f - p.g2 / 2 * diffusion.score_divergence, "class_rate": p.g2 / 2 * spread}
    levels = {"H": -diffusion.log_density, "C": diffusion.class_entropy}
    for time in middle(p):
        rates = expectations(diffusion, forms, [time])
        slope = derivative(lambda u: float(expectations(diffusion, levels, [u]).H[0]), time, 0.02 * time)
        assert slope == pytest.approx(float(rates.marginal[0]), rel=1e-6, abs=1e-8)
        slope = derivative(lambda u: float(expectations(diffusion, levels, [u]).C[0]), time, 0.02 * time)
        assert slope == pytest.approx(float(rates.class_rate[0]), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("process", FIVE)
@pytest.mark.parametrize("model", ["pair of points", "three components"])
def test_pathwise_class_entropy_is_compensated_by_its_bandwidth(model, process):
    """Identity 6 for classes, point by point: the generator of the reverse SDE acting on h_t(x) is -b_c(x).

    L h = -dh/dt + (-f x + g2 s) h' + (g2/2) h''  =  -(g2/2) sum_c p_c (s_c - s)^2, and the noise of h is
    g h' = -g sum_c p_c log p_c (s_c - s): no integration, so this holds at every point and time.
    """
    diffusion = an.Diffusion(MODELS[model], PROCESSES[process]())
    p, h, (x,) = diffusion.process, diffusion.class_entropy, diffusion.state
    s, scores = diffusion.score[0], [diffusion._put(grad[0]) for grad in diffusion._gradients]
    generator = -sp.diff(h, an.t) + (-p.f * x + p.g2 * s) * sp.diff(h, x) + p.g2 / 2 * sp.diff(h, x, 2)
    posterior = diffusion.class_posterior
    bandwidth = p.g2 / 2 * sum(w * (sc - s) ** 2 for w, sc in zip(posterior, scores, strict=True))
    noise = -sum(w * sp.log(w) * (sc - s) for w, sc in zip(posterior, scores, strict=True))
    for time in middle(p):
        for at in (-1.3, 0.21, 0.9):
            values = {x: at, an.t: time}
            assert float(an.evaluate(generator, values, 20)) == pytest.approx(
                -float(an.evaluate(bandwidth, values, 20)), rel=1e-10
            )
            assert float(an.evaluate(sp.diff(h, x), values, 20)) == pytest.approx(
                float(an.evaluate(noise, values, 20)), rel=1e-10
            )


@pytest.mark.parametrize("process", FIVE)
def test_variance_law(process):
    """Identity 7 for classes: dVar[h]/d(-t) = g2 E[h'^2] - 2 Cov(h, b_c)."""
    diffusion = an.Diffusion(MODELS["three components"], PROCESSES[process]())
    p, h, (x,) = diffusion.process, diffusion.class_entropy, diffusion.state
    scores = [diffusion._put(grad[0]) for grad in diffusion._gradients]
    b = (
        p.g2
        / 2
        * sum(w * (sc - diffusion.score[0]) ** 2 for w, sc in zip(diffusion.class_posterior, scores, strict=True))
    )
    forms = {"h": h, "hh": h**2, "b": b, "hb": h * b, "noise": p.g2 * sp.diff(h, x) ** 2}

    def variance(u):
        e = expectations(diffusion, {"h": h, "hh": h**2}, [u])
        return float(e.hh[0] - e.h[0] ** 2)

    for time in middle(p):
        e = expectations(diffusion, forms, [time]).isel(time=0)
        law = float(e.noise - 2 * (e.hb - e.h * e.b))
        assert -derivative(variance, time, 0.02 * time) == pytest.approx(law, rel=1e-6, abs=1e-9)


def test_score_has_mean_zero_and_integrates_by_parts():
    """E[s] = 0 and E[x . s] = -D: a wrong normalisation or a stray factor in the score shows here."""
    for name in ("three points in the plane", "correlated pair in the plane", "three components"):
        diffusion = an.Diffusion(MODELS[name], an.vp_linear())
        forms = {f"s{i}": s for i, s in enumerate(diffusion.score)}
        forms["xs"] = sum(x * s for x, s in zip(diffusion.state, diffusion.score, strict=True))
        e = expectations(diffusion, forms, [0.2, 0.6], tolerance=1e-9)
        assert e.xs.values == pytest.approx(-len(diffusion.state), rel=1e-8)
        for i in range(len(diffusion.state)):
            assert np.all(np.abs(e[f"s{i}"]) < 1e-8)


def test_quadrature_against_scipy_and_its_refusals():
    from scipy.integrate import quad

    diffusion = an.Diffusion(MODELS["three components"], an.edm())
    x = diffusion.state[0]
    density = sp.lambdify(x, sp.exp(an.stable.plain(diffusion.log_density)).subs(an.t, 0.4), "math")
    expected = quad(lambda u: np.cos(3 * u) * density(u), -8, 8, epsabs=1e-13, limit=400)[0]
    e = expectations(diffusion, {"c": sp.cos(3 * x)}, [0.4])
    assert float(e.c[0]) == pytest.approx(expected, abs=1e-11)
    assert float(e.c_error[0]) < 1e-9
    with pytest.raises(QuadratureError, match="tolerance"):
        expectations(diffusion, {"c": sp.sign(x - sp.Rational(1, 3))}, [0.4])
    with pytest.raises(ValueError, match="4 coordinates; quadrature serves up to 3"):
        expectations(an.Diffusion(an.PointMixture([[1, 0, 0, 0], [0, 1, 0, 0]]), an.edm()), {}, [1])
    with pytest.raises(ValueError, match="no value for k"):
        expectations(diffusion, {"c": sp.Symbol("k") * x}, [0.4])
