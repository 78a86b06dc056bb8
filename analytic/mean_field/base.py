r"""A mean-field model: the measure of a single site and the energy per site as a function of order parameters.

    P(x_1 .. x_N) ~ prod_i w(x_i) exp(-beta N e(q)),        q_k = (1/N) sum_i g_k(x_i)
    K(u) = log int w(x) exp(u . g(x)) dx            cumulant function of a site, averaged over quenched disorder
    q = grad K(u),  u = -beta grad e(q)             self-consistency

The same statement serves the thermodynamics (`analytic.free_energy`), the exact sums over finite N, Monte Carlo,
and the diffusion whose data it is.  When symmetry keeps the order on a ray q = q_0 + m d, the model says so and the
thermodynamics is that of the single order parameter m: g = d . (g - q_0)/|d|^2, exactly.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property

import sympy as sp

from analytic.mean_field.measures import Discrete
from analytic.symbols import beta, conjugate, exact, magnetisation

site = sp.Symbol("x", real=True)  # the variable of one site
label = sp.Symbol("xi", real=True)  # the quenched label of a site


class MeanField(ABC):
    """A system of N exchangeable sites (up to quenched labels) coupled through its order parameters alone."""

    beta: sp.Expr = beta
    quenched = None  # the law of a site's label, a normalised `Discrete` or `Density`, or None

    @property
    @abstractmethod
    def measure(self):
        """The measure of one site, a `Discrete` or a `Density`; log-weights may hold beta and the label."""

    @property
    @abstractmethod
    def energy(self) -> sp.Expr:
        """e(q), the energy per site as a function of the symbols `order`, beside what is in the measure."""

    @property
    def observables(self) -> tuple:
        """g_k(x): the order parameters are their averages over sites."""
        return (site,)

    @property
    def coordinates(self) -> tuple:
        """The numbers of one site that a forward process adds noise to, functions of its variable."""
        return (site,)

    @property
    def order(self) -> tuple:
        """Symbols of the order parameters."""
        return (magnetisation,)

    @property
    def ray(self):
        """(q_0, d): the order stays on q_0 + m d by symmetry."""
        return (sp.S.Zero,), (sp.S.One,)

    @property
    def directions(self) -> tuple:
        """Directions of the order in the phases of broken symmetry: the images of the ray's under the symmetry."""
        direction = self.ray[1]
        return (direction, tuple(-d for d in direction)) if self.symmetric else (direction,)

    @property
    def size_multiple(self) -> int:
        """N must be a multiple of this."""
        return 1

    # what follows from the statement

    @cached_property
    def on_ray(self) -> dict:
        """The order parameters as functions of m."""
        return {q: a + magnetisation * d for q, a, d in zip(self.order, *self.ray, strict=True)}

    @cached_property
    def ray_observable(self) -> sp.Expr:
        """g(x) whose average over sites is m."""
        start, direction = self.ray
        square = sp.Add(*(d**2 for d in direction))
        shifted = [g - a for g, a in zip(self.observables, start, strict=True)]
        return sp.expand(sp.Add(*(d * g for d, g in zip(direction, shifted, strict=True))) / square)

    @cached_property
    def ray_energy(self) -> sp.Expr:
        """e(m)."""
        return sp.expand(sp.sympify(self.energy).subs(self.on_ray, simultaneous=True))

    def quenched_mean(self, expr) -> sp.Expr:
        """The average over the quenched label of a site."""
        law, expr = self.quenched, sp.sympify(expr)
        if law is None or not expr.free_symbols & set(law.variables):
            return expr
        if hasattr(law, "values"):
            return sp.Add(*(sp.exp(w) * e for w, e in zip(law.log_weights, law.at(expr), strict=True)))
        (xi,) = law.variables
        if sp.simplify(expr + expr.subs(xi, -xi)) == 0 and sp.simplify(law.log_weight.diff(xi).subs(xi, 0)) == 0:
            return sp.S.Zero
        return sp.Integral(sp.exp(law.log_weight) * expr, (xi, *law.domain))

    @cached_property
    def cumulant_function(self) -> sp.Expr:
        """K(u) on the ray."""
        return self.quenched_mean(self.measure.log_integral(conjugate * self.ray_observable))

    @cached_property
    def single_site_mean(self) -> sp.Expr:
        """K'(u): the order parameter of a site in the field u, in stable functions."""
        return sp.diff(self.cumulant_function, conjugate)

    @cached_property
    def cumulants(self) -> tuple:
        """kappa_1 .. kappa_6 of g at u = 0, from the moments of a site, averaged over the quenched label."""
        g, kappas = self.ray_observable, []
        if len(getattr(self.measure, "values", ())) == 2:
            log_site = self.measure.log_integral(conjugate * g)
            kappas = [sp.diff(log_site, conjugate, n).subs(conjugate, 0) for n in range(1, 7)]
        else:
            moments = [sp.S.One] + [sp.expand(self.measure.mean(g**k)) for k in range(1, 7)]
            for n in range(1, 7):
                lower = (sp.binomial(n - 1, k - 1) * kappas[k - 1] * moments[n - k] for k in range(1, n))
                kappas.append(tidy(moments[n] - sp.Add(*lower)))
        return tuple(tidy(self.quenched_mean(tidy(kappa))) for kappa in kappas)

    @cached_property
    def _levels(self):
        """[(log share, [(weight, level)], lowest g)] for every label, and the unit of g: z = exp(unit u) per level."""
        law = self.quenched or Discrete((), ((),))
        if not (hasattr(self.measure, "values") and hasattr(law, "values")):
            return None, None
        observed, groups = self.measure.at(self.ray_observable), []
        for point in law.values:
            column = dict(zip(law.variables, point, strict=True))
            groups.append([(sp.exp(w), g) for w, g in zip(self.measure.log_weights, observed, strict=True)])
            groups[-1] = [(w.xreplace(column), g.xreplace(column)) for w, g in groups[-1]]
        unit = _common_unit([g - group[0][1] for group in groups for _, g in group])
        lows = [min(g for _, g in group) for group in groups]
        levels = [[(w, (g - low) / unit) for w, g in group] for group, low in zip(groups, lows, strict=True)]
        return list(zip(law.log_weights, levels, lows, strict=True)), unit

    @cached_property
    def entropy_slope(self):
        """The field u(m) with K'(u) = m in closed form (the slope of the rate function of a site), or None.

        K' is rational in z = exp(unit u), unit that of g; K'(z) = m is solved when of degree two at most.
        """
        groups, unit = self._levels
        if groups is None:
            return None
        z, mean = sp.Symbol("z", positive=True), sp.S.Zero
        for share, levels, low in groups:
            below = sp.Add(*(w * z**k for w, k in levels))
            mean += sp.exp(share) * (low + unit * sp.Add(*(w * k * z**k for w, k in levels)) / below)
        ratio = _solved(mean, z, self._samples)
        return None if ratio is None else sp.log(ratio) / unit

    @property
    def _samples(self):
        """Numbers for the symbols, to tell the branches of an inverse apart."""
        free = sp.sympify(self.cumulant_function).free_symbols - {conjugate}
        return {s: sp.Rational(3 + 2 * i, 7 + i) for i, s in enumerate(sorted(free, key=str))}

    @cached_property
    def constrained(self):
        """beta e(m) + I(m), I the rate function of independent sites, in closed form; None where it has none."""
        field = self.entropy_slope
        if field is None:
            return None
        groups, unit = self._levels
        ratio, entropy = sp.exp(unit * field), field * magnetisation
        for share, levels, low in groups:
            inner = tidy(sp.Add(*(w * ratio**k for w, k in levels)))
            entropy += sp.exp(share) * (sp.log(sp.Add(*(w for w, _ in levels))) - low * field - sp.log(inner))
        return self.beta * self.ray_energy + entropy

    @cached_property
    def site_potential(self) -> sp.Expr:
        """-log w(x)/beta + sum_k (de/dq_k) g_k(x): what one site feels when the order parameters are q."""
        force = sp.Add(*(sp.diff(self.energy, q) * g for q, g in zip(self.order, self.observables, strict=True)))
        return sp.expand(-self.measure.log_weight / self.beta + force)

    @cached_property
    def site_drift(self) -> sp.Expr:
        """-d site_potential/dx; dx_i = site_drift(x_i, q) dt + sqrt(2/beta) dW_i samples the model at any N."""
        return sp.expand(-sp.diff(self.site_potential, site))

    @property
    def symmetric(self) -> bool:
        """Whether m -> -m is a symmetry (then the odd cumulants and the odd part of the energy vanish)."""
        odd = sp.simplify(self.ray_energy - self.ray_energy.subs(magnetisation, -magnetisation))
        return odd == 0 and (self.measure is None or all(kappa == 0 for kappa in self.cumulants[::2]))

    def _repr_latex_(self):
        return rf"$e = {sp.latex(self.energy)}$"


def positive(value, name, what="") -> sp.Expr:
    """An exact number or symbol; ValueError when it is a number that is not positive."""
    value = exact(value)
    if value.is_positive is False or (value.is_number and not value > 0):
        raise ValueError(f"{name}: {value} is not positive{what}")
    return value


def inverse_temperature(value) -> sp.Expr:
    """The same for beta = 1/T."""
    return positive(value, "beta", "; beta = 1/T is an inverse temperature")


def whole(value, name, low, why="") -> int:
    """A whole number of at least `low`, or one sentence."""
    if isinstance(value, bool) or not exact(value).is_Integer or exact(value) < low:
        raise ValueError(f"{name}: {value} given; a whole number of at least {low} is needed{why}")
    return int(value)


def tidy(expr, how=sp.factor):
    """Factored (or simplified), unless an integral, a hypergeometric function or a long number is inside.

    (SymPy would raise exp(1.234567 x) to a polynomial of degree 1234567 in its millionth root.)
    """
    long = any(abs(number.p) > 64 or number.q > 64 for number in expr.atoms(sp.Rational))
    return expr if expr == 0 or long or expr.has(sp.Integral, sp.hyper) else how(expr)


def _common_unit(differences):
    """The largest number that all differences are multiples of."""
    found = [abs(d) for d in differences if d != 0]
    scale = sp.ilcm(*(d.q for d in found)) if len(found) > 1 else found[0].q
    return sp.Rational(sp.igcd(*(d * scale for d in found)) if len(found) > 1 else found[0] * scale, scale)


def _roots(*coefficients):
    """Roots of a polynomial of degree one or two, by the formula (its coefficients may be of any kind)."""
    if len(coefficients) == 2:
        a, b = coefficients
        return (-b / a,)
    a, b, c = coefficients
    return tuple((-b + sign * sp.sqrt(tidy(b**2 - 4 * a * c))) / (2 * a) for sign in (1, -1))


def _solved(mean, z, samples):
    """z(m) from mean(z) = m; None beyond degree two."""
    polynomial = sp.Poly(sp.numer(sp.together(mean - magnetisation)), z)
    if polynomial.degree() > 2:
        return None
    at = sp.Rational(7, 4)
    probe = mean.subs(z, at).subs(samples).evalf(30)
    for candidate in _roots(*polynomial.all_coeffs()):
        value = candidate.subs(samples).subs(magnetisation, probe).evalf(25)
        if abs(value - at) < 1e-15:
            return tidy(candidate)
    return None
