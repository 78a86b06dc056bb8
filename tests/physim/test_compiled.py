"""Compiled expressions against mpmath: the bulk, the far tails, t -> 0 and the end of the span."""

import numpy as np
import pytest
import sympy as sp

import analytic as an
from analytic import stable
from analytic.processes import PROCESSES
from analytic.symbols import t
from physim import compiled
from tests.zoo import MODELS

QUANTITIES = (
    "score",
    "posterior_mean",
    "posterior_covariance",
    "class_posterior",
    "class_entropy",
    "local_bandwidth",
)
RELATIVE = 1e-12


def points(dim, scale):
    """States in the bulk and far out, as rows."""
    reach = np.array([0.0, 0.013, -0.4, 1.1, -2.7, -35.0]) * scale
    rng = np.random.default_rng(5)
    return np.stack([rng.permutation(reach) for _ in range(dim)])


CLOCKS = ("ornstein_uhlenbeck", "edm", "vp_linear", "flow_matching", "vp_cosine")
EVERY = ("pair of points", "pair of Gaussians in 7 dimensions")  # under every clock; others under one, slowly all


@pytest.mark.parametrize(
    ("model", "process"),
    [
        pytest.param(model, clock, marks=[] if model in EVERY or k == j % len(CLOCKS) else pytest.mark.slow)
        for j, model in enumerate(MODELS)
        for k, clock in enumerate(CLOCKS)
    ],
)
def test_against_mpmath(model, process):
    """Relative error 1e-12, or the rounding of the arguments themselves where that is larger.

    Near a data point as t -> 0 the score is (alpha m - x)/sigma^2: a relative change eps of x moves it by
    eps |x| / |alpha m - x|, which no arithmetic can undo.  Where 1e-12 is missed, the error must be below what 8
    units of rounding in the arguments do, 8 eps (|x dq/dx| + |t dq/dt|), or below what 16 units in the log-weights
    do, 16 eps |log p_t| |q|: at 35 standard deviations the classes' log-densities are near -600 each.  A radial
    coordinate has no negative values.
    """
    diffusion = an.Diffusion(MODELS[model], PROCESSES[process]())
    end = float(diffusion.process.span[1]) if diffusion.process.span[1].is_finite else 6.0
    state = [*diffusion.state, t]
    x = points(len(diffusion.state), 1.0)[:, :: len(diffusion.state)]
    radial = [s in diffusion.model.radial for s in diffusion.state]
    x = np.where(np.array(radial)[:, None], np.maximum(abs(x), 1e-3), x)
    for name in QUANTITIES:
        entries = list(dict.fromkeys(sp.Matrix([getattr(diffusion, name)])))
        function = compiled(entries, *state)
        for time in (1e-8, 1e-3, 0.11 * end, 0.97 * end)[:: len(diffusion.state)]:
            found = np.stack(function(*x, time))
            for row, entry in zip(found, entries, strict=True):
                for value, column in zip(row, x.T, strict=True):
                    at = dict(zip(state, [*map(float, column), time], strict=True))
                    exact = float(an.evaluate(entry, at, 20))
                    assert np.isfinite(value), (name, time, column)
                    if exact == 0:  # by symmetry: rounding of entries of the size of the others
                        assert abs(value) <= np.finfo(float).eps * abs(found).max()
                        continue
                    if abs(value - exact) > RELATIVE * abs(exact) + 1e-290:
                        weights = abs(float(an.evaluate(diffusion.log_density, at, 8)))
                        if abs(value - exact) <= 16 * np.finfo(float).eps * weights * abs(exact):
                            continue
                        slopes = sum(abs(float(an.evaluate(sp.diff(entry, s), at, 8)) * at[s]) for s in state)
                        assert abs(value - exact) <= 8 * np.finfo(float).eps * slopes, (
                            name,
                            time,
                            column,
                            value,
                            exact,
                        )


@pytest.mark.parametrize("node", ["logcosh", "tanh", "sech2", "sigmoid", "softplus", "expm1", "log1p"])
def test_stable_nodes_and_their_derivatives(node):
    """Each node, its first and second derivative, at arguments where SymPy's ordinary form is inf or nan."""
    u = sp.Symbol("u", real=True)
    node = getattr(stable, node)(u)
    forms = [node, sp.diff(node, u), sp.diff(node, u, 2)]
    at = np.array(
        [-0.9, -1e-9, 1e-300, 0.3, 20.0, 300.0]
        + ([-800.0, 800.0] if node.func.__name__ not in ("expm1", "log1p") else [])
    )
    for form, row in zip(forms, compiled(forms, u)(at), strict=True):
        exact = [float(an.evaluate(form, {u: v}, 20)) for v in at]
        assert row == pytest.approx(exact, rel=2e-15 * 8, abs=1e-305)


def test_many_component_nodes_in_the_tails():
    """Softmax family with entries 1e5 apart; a zero weight is a zero, not a nan."""
    l = sp.symbols("l1:4", real=True)
    forms = [
        stable.logsumexp(l),
        *(stable.softmax(k, l) for k in range(3)),
        *(stable.surprisal(k, l) for k in range(3)),
    ]
    forms.append(stable.softmax_mean(l, (1, 2, 4)))
    columns = [(0.0, 0.0, 0.0), (1e5, 0.0, -1e5), (-700.0, -1.0, -1.0 - 1e-12), (3.0, 40.0, 39.0)]
    found = np.stack(compiled(forms, *l)(*np.array(columns).T))
    for column, values in zip(columns, found.T, strict=True):
        exact = [float(an.evaluate(f, dict(zip(l, column, strict=True)), 20)) for f in forms]
        assert values == pytest.approx(exact, rel=1e-14, abs=1e-300)


def test_broadcasting_and_refusals():
    x, y = sp.symbols("x y", real=True)
    function = compiled(x * sp.exp(y), x, y)
    assert function(np.ones((3, 1)), np.zeros(4)).shape == (3, 4)
    assert compiled(sp.Rational(1, 3), x)(2.0) == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="symbols: y in the expression"):
        compiled(x + y, x)
    with pytest.raises(TypeError, match="1 arrays given for the 2 symbols"):
        function(1.0)
    with pytest.raises(NotImplementedError, match="zeta"):
        compiled(sp.zeta(x), x)


@pytest.mark.parametrize(
    "expr",
    [
        "x**3 - 2*x**-2 + x**sp.Rational(3,2)",
        "sp.Piecewise((x, x > 1), (sp.sqrt(x), x > sp.Rational(1, 2)), (-x, True))",
        "sp.Abs(x - 1) + sp.sign(x - 1) + sp.Heaviside(x - 1)",
        "sp.Max(x, 1, x**2) - sp.Min(x, 1)",
        "x**17 + x**sp.Rational(-5, 2)",
        "sp.sin(x) * sp.cos(3*x) + sp.tan(x) + sp.sinh(x) + sp.erf(x)",
        "x**sp.Rational(7, 5) + sp.pi * sp.E",
    ],
)
def test_printer_of_ordinary_functions(expr):
    x = sp.Symbol("x", positive=True)
    expr = eval(expr, {"x": x, "sp": sp})
    at = np.array([0.2, 0.7, 1.3, 2.9])
    exact = [float(expr.subs(x, sp.Rational(str(v))).evalf(30)) for v in at]
    assert compiled(expr, x)(at) == pytest.approx(exact, rel=1e-13)
