r"""Mean-field data under a forward process: the exact score of N diffused sites, x_i = alpha d(s_i) + sigma eps_i.

    P(s) ~ prod_i w(s_i) exp(N beta (J |phi|^2/2 + h . phi)),   phi = (1/N) sum_i phi(s_i)    (any quadratic energy)
    exp(N beta J |phi|^2/2) ~ int dM exp(-N beta J |M|^2/2 + N beta J M . phi)                 Hubbard-Stratonovich
    z(M, x) = log sum_s w(s) exp(beta (J M + h) . phi(s) + (alpha x . d(s) - alpha^2 |d(s)|^2/2)/sigma^2)
    E[d(s_i)|x] = <(sigma^2/alpha) dz/dx>_M,   weight exp(A(M)),   A = -N beta J |M|^2/2 + sum_i z(M, x_i)
    saddle:  M = (1/N) sum_i E[phi(s)|M, x_i],       A'' >= -N beta J

d(s) are the numbers of one site that are noised: the spin itself (Curie-Weiss, Blume-Capel, Hopfield: one field per
pattern, phi = xi s), the n components of a unit vector (O(n): n fields), the indicators of q colours (Potts: q - 1
fields in the plane that the fractions lie in).  One integral serves all sites: O(N) for each of its nodes, and the
trapezoidal rule of spacing c/sqrt(N beta J) has the relative error exp(-2 pi^2/c^2) per field (A is analytic and
|exp(A(M + iy))| <= exp(A(M)) exp(N beta J y^2/2)).

N -> oo at fixed time: M is the order phi* of the data's phase and the score is that of independent sites.

Source: Hubbard 1959; speciation of Curie-Weiss data: Biroli & Mezard 2023 (2306.03518).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import sympy as sp

from analytic import order_law
from analytic.dynamics import Dynamics, Reverse
from analytic.free_energy import checked
from analytic.mean_field.base import MeanField, site
from analytic.mean_field.coupling import Coupling, coupling
from analytic.mean_field.measures import Discrete
from analytic.models.mixture import GaussianMixture
from analytic.processes import ForwardProcess
from analytic.symbols import alpha, exact, f, g2, sigma, sites

auxiliary = sp.Symbol("M", real=True)  # the Hubbard-Stratonovich field, when there is one
point = sp.Symbol("x_t", real=True)  # one coordinate of x_t, when a site has one
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
    """N exchangeable sites as data under a forward process; made by `Diffusion(model, process)`.

    Attributes are expressions in the fields M (`fields`), the coordinates of one site of x_t (`points`), its quenched
    label (the model's, e.g. the bits of a site's patterns) and t.

    Raises
    ------
    ValueError unless the energy is quadratic, -J |phi|^2/2 - h . phi with J > 0, and a site has a measure.
    """

    model: MeanField
    process: ForwardProcess

    def __post_init__(self):
        coupling(checked(self.model))

    @cached_property
    def frame(self) -> Coupling:
        """The fields of the energy: J, h and phi of one site."""
        return coupling(self.model)

    @property
    def fields(self) -> tuple:
        """M, or M1 .. Mk."""
        return _letters(auxiliary, "M", len(self.frame.observables))

    @property
    def points(self) -> tuple:
        """The coordinates of one site of x_t, x_t or x1 .. xd."""
        return _letters(point, "x_t", len(self.model.coordinates))

    @property
    def labels(self) -> tuple:
        """Symbols of a site's quenched label, () for none."""
        return () if self.model.quenched is None else tuple(self.model.quenched.variables)

    @property
    def coupling(self) -> sp.Expr:
        """J."""
        return self.frame.strength

    @cached_property
    def in_letters(self) -> dict:
        """z, E[d(s)|M, x] and the log-weights of a discrete site's values in the letters alpha and sigma."""
        measure = self.model.measure
        found = {"log_partition": [self._site], "means": [sp.diff(self._site, y) for y in self._seen], "entries": []}
        if isinstance(measure, Discrete):
            found["entries"] = [w + e for w, e in zip(measure.log_weights or (), measure.at(self._tilt), strict=True)]
        return {name: tuple(map(self._put, exprs)) for name, exprs in found.items()}

    @cached_property
    def _tilt(self):
        """beta (J M + h) . phi(s) + y . d(s) - alpha^2 |d(s)|^2/(2 sigma^2), y = alpha x/sigma^2 a symbol."""
        coordinates = self.model.coordinates
        square = sp.Add(*(d**2 for d in coordinates))
        if not isinstance(self.model.measure, Discrete) and len(coordinates) > 1:
            square = sp.S.One  # a unit vector
        coupled = sp.Add(*(u * g for u, g in zip(self._conjugates, self.frame.observables, strict=True)))
        seen = sp.Add(*(y * d for y, d in zip(self._seen, coordinates, strict=True)))
        return coupled + seen - alpha**2 * square / (2 * sigma**2)

    @cached_property
    def _site(self):
        """z with beta (J M + h) and alpha x/sigma^2 as symbols."""
        return self.model.measure.log_integral(self._tilt)

    @property
    def _conjugates(self):
        return sp.symbols(f"u1:{len(self.frame.observables) + 1}", real=True)

    @property
    def _seen(self):
        return sp.symbols(f"y1:{len(self.model.coordinates) + 1}", real=True)

    def _put(self, expr):
        frame, beta = self.frame, self.model.beta
        field = [beta * (frame.strength * m + h) for m, h in zip(self.fields, frame.external, strict=True)]
        put = dict(zip(self._conjugates, field, strict=True))
        put |= {y: alpha * x / sigma**2 for y, x in zip(self._seen, self.points, strict=True)}
        return expr.subs(put, simultaneous=True)

    @cached_property
    def site_log_partition(self) -> sp.Expr:
        """z(M, x)."""
        return self.process.put_into(self.in_letters["log_partition"][0])

    @cached_property
    def site_means(self) -> tuple:
        """E[d(s)|M, x] = dz/dy for each coordinate of a site."""
        return tuple(map(self.process.put_into, self.in_letters["means"]))

    @property
    def site_mean(self) -> sp.Expr:
        """The same of sites with one coordinate."""
        (mean,) = self.site_means
        return mean

    @cached_property
    def site_scores(self) -> tuple:
        """(alpha E[d(s)|M, x] - x)/sigma^2, whose mean over M is the score; at M = phi* its N -> oo limit."""
        pairs = zip(self.in_letters["means"], self.points, strict=True)
        return tuple(self.process.put_into((alpha * mean - x) / sigma**2) for mean, x in pairs)

    @cached_property
    def quadratic(self) -> sp.Expr:
        """-beta J |M|^2/2, the part of A/N that knows no site."""
        return -self.model.beta * self.coupling * sp.Add(*(m**2 for m in self.fields)) / 2

    def reverse(self, sites: int, churn=1) -> Dynamics:
        """The reverse family (churn as in `Diffusion.reverse`) of N Ising spins with the exact finite-N score.

        A `Dynamics` of N sites started from p_t; its observables are expressions of the STATISTICS of this module.
        Other sites are generated by `physim.generate` from their score, a function of the batch.

        Raises
        ------
        ValueError for sites other than s = +-1 of equal weight in one field, or a negative churn.
        """
        churn, model = exact(churn), self.model
        if not _ising(model):
            raise ValueError(
                f"model: {type(model).__name__} has no Ising spins s = +-1 in one field; no compiled reverse process "
                "(physim.generate takes physim.spin_scores.scores as its score)"
            )
        if churn.is_negative:
            raise ValueError(f"churn: {churn} is negative; it must be zero or positive")
        score = (alpha * SPIN_MEAN - point) / sigma**2
        drift = self.process.put_into(-f * point + g2 * (1 + churn**2) / 2 * score)
        field = SpinField(
            model.beta * self.coupling, model.beta * self.frame.external[0], self.process.put_into(alpha / sigma**2)
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
            name=f"reverse of {type(model).__name__} spins under {self.process.name}",
        )

    def phases(self, order) -> tuple:
        """The order phi* of every phase of broken symmetry, given the size m* of one; see `order_law.phases`."""
        return order_law.phases(self.model, order)

    def order_parameter(self, orders, size=sites, weights=None) -> GaussianMixture:
        """The law of y_0 = sqrt(N) phi for large N; see `order_law.order_parameter`."""
        return order_law.order_parameter(self.model, orders, size, weights)

    def exact_order_parameter(self, size: int) -> GaussianMixture:
        """The law of y_0 = sqrt(N) m of two-valued spins, exactly; see `order_law.exact_order_parameter`."""
        return order_law.exact_order_parameter(self.model, size)

    def separation(self, order, size=sites) -> sp.Expr:
        """Lambda(t) of the phases; see `order_law.separation`."""
        return self.process.put_into(order_law.separation(self.model, order, size))

    def _repr_latex_(self):
        return rf"$A/N = {sp.latex(self.quadratic)} + \langle {sp.latex(self.site_log_partition)} \rangle_i$"


def _letters(single, letter, count):
    return (single,) if count == 1 else sp.symbols(f"{letter}1:{count + 1}", real=True)


def _ising(model):
    measure = model.measure
    if not isinstance(measure, Discrete) or model.quenched is not None or model.observables != (site,):
        return False
    return list(map(tuple, measure.values)) == [(1,), (-1,)] and len(set(measure.log_weights)) == 1
