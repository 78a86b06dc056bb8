"""Identity 6 for classes point by point, normalisation of the score, and the quadrature itself.

The identities of the ensemble over models and processes are in test_information.py.
"""

import numpy as np
import pytest
import sympy as sp

import analytic as an
from analytic import symbols
from physim.quadrature import QuadratureError, expectations
from tests.letters import FIVE, diffusion_of, middle, numbers, time_derivative
from tests.zoo import MODELS


@pytest.mark.parametrize("model", ["pair of points", "three components"])
def test_pathwise_class_entropy_is_compensated_by_its_bandwidth(model):
    """Identity 6 for classes, point by point: the generator of the reverse SDE acting on h_t(x) is -b_c(x).

    L h = -dh/dt + (-f x + g2 s) h' + (g2/2) h''  =  -(g2/2) sum_c p_c (s_c - s)^2, and the noise of h is
    g h' = -g sum_c p_c log p_c (s_c - s): no integration, so this holds at every point and time, for five processes.
    """
    diffusion = diffusion_of(MODELS[model])
    h, (x,), f, g2 = diffusion.class_entropy, diffusion.state, symbols.f, symbols.g2
    s, scores = diffusion.score[0], [sp.diff(l, x) for l in diffusion.log_components]
    generator = -time_derivative(h) + (-f * x + g2 * s) * sp.diff(h, x) + g2 / 2 * sp.diff(h, x, 2)
    posterior = diffusion.class_posterior
    bandwidth = g2 / 2 * sum(w * (sc - s) ** 2 for w, sc in zip(posterior, scores, strict=True))
    noise = -sum(w * sp.log(w) * (sc - s) for w, sc in zip(posterior, scores, strict=True))
    for process in FIVE:
        for time, at in zip([*middle(process), middle(process)[0]], (-1.3, 0.21, 0.9), strict=True):
            values = {x: at, **numbers(process, time)}
            left, first, right, other = (
                float(an.evaluate(e, values, 20)) for e in (generator, sp.diff(h, x), bandwidth, noise)
            )
            assert left == pytest.approx(-right, rel=1e-9)
            assert first == pytest.approx(other, rel=1e-10)


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
