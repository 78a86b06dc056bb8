r"""Averages over a normal variable, as nodes whose derivatives do not cancel.

    gaussian_mean(k, u, a, v) = E k(u),   u ~ N(a, v)
    d/ds E k(u) = a_s E k'(u) + (v_s/2) E k''(u) + E k_s(u)          (the heat equation; nothing is singular at v = 0)

Numbers come from the trapezoidal rule, which converges exponentially for these integrands: its step is halved until
two results agree in 0.6 of the working digits, and the error of the finer one is about the square of their difference.
"""

from __future__ import annotations

import mpmath as mp
import sympy as sp

from analytic.stable import MPMATH, Stable

FIRST_STEP, HALVINGS = 0.5, 14


class GaussianMean(Stable):
    """E k(u), u ~ N(a, v); made by `gaussian_mean`, its arguments are Lambda(u, k), a, v."""

    nargs = 3

    @property
    def integrand(self):
        """(k, u)."""
        return self.args[0].expr, self.args[0].variables[0]

    def _eval_derivative(self, s):
        (k, u), (_, mean, variance) = self.integrand, self.args
        slope = sp.diff(k, u)
        drift, spread = sp.diff(mean, s), sp.diff(variance, s) / 2
        return gaussian_mean(drift * slope + spread * sp.diff(slope, u) + sp.diff(k, s), u, mean, variance)

    def _eval_evalf(self, prec):
        if self.free_symbols:
            return None
        (k, u), (_, mean, variance) = self.integrand, self.args
        with mp.workprec(prec + 20):
            call = sp.lambdify((u,), k, modules=[MPMATH, "mpmath"])
            return sp.Float(_mp_mean(call, *(a._to_mpmath(prec + 20) for a in (mean, variance))), precision=prec)

    def _mpmathcode(self, printer):
        """The integrand as a lambda that evaluates what its terms share once."""
        k, u = self.integrand
        shared, (k,) = sp.cse(k, symbols=sp.numbered_symbols("shared"))
        parts = [f"{name} := {printer._print(e)}" for name, e in shared] + [printer._print(k)]
        mean, variance = (printer._print(a) for a in self.args[1:])
        return f"GaussianMean(lambda {printer._print(u)}: ({', '.join(parts)},)[-1], {mean}, {variance})"

    def plain(self):
        """The integral over a standard normal z."""
        (k, u), (_, mean, variance), z = self.integrand, self.args, sp.Dummy("z", real=True)
        weight = sp.exp(-(z**2) / 2) / sp.sqrt(2 * sp.pi)
        return sp.Integral(weight * k.subs(u, mean + sp.sqrt(variance) * z), (z, -sp.oo, sp.oo))

    def _latex(self, printer, exp=None):
        (k, u), (_, mean, variance) = self.integrand, self.args
        law = rf"{printer._print(u)} \sim \mathcal{{N}}({printer._print(mean)}, {printer._print(variance)})"
        text = rf"\mathbb{{E}}_{{{law}}}\!\left[{printer._print(k)}\right]"
        return text if exp is None else rf"{text}^{{{exp}}}"


def gaussian_mean(expr, u, mean=0, variance=1) -> sp.Expr:
    """E expr(u), u ~ N(mean, variance); terms and factors without u are taken out, a polynomial becomes its moments."""
    rest, terms = sp.expand(expr).as_independent(u, as_Add=True)
    if terms.is_polynomial(u):
        powers = sp.Poly(terms, u).terms() if terms != 0 else ()
        return rest + sp.Add(*(c * _moment(n, sp.sympify(mean), sp.sympify(variance)) for (n,), c in powers))
    factor, kernel = sp.factor_terms(terms).as_independent(u, as_Add=False)
    return rest + factor * GaussianMean(sp.Lambda(u, kernel), sp.sympify(mean), sp.sympify(variance))


def _moment(n, mean, variance):
    """E u^n."""
    count = (sp.binomial(n, 2 * j) * sp.factorial2(2 * j - 1) for j in range(n // 2 + 1))
    return sp.Add(*(c * mean ** (n - 2 * j) * variance**j for j, c in enumerate(count)))


def _mp_mean(function, mean, variance):
    """The mean at the working precision; ArithmeticError when the halvings do not settle it."""
    if variance == 0:
        return function(mean)
    if mp.im(variance) != 0 or variance < 0:
        raise ArithmeticError(f"variance: {mp.nstr(variance, 8)} is negative; a normal variable has none such")
    with mp.extradps(5):
        width, reach = mp.sqrt(variance), mp.sqrt(2 * (mp.mp.dps * mp.log(10) + 5))

        def pairs(first, step):
            z = first
            while z < reach:
                weight = mp.exp(-z * z / 2)
                yield weight * function(mean + width * z), weight * function(mean - width * z)
                z += step

        step = mp.mpf(FIRST_STEP)
        values = [function(mean), *(v for pair in pairs(step, step) for v in pair)]
        total, size = mp.fsum(values), mp.fsum(values, absolute=True)
        for _ in range(HALVINGS):
            values = [v for pair in pairs(step / 2, step) for v in pair]
            finer, size = total + mp.fsum(values), size + mp.fsum(values, absolute=True)
            if abs(2 * total - finer) <= size * mp.mpf(10) ** (-0.6 * mp.mp.dps):
                return finer * step / 2 / mp.sqrt(2 * mp.pi)
            total, step = finer, step / 2
    raise ArithmeticError("the mean over a normal variable is not settled: the integrand is too sharp")


MPMATH["GaussianMean"] = _mp_mean
