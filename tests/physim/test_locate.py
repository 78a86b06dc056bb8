"""Locators against models with exact answers: z-scores, coverage, and the cases that have no answer."""

from functools import cache

import numpy as np
import pytest
from scipy.optimize import brentq, linprog, minimize_scalar
from scipy.special import gammaln

import analytic as an
from physim.locate import (
    Collapse,
    adaptive,
    binder_crossings,
    bootstrapped,
    collapse,
    crossing,
    dip,
    information_landmarks,
    maxwell_point,
    modes,
    moments,
    peak,
    slowing_down,
    spinodals,
)
from physim.locate.bimodality import _dip
from physim.locate.binder import _covariance, _curves, _pair
from tests.checks import agree, calibrated
from tests.physim import curie_weiss as cw


@cache
def table(size, temperature):
    return cw.levels(size) / size, np.cumsum(cw.law(size, temperature))


def draw(size, temperature, count, seed):
    """Exact samples of Curie-Weiss."""
    values, summed = table(size, temperature)
    entropy = [*np.atleast_1d(seed[0]).tolist(), int(seed[1])]
    uniform = np.random.default_rng(np.random.SeedSequence(entropy)).random(count)
    return values[np.minimum(np.searchsorted(summed, uniform), size)]


def covers(z):
    """z-scores are standard normal and their 68 % and 95 % intervals hold what they promise."""
    calibrated(z)
    size = np.abs(z)
    assert 0.63 <= np.mean(size < 1) <= 0.73
    assert 0.92 <= np.mean(size < 1.95996) <= 0.975


def same_class(separation):
    """phi(Lambda) by the trapezoidal rule."""
    z = np.linspace(-12, 12, 2001)
    weight = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    return 0.5 * (1 + np.tanh(separation + np.sqrt(separation) * z) @ weight)


@pytest.mark.parametrize("level", [0.75, 0.7752002])
def test_clone_half_point_and_unit_separation(level):
    """Clone curves of 4000 pairs at 15 separations: phi = 3/4 at its root, phi = 0.7752002 at Lambda = 1."""
    logs = np.linspace(-2.5, 2.2, 15)
    phi = np.array([same_class(np.exp(u)) for u in logs])
    truth = brentq(lambda u: same_class(np.exp(u)) - level, -2, 2)
    if level > 0.77:
        assert truth == pytest.approx(0, abs=1e-6)
    z, rng = [], np.random.default_rng(1)
    for _ in range(600):
        share = rng.binomial(4000, phi) / 4000
        found = crossing(
            logs, share, np.sqrt(share * (1 - share) / 4000), level, object="clones", parameter="log Lambda"
        )
        z.append((found.value - truth) / found.stderr)
    covers(z)


def test_peak_of_the_entropy_variance():
    """Sampled log-odds N(2 L, 4 L): the variance of the entropy peaks at Lambda = 1.345478."""
    logs, count = np.linspace(-1.6, 2.2, 21), 2000
    z, rng = [], np.random.default_rng(2)
    for _ in range(400):
        lam = np.exp(logs)[:, None]
        size = np.abs(2 * lam + 2 * np.sqrt(lam) * rng.standard_normal((len(logs), count)))
        h = np.log1p(np.exp(-size)) + size * np.exp(-size) / (1 + np.exp(-size))
        d2 = (h - h.mean(1, keepdims=True)) ** 2
        found = peak(logs, d2.mean(1), d2.std(1) / np.sqrt(count), object="entropy variance")
        z += [(found.value - np.log(1.345478)) / found.stderr] if found.found else []
    assert len(z) > 0.9 * 400
    covers(z)


def test_peak_of_the_susceptibility():
    """Curie-Weiss of 256 spins: the peak of N(<m^2> - <|m|>^2) against enumeration."""

    def exact(t):
        return -256 * (cw.moment(256, t, 2) - cw.moment(256, t, 1) ** 2)

    truth = minimize_scalar(exact, bounds=(0.7, 1.1), method="bounded", options={"xatol": 1e-10}).x
    grid = np.linspace(0.82, 1.06, 25)
    z = []
    for seed in range(220):
        data = moments(draw, [(256, t, 2048) for t in grid], seed)
        found = peak(grid, *data.observable("susceptibility"), object="susceptibility", parameter="T")
        z += [(found.value - truth) / found.stderr] if found.found else []
    assert len(z) > 0.9 * 220
    covers(z)


SIZES = (128, 256, 512, 1024, 2048, 4096)


def scaling_points(count, reach=1.6):
    return [(n, 1 + x / np.sqrt(n), count) for n in SIZES for x in np.linspace(-reach, reach, 9)]


def test_collapse_of_curie_weiss():
    """T_c = 1, 1/nu-bar = 1/2 and beta/nu-bar = 1/4 from sizes 128 to 4096, without bias; leaving the corrections
    out is wrong by many standard errors."""
    found = [collapse(moments(draw, scaling_points(3200), seed)) for seed in range(40)]
    z = np.array([(f.values - [1, 0.5, 0.25]) / f.stderr for f in found])
    assert np.all(np.abs(z.mean(0)) * np.sqrt(len(z)) < 4)
    assert np.all(z.std(0) < 1.3)
    data = moments(draw, scaling_points(20000), 1)
    good, bare = collapse(data), collapse(data, degrees=(5, -1, -1))
    agree(good.values, good.stderr, [1, 0.5, 0.25])
    assert np.all(good.stderr < [4e-4, 7e-3, 3e-3])
    assert bare.status == "tentative"
    assert abs(bare.values[2] - 0.25) > 5 * bare.stderr[2]
    spread = bootstrapped(data, 20, start=(1.0, 0.5))
    assert spread == pytest.approx(good.stderr, rel=0.5)
    assert [t.kind for t in good.transitions()] == ["critical point", "exponent", "exponent"]


def test_drift_of_binder_crossings():
    """Crossings of N and 2N lie at 1 + c/N; their limit is 1."""
    grid = np.linspace(0.85, 1.15, 17)
    z, first = [], []
    for seed in range(40):
        limit, pairs = binder_crossings(moments(draw, [(n, t, 6400) for n in (32, 64, 128, 256) for t in grid], seed))
        if limit.found:
            z.append((limit.value - 1) / limit.stderr)
            first.append(pairs[0].value)
    assert len(z) >= 36
    assert abs(np.mean(z)) < 4 / np.sqrt(40)
    assert 0.7 < np.std(z) < 1.3
    assert abs(np.mean(first) - 1) > 4 * np.std(first) / np.sqrt(40)
    sizes = np.array([32.0, 64.0, 128.0])
    curves = _curves(moments(draw, [(n, t, 12800) for n in (32, 64, 128) for t in grid], 1), sizes)
    rows = [_pair(curves, *pair, "T") for pair in ((32, 64), (64, 128))]
    matrix = _covariance(curves, sizes, *zip(*rows, strict=True))
    correlation = matrix[0, 1] / np.sqrt(matrix[0, 0] * matrix[1, 1])
    assert correlation == pytest.approx(-0.3, abs=0.12)  # -0.29 +- 0.06 among 300 measured pairs of crossings


def test_adaptive_location():
    """Curie-Weiss T_c to 2e-3, cheaper than 1/4 of a grid over the same range; the same seed gives the same answer."""
    sizes, spent = (128, 512, 2048), []
    for seed in range(5):
        found = adaptive(draw, 0.6, 1.5, sizes=sizes, stderr=2e-3, budget=3e9, seed=seed, parameter="T")
        assert found.status == "estimated"
        assert found.stderr <= 2e-3
        assert abs(found.value - 1) < 4 * found.stderr
        spent.append(found.others["cost"] * found.stderr**2)
    again = adaptive(draw, 0.6, 1.5, sizes=sizes, stderr=2e-3, budget=3e9, seed=4, parameter="T")
    assert again == found
    uniform = []
    for seed in range(3):
        data = moments(draw, [(n, t, 2560) for n in sizes for t in np.linspace(0.6, 1.5, 61)], seed)
        fit = collapse(data, observables=("binder",), window=(512, 0.06), start=(1, 0.5), degrees=(4, 2, -1))
        uniform.append(float(data.size @ data.samples) * fit.stderr[0] ** 2)
    assert np.median(uniform) > 4 * np.median(spent)


@pytest.mark.slow
def test_adaptive_location_is_calibrated():
    """200 locations of T_c to 2e-3, each with sizes, temperatures, samples and an end of its own choice."""
    options = {"sizes": (128, 512, 2048), "stderr": 2e-3, "budget": 3e9}
    found = [adaptive(draw, 0.6, 1.5, seed=seed, **options) for seed in range(200)]
    z = [(f.value - 1) / f.stderr for f in found if f.found]
    assert len(z) >= 196
    covers(z)


def test_adaptive_says_when_there_is_nothing():
    options = {"sizes": (128, 256, 512), "stderr": 1e-3, "budget": 1e8}
    above = adaptive(draw, 1.5, 3.0, **options)
    assert (above.status, above.value) == ("none", None)
    assert "the cumulant of size 128 stays near" in above.reason
    assert above.others["cost"] < 1e7

    def crossover(size, p, count, seed):
        rng = np.random.default_rng([*np.atleast_1d(seed[0]).tolist(), seed[1]])
        return rng.choice([-1.0, 1.0], count) * np.sqrt(0.5 / (1 + np.exp(4 * p))) + 0.3 * rng.standard_normal(count)

    smooth = adaptive(crossover, -3.0, 3.0, **options)
    assert not smooth.found or smooth.status == "tentative"
    spent = adaptive(draw, 0.6, 1.5, sizes=(128, 512, 2048), stderr=1e-5, budget=5e7, seed=1)
    assert spent.status in ("tentative", "unresolved")
    for change, reason in (
        ({"sizes": (8, 8, 16)}, "sizes: 2 given"),
        ({"stderr": 0}, "both must be positive"),
        ({"budget": -1}, "both must be positive"),
    ):
        with pytest.raises(ValueError, match=reason):
            adaptive(draw, 0.5, 1.5, **(options | change))
    with pytest.raises(ValueError, match="2 to 1 is no range"):
        adaptive(draw, 2, 1, **options)


def three_spin(size, beta):
    """P(M) of the energy -M^3/N^2, a first-order transition."""
    m = cw.levels(size)
    logs = -gammaln((size + m) / 2 + 1) - gammaln((size - m) / 2 + 1) + beta * m**3 / size**2
    p = np.exp(logs - logs.max())
    return m, p / p.sum()


def test_maxwell_point_by_equal_areas():
    """Three-spin Curie-Weiss of 60 spins against the enumerated coupling of equal areas."""
    size, cut, couplings = 60, 0.45, (0.64, 0.665, 0.69)

    def excess(beta):
        m, p = three_spin(size, beta)
        return p[m / size > cut].sum() - 0.5

    truth, z, rng = brentq(excess, 0.6, 0.8), [], np.random.default_rng(4)
    laws = [three_spin(size, b) for b in couplings]
    for _ in range(500):
        m = [rng.choice(law[0], 700, p=law[1]) for law in laws]
        orders = [x / size for x in m]
        found = maxwell_point([x**3 / size**2 for x in m], couplings, orders, valley=cut)
        z.append((found.value - truth) / found.stderr)
    covers(z)
    free = maxwell_point([x**3 / size**2 for x in m], couplings, [x / size for x in m])
    assert abs(free.value - truth) < 5 * free.stderr + 1e-3
    assert 0.2 < free.others["valley"] < 0.8


def test_maxwell_point_refuses():
    rng = np.random.default_rng(1)
    apart = maxwell_point([rng.normal(0, 1, 500), rng.normal(60, 1, 500)], (0.0, 60.0))
    assert apart.status == "unresolved"
    assert "overlaps 0.0%" in apart.reason
    single = maxwell_point([rng.normal(0, 1, 500), rng.normal(1, 1, 500)], (0.0, 1.0))
    assert (single.status, single.value) == ("unresolved", None)
    assert "single peak" in single.reason
    two = np.concatenate([rng.normal(0, 0.1, 900), rng.normal(1, 0.1, 100)])
    assert maxwell_point([two, two], (0.0, 0.1)).status == "none"


def dip_by_linear_programming(x):
    """Smallest band around the empirical law that holds a law convex before and concave after a mode."""
    n, best = len(x), 1.0
    for mode in range(n):
        rows, bounds = [], []

        def row(entries, bound, rows=rows, bounds=bounds):
            line = np.zeros(n + 2)
            for k, value in entries:
                line[k] += value
            rows.append(line)
            bounds.append(bound)

        for i in range(n):  # variable mode is the value left of an atom there, variable n the value right of it
            right = n if i == mode else i
            row([(i, 1), (n + 1, -1)], i / n)
            row([(right, -1), (n + 1, -1)], -(i + 1) / n)
        row([(mode, -1), (n + 1, -1)], -mode / n)
        row([(n, 1), (n + 1, -1)], (mode + 1) / n)
        row([(mode, 1), (n, -1)], 0)
        for sign, index, places in ((1, [*range(mode), mode], x[: mode + 1]), (-1, [n, *range(mode + 1, n)], x[mode:])):
            for a in range(len(index) - 1):
                row([(index[a], 1), (index[a + 1], -1)], 0)
            for a in range(len(index) - 2):
                u, v = sign / (places[a + 1] - places[a]), sign / (places[a + 2] - places[a + 1])
                row([(index[a], -u), (index[a + 1], u + v), (index[a + 2], -v)], 0)
        found = linprog(np.eye(n + 2)[-1], A_ub=np.array(rows), b_ub=bounds, bounds=[(0, 1)] * (n + 2))
        best = min(best, found.fun if found.status == 0 else 1.0)
    return best


def test_dip_and_modes():
    rng = np.random.default_rng(0)
    for gap in (0.0, 1.5, 3.0, 4.5):
        x = np.sort(np.concatenate([rng.normal(-gap, 1, 6), rng.normal(gap, 1, 6)]))
        assert _dip(x) == pytest.approx(dip_by_linear_programming(x), abs=1e-9)
    one, two = rng.standard_normal(600), np.concatenate([rng.normal(-2, 1, 300), rng.normal(2, 1, 300)])
    assert dip(one, 100)[1] > 0.05
    assert dip(two, 100)[1] < 0.02
    assert (modes(one, 0.6), modes(two, 0.6), modes(two, 5.0)) == (1, 2, 1)
    assert modes(two) >= 2
    with pytest.raises(ValueError, match="5 given; at least 20"):
        dip(np.arange(5.0))
    with pytest.raises(ValueError, match="width: -1"):
        modes(one, -1)


def test_slowing_down_and_hysteresis():
    """tau = 1/(T - 1): the line of rates meets zero at T_c; jumps 0.3 +- rate^(2/3)."""
    t, rng = np.linspace(1.05, 1.4, 8), np.random.default_rng(5)
    z, w = [], []
    rates = np.array([1e-4, 3e-4, 1e-3, 3e-3])
    for _ in range(300):
        tau = 1 / (t - 1)
        found = slowing_down(t, tau * (1 + 0.02 * rng.standard_normal(8)), 0.02 * tau, parameter="T")
        z.append((found.value - 1) / found.stderr)
        up, down = (0.3 * s + s * rates ** (2 / 3) + 1e-3 * rng.standard_normal(4) for s in (1, -1))
        both = spinodals(rates, up, np.full(4, 1e-3), down, np.full(4, 1e-3))
        w.append((both[0].value - 0.3) / both[0].stderr)
    calibrated(w)
    assert abs(np.mean(z)) < 0.25
    assert 0.85 < np.std(z) < 1.2
    flat = slowing_down(t, 3 + 0.02 * rng.standard_normal(8), np.full(8, 0.1))
    assert flat.status == "none"
    both_sides = slowing_down(np.linspace(0.5, 1.5, 9), 1 / (np.linspace(0.5, 1.5, 9) - 0.3), np.full(9, 0.1))
    assert both_sides.found
    assert spinodals(rates, down, np.full(4, 1e-3), down, np.full(4, 1e-3))[0].status == "none"
    with pytest.raises(ValueError, match="2 given; at least 3"):
        spinodals([1, 2], [1, 2], [1, 1], [1, 2], [1, 1])
    with pytest.raises(ValueError, match="must be positive"):
        slowing_down(t, -t, t)


def test_landmarks_of_two_classes():
    """The universal values of Lambda = 1/t for two points under VE."""
    found = information_landmarks(an.Diffusion(an.SymmetricPair(1), an.variance_exploding()))
    known = {
        "half_entropy": 1.0440,
        "entropy_variance": 1.345478,
        "entropy_rate_per_log_snr": 1.508331,
        "entropy_rate_per_sigma": 2.412648,
        "entropy_rate_per_t": 3.348668,
    }
    for name, separation in known.items():
        point = found.named(name)
        assert 1 / point.value == pytest.approx(separation, abs=6e-5)
        assert np.exp(point.others["log_snr"]) == pytest.approx(1 / point.value, rel=1e-9)
        assert point.others["sigma"] ** 2 == pytest.approx(point.value, rel=1e-9)
    single = information_landmarks(an.Diffusion(an.GaussianMixture([0.0], 1.0), an.variance_exploding()))
    assert {point.status for point in single} == {"none"}


def test_curves_without_an_answer():
    x, e = np.linspace(0, 1, 12), np.full(12, 0.01)
    cases = [
        (peak(x, x, e), "none", "the largest value is at the end of the range"),
        (peak(x, 0 * x + 0.01 * np.sin(40 * x), 10 * e), "unresolved", ""),
        (crossing(x, x, e, 2.0), "none", "the curve stays below 2 from 0 to 1"),
        (crossing(x, np.sin(9 * x), e, 0.0), "unresolved", "passes 0 more than once"),
        (collapse(moments(draw, [(n, 1.0, 640) for n in (64, 128)], 1)), "unresolved", "2 sizes given"),
        (
            collapse(moments(draw, [(n, 1.0, 640) for n in (64, 128, 256)], 1)),
            "unresolved",
            "points near the transition",
        ),
        (binder_crossings(moments(draw, [(n, 1.0, 640) for n in (64, 128)], 1))[0], "unresolved", "2 sizes given"),
        (binder_crossings(moments(draw, [(n, 1.0, 640) for n in (64, 128, 256)], 1))[0], "unresolved", "share 1 param"),
    ]
    for point, status, reason in cases:
        assert not isinstance(point, Collapse)
        assert (point.status, point.value) == (status, None), point
        assert reason in point.reason
    for call, reason in (
        (lambda: peak(x[:4], x[:4], e[:4]), "4 points given"),
        (lambda: peak(x, x[:5], e), "three arrays of one length"),
        (lambda: crossing(x, x, 0 * e, 0.5), "standard errors positive"),
        (lambda: moments(draw, [(64, 1.0, 640)], 1, runs=2), "2 independent runs"),
        (lambda: moments(draw, [(64, 1.0, 640)], 1).observable("energy"), "'energy' is unknown"),
    ):
        with pytest.raises(ValueError, match=reason):
            call()
