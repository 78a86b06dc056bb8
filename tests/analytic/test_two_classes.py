"""Universal functions of two classes against mpmath integrals over log-odds; their limits, landmarks and windows."""

import mpmath as mp
import pytest
import sympy as sp

import analytic as an
from analytic import two_classes


def reference(function, separation):
    """E function(p, 1 - p) over log-odds N(2 Lambda, 4 Lambda) of the true class, by adaptive pieces of unit length."""

    def integrand(z):
        odds = 2 * separation + 2 * mp.sqrt(separation) * z
        return function(1 / (1 + mp.exp(-odds)), 1 / (1 + mp.exp(odds))) * mp.npdf(z)

    return mp.quad(integrand, range(-13, 14))


def entropy(p, q):
    """Binary entropy."""
    return -p * mp.log(p) - q * mp.log(q)


@pytest.mark.parametrize("separation", [0.003, 0.7, 35.0])
def test_floats_and_digits(separation):
    """Floats to 1e-12 relative, 25 digits by mpmath, both against an adaptive integral with a plain formula."""
    with mp.workdps(30):
        lam = mp.mpf(separation)
        mean = reference(entropy, lam)
        second = reference(lambda p, q: (entropy(p, q) - mean) ** 2, lam)
        wrong = reference(lambda p, q: 2 * p * q, lam)
        for function, truth in (
            (two_classes.class_entropy, mean),
            (two_classes.entropy_variance, second),
            (two_classes.mmse, 2 * wrong),
            (two_classes.same_class, 1 - wrong),
        ):
            assert abs(function(separation, 25) / truth - 1) < 1e-20
            assert function(separation) == pytest.approx(float(truth), rel=1e-12)


def test_small_separation_is_the_taylor_series():
    """Against 40-digit values at Lambda = 1e-4: what is left is of the next order."""
    lam = mp.mpf("1e-4")
    with mp.workdps(40):
        for name, value in (
            ("entropy", two_classes.class_entropy(lam, 40) - mp.log(2)),
            ("phi", two_classes.same_class(lam, 40)),
            ("mmse", two_classes.mmse(lam, 40)),
        ):
            series = sum(mp.mpf(c.p) / c.q * lam**k for k, c in enumerate(two_classes.small_separation(name, 3)))
            assert 0 < abs(value - series) < 20 * lam**4, name


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("entropy", two_classes.class_entropy),
        ("mmse", two_classes.mmse),
        ("variance", lambda *a: two_classes.entropy_variance(*a) + two_classes.class_entropy(*a) ** 2),
    ],
)
def test_large_separation_series(name, function):
    """At Lambda = 300 the error falls with the order, to 1e-11; leading mmse: pi exp(-Lambda/2)/sqrt(2 pi Lambda)."""
    truth = function(300, 30)
    errors = [abs(two_classes.large_separation(name, 300, k) / truth - 1) for k in (0, 1, 2, 6)]
    assert errors[0] > 10 * errors[1] > 100 * errors[2]
    assert errors[3] < 1e-11
    if name == "mmse":
        leading = mp.pi * mp.exp(-150) / mp.sqrt(600 * mp.pi)
        assert abs(two_classes.large_separation(name, 300, 0) / leading - 1) < 1e-12


def test_landmarks_to_six_digits():
    """Theory, section 6."""
    found = two_classes.landmarks()
    for name, value in {
        "half_entropy": 1.0440,
        "variance_peak": 1.345478,
        "rate_peak_log_sigma": 1.508331,
        "rate_peak_sigma": 2.412648,
        "rate_peak_sigma2": 3.348668,
        "variance_at_peak": 0.0536289,
        "same_class_at_one": 0.7752002,
    }.items():
        assert found[name] == pytest.approx(value, abs=1.1e-6 if name != "half_entropy" else 5e-5), name
    for power, name in ((1, "rate_peak_log_sigma"), (1.5, "rate_peak_sigma"), (2, "rate_peak_sigma2")):
        peak = found[name]
        assert all(
            two_classes.mmse(peak) * peak**power > two_classes.mmse(u) * u**power for u in (peak - 1e-4, peak + 1e-4)
        )


def test_unequal_weights_have_three_places():
    """Theory, section 6, weight 0.8: fold at Lambda 2.221106, rate peak 1.58646, variance peak 0.99749."""
    from scipy.optimize import brentq, minimize_scalar

    from physim.quadrature import expectations

    lam = sp.Symbol("lam", positive=True)
    diffusion = an.Diffusion(an.SymmetricPair(sp.sqrt(lam), 1, sp.Rational(4, 5)), an.ornstein_uhlenbeck())
    classes = an.Classes(diffusion)
    forms = {"h": classes.entropy, "hh": classes.entropy**2, "b": classes.bandwidth}

    def at(value):
        start = value * mp.e**2  # at t = 1, Lambda = lam e^-2
        return expectations(diffusion, forms, [1.0], {"lam": float(start)}).isel(time=0)

    def variance(value):
        e = at(value)
        return -float(e.hh - e.h**2)

    peak = minimize_scalar(variance, bounds=(0.8, 1.2), method="bounded", options={"xatol": 1e-8}).x
    assert peak == pytest.approx(0.99749, abs=2e-5)
    peak = minimize_scalar(lambda u: -float(at(u).b), bounds=(1.3, 1.9), method="bounded", options={"xatol": 1e-8}).x
    assert peak == pytest.approx(1.58646, abs=2e-5)
    gap = lambda u: float(2 * mp.sqrt(u * (u - 1)) - 2 * mp.acosh(mp.sqrt(u)) - mp.log(4))  # noqa: E731
    assert brentq(gap, 1.5, 3) == pytest.approx(2.221106, abs=2e-6)


def test_total_variation_and_windows():
    """TV of two unit normals 2 sqrt(Lambda) apart, by integration; the window's ends have the distances asked for."""
    lam = 1.7
    half = mp.quad(lambda u: abs(mp.npdf(u - mp.sqrt(lam)) - mp.npdf(u + mp.sqrt(lam))) / 2, [-12, 0, 12])
    assert abs(sp.N(two_classes.total_variation(lam), 15) - half) < 1e-12
    assert abs(two_classes.separation_at(float(half)) - lam) < 1e-12
    process = an.ornstein_uhlenbeck()
    for time, distance in zip(two_classes.critical_window(4, 1, process, 0.1), (0.9, 0.1), strict=True):
        lam = 16 * mp.exp(-2 * time)
        assert abs(mp.erf(mp.sqrt(lam / 2)) - distance) < 1e-10
    with pytest.raises(ValueError, match=r"never reach the distance 0\.99"):
        two_classes.critical_window(1, 1, process, 0.01)
    with pytest.raises(ValueError, match=r"epsilon: 0\.7 is not between"):
        two_classes.critical_window(1, 1, process, 0.7)
    with pytest.raises(ValueError, match="total_variation: 1 is not between"):
        two_classes.separation_at(1)
    with pytest.raises(ValueError, match="name: 'x' is unknown; allowed are entropy, phi, mmse"):
        two_classes.small_separation("x")
    with pytest.raises(ValueError, match="name: 'x' is unknown; allowed are entropy, variance, mmse"):
        two_classes.large_separation("x", 50)
    with pytest.raises(ValueError, match=r"separation: -1\.0 is negative"):
        two_classes.class_entropy(-1)
