r"""Mean-field data under a forward process: the exact score of N diffused spins, x_i = alpha s_i + sigma eps_i.

    P(s) ~ prod_i w(s_i) exp(N beta (J m^2/2 + h m)),    m = (1/N) sum_i s_i        (any energy quadratic in m)
    exp(N beta J m^2/2) ~ int dM exp(-N beta J M^2/2 + N beta J M m)                Hubbard-Stratonovich
    z(M, x) = log sum_s w(s) exp(beta (J M + h) s + (alpha x s - alpha^2 s^2/2)/sigma^2)
    E[s_i|x] = <dz/d(beta h)>_M,   weight exp(A(M)),   A = -N beta J M^2/2 + sum_i z(M, x_i)
    saddle:  M = (1/N) sum_i dz/d(beta h)(M, x_i),       A'' >= -N beta J,    dA/dM = N beta J (mean - M)

One integral serves all sites: O(N) for each of its nodes, and the trapezoidal rule of spacing c/sqrt(N beta J) has
the relative error exp(-2 pi^2/c^2) (A is analytic and |exp(A(M + iy))| <= exp(A(M)) exp(N beta J y^2/2)).

N -> oo at fixed time: M is the order m* of the data's phase and the score is that of independent sites.  The sum
y = sum_i x_i/sqrt(N) alone is a diffusion of one coordinate with the data y_0 = sqrt(N) m: its marginals are exact at
any N; for large N its law is a Gaussian for each phase, mean sqrt(N) m*, variance kappa/(1 - beta J kappa),
kappa = K''(u*).  The theory of two classes applies with Lambda = N m*^2 alpha^2/(sigma^2 + alpha^2 variance).

Source: Hubbard 1959; speciation of Curie-Weiss data: Biroli & Mezard 2023 (2306.03518).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import sympy as sp

from analytic.dynamics import Dynamics, Reverse
from analytic.free_energy import checked
from analytic.mean_field.base import MeanField, site
from analytic.mean_field.measures import Discrete
from analytic.models.base import checked_weights
from analytic.models.mixture import GaussianMixture, PointMixture
from analytic.processes import ForwardProcess
from analytic.symbols import alpha, conjugate, exact, f, g2, magnetisation, sigma, sites

auxiliary = sp.Symbol("M", real=True)  # the Hubbard-Stratonovich field
point = sp.Symbol("x_t", real=True)  # one coordinate of x_t
SPIN_MEAN = sp.Symbol("spin_mean", real=True)  # E[s_i|x] of one site
ORDER_X = sp.Symbol("order_x", real=True)  # (1/N) sum_i x_i
ORDER_SIGN = sp.Symbol("order_sign", real=True)  # (1/N) sum_i sign(x_i)
ORDER_MEAN = sp.Symbol("order_mean", real=True)  # (1/N) sum_i E[s_i|x]
ORDER_SQUARE = sp.Symbol("order_square", real=True)  # (1/N) sum_i E[s_i|x]^2
POSITIVE_PHASE = sp.Symbol("positive_phase", real=True)  # P(M > 0|x)
STATISTICS = (ORDER_X, ORDER_SIGN, ORDER_MEAN, ORDER_SQUARE, POSITIVE_PHASE)


@dataclass(frozen=True)
class SpinField:
    """What a simulation needs of Ising spins under a process: beta J, beta h, and y = coefficient(t) x of a site.

    The log-weight of s = +-1 given M and x is (beta J M + beta h + y) s.
    """

    stiffness: sp.Expr
    field: sp.Expr
    coefficient: sp.Expr
    kind: str = "spins"


@dataclass(frozen=True)
class SiteDiffusion:
    """N exchangeable spins as data under a forward process; made by `Diffusion(model, process)`.

    Attributes are expressions in the field M (`auxiliary`), one coordinate x of x_t (`point`) and t.

    Raises
    ------
    ValueError unless the sites are numbers without quenched labels and the energy is -J m^2/2 - h m with J > 0.
    """

    model: MeanField
    process: ForwardProcess

    def __post_init__(self):
        name = type(checked(self.model)).__name__
        if self.model.measure is None or self.model.observables != (site,) or self.model.quenched is not None:
            raise ValueError(f"model: the sites of {name} are no numbers coupled through their mean; no exact score")
        degree = sp.Poly(self.model.energy, magnetisation).degree()
        if degree != 2 or not -self.coupling_sign > 0:
            raise ValueError(f"model: {name} has energy {self.model.energy}; -J m^2/2 - h m with J > 0 is needed")

    @property
    def coupling_sign(self):
        """The sign of e''(m)."""
        curvature = sp.diff(self.model.energy, magnetisation, 2)
        return -1 if curvature.is_negative or sp.N(curvature.subs(dict.fromkeys(curvature.free_symbols, 1))) < 0 else 1

    def reverse(self, sites: int, churn=1) -> Dynamics:
        """The reverse family (churn as in `Diffusion.reverse`) of N Ising spins with the exact finite-N score.

        A `Dynamics` of N sites started from p_t; its observables are expressions of the STATISTICS of this module.

        Raises
        ------
        ValueError for sites other than s = +-1 of equal weight, or a negative churn.
        """
        measure, churn = self.model.measure, exact(churn)
        weighted = isinstance(measure, Discrete) and len(set(measure.log_weights or ())) > 1
        if not isinstance(measure, Discrete) or list(map(tuple, measure.values)) != [(1,), (-1,)] or weighted:
            raise ValueError(
                f"model: {type(self.model).__name__} has no Ising spins s = +-1; no compiled reverse process"
            )
        if churn.is_negative:
            raise ValueError(f"churn: {churn} is negative; it must be zero or positive")
        score = (alpha * SPIN_MEAN - point) / sigma**2
        drift = self.process.put_into(-f * point + g2 * (1 + churn**2) / 2 * score)
        field = SpinField(
            self.model.beta * self.coupling, self.model.beta * self.field, self.process.put_into(alpha / sigma**2)
        )
        return Dynamics(
            (point,),
            (drift,),
            (churn * sp.sqrt(self.process.g2),),
            reverse=True,
            span=self.process.span,
            structure=Reverse(self.process, (SPIN_MEAN,), churn),
            sites=sites,
            order=dict.fromkeys((*STATISTICS, SPIN_MEAN), point),
            mixture=field,
            name=f"reverse of {type(self.model).__name__} spins under {self.process.name}",
        )

    @property
    def coupling(self) -> sp.Expr:
        """J = -e''."""
        return -sp.diff(self.model.energy, magnetisation, 2)

    @property
    def field(self) -> sp.Expr:
        """h = -e'(0)."""
        return -sp.diff(self.model.energy, magnetisation).subs(magnetisation, 0)

    @cached_property
    def _site(self):
        """z with beta (J M + h) written as u."""
        return self.model.measure.log_integral(
            conjugate * site + (alpha * point * site - alpha**2 * site**2 / 2) / sigma**2
        )

    def _in_field(self, expr):
        return expr.subs(conjugate, self.model.beta * (self.coupling * auxiliary + self.field))

    @cached_property
    def site_log_partition(self) -> sp.Expr:
        """z(M, x)."""
        return self.process.put_into(self._in_field(self._site))

    @cached_property
    def site_mean(self) -> sp.Expr:
        """E[s|M, x] = dz/du."""
        return self.process.put_into(self._in_field(sp.diff(self._site, conjugate)))

    @cached_property
    def site_score(self) -> sp.Expr:
        """(alpha E[s|M, x] - x)/sigma^2, whose mean over M is the score; at M = m* its N -> oo limit."""
        mean = self._in_field(sp.diff(self._site, conjugate))
        return self.process.put_into((alpha * mean - point) / sigma**2)

    @cached_property
    def quadratic(self) -> sp.Expr:
        """-beta J M^2/2, the part of A/N that knows no site."""
        return -self.model.beta * self.coupling * auxiliary**2 / 2

    def order_parameter(self, orders, size=sites, weights=None) -> GaussianMixture:
        """The law of y_0 = sqrt(N) m for large N: the reduced dynamics is `Diffusion(this, process).reverse()`.

        Parameters
        ----------
        orders : m* of every phase (one number, or e.g. (m, -m)).  size : N, a number or a symbol.
        weights : of the phases, None for equal ones.

        Returns
        -------
        GaussianMixture of the phases, mean sqrt(N) m* and variance kappa/(1 - beta J kappa), and N - 1 further
        coordinates of variance kappa (of the first phase).

        Raises
        ------
        ValueError for an unstable m* (a maximum of the free energy).
        """
        orders = tuple(orders) if isinstance(orders, list | tuple) else (orders,)
        weights = checked_weights(weights, len(orders))
        means, variances = [], []
        for order in map(exact, orders):
            kappa = self._fluctuation(order)
            stability = sp.simplify(1 - self.model.beta * self.coupling * kappa)
            if stability.is_number and not sp.N(stability) > 0:
                raise ValueError(f"orders: m = {order} is unstable at beta = {self.model.beta}; give a minimum")
            means.append(sp.sqrt(exact(size)) * order)
            variances.append(kappa / stability)
        rest = self._fluctuation(exact(orders[0]))
        return GaussianMixture(tuple(means), variances, weights, rest_dim=exact(size) - 1, rest_variance=rest)

    def exact_order_parameter(self, size: int) -> GaussianMixture:
        """The same for a given N, exactly: y_0 has the N + 1 values of sqrt(N) m (two-valued sites, N to 64).

        Raises ValueError for a larger N (use physim.finite_size.Law) or sites of more than two values.
        """
        measure = self.model.measure
        if not isinstance(measure, Discrete) or len(measure.values) != 2:
            raise ValueError(f"model: {type(self.model).__name__} has no two-valued sites; use order_parameter(...)")
        if not 1 <= size <= 64:
            raise ValueError(f"size: {size} given; 1 to 64 points are written out, more: physim.finite_size.Law")
        (high,), (low,) = measure.values
        logs, points = [], []
        for k in range(size + 1):
            m = sp.Rational(1, size) * (k * high + (size - k) * low)
            count = sp.Add(*(n * w for n, w in zip((k, size - k), measure.log_weights or (), strict=True)))
            energy = size * self.model.beta * self.model.energy.subs(magnetisation, m)
            logs.append(sp.log(sp.binomial(size, k)) + count - energy)
            points.append(sp.sqrt(size) * m)
        norm = sp.Add(*(sp.exp(l) for l in logs))
        if norm.free_symbols:
            raise ValueError(f"model: {', '.join(map(str, norm.free_symbols))} must be numbers for the exact law")
        weights = [sp.Float(sp.N(sp.exp(l) / norm, 40), 40) for l in logs]
        return PointMixture(tuple(points), tuple(map(_rational, weights)))

    def separation(self, order, size=sites) -> sp.Expr:
        """Lambda = N m*^2 alpha^2/(sigma^2 + alpha^2 v), v = kappa/(1 - beta J kappa) along the classes' direction."""
        kappa = self._fluctuation(exact(order))
        along = kappa / (1 - self.model.beta * self.coupling * kappa)
        return self.process.put_into(exact(size) * exact(order) ** 2 * alpha**2 / (sigma**2 + alpha**2 * along))

    def _fluctuation(self, order):
        """kappa = K''(u*) at the field of a phase; for Ising spins 1 - m^2."""
        slope = self.model.entropy_slope
        if slope is not None and len(self.model.measure.values) == 2:
            return sp.simplify(1 / sp.diff(slope, magnetisation)).subs(magnetisation, order)
        kappa = sp.diff(self.model.cumulant_function, conjugate, 2)
        return kappa.subs(conjugate, self.model.beta * (self.coupling * order + self.field))

    def _repr_latex_(self):
        return rf"$A/N = {sp.latex(self.quadratic)} + \langle {sp.latex(self.site_log_partition)} \rangle_i$"


def _rational(weight):
    return sp.Rational(str(weight))
