r"""Planted p-spin model with side information: the posterior that a diffusion sampler of the p-spin glass must follow.

    P(s) ~ exp(beta sum_{i1<..<ip} J s_i1 .. s_ip),  J ~ N(0, p!/(2 N^{p-1}));   x_t = alpha s_0 + sigma eps
    J = beta p!/(2 N^{p-1}) s_0 .. s_0 + noise       planted, the same law of (J, s_0) as long as T > T_K (contiguity)
    Phi(q, h) = psi(h) - (h - snr) q/2 + beta^2 q^p/4,      snr = alpha^2/sigma^2
    psi(h) = E log sum_s exp(u s - h s^2/2),   u = h s_0 + sqrt(h) z                  (one site behind noise)
    q = 2 psi'(h),   h = snr + beta^2 (p/2) q^{p-1}                                    (state evolution)

    Ising      log 2 cosh(u) - h/2,               u ~ N(h, h) where s_0 = 1
    spherical  u^2/(2(1+h)) - log(1+h)/2,         u ~ N(0, h + h^2)  (s_0 normal)

On the Nishimori line (s_0 is a draw of the posterior) replica symmetry is exact and one overlap q is enough; psi is the
free entropy of one site seen through Gaussian noise of signal-to-noise h, for Ising spins h/2 plus the class entropy of
`two_classes` at Lambda = h. Fixed points are a curve in h: q(h), snr(h) = h - beta^2 W(h), W = (p/2) q^{p-1}:

    spinodals      d snr/dh = 0             W'(h) = T^2      the largest W' is where the two meet (tricritical)
    Maxwell        two fixed points of one snr and one Phi
    dynamic        snr = 0 at the spinodal  T^2 = max W/h
    Kauzmann       snr = 0 at the Maxwell point

Below the tricritical temperature the denoiser jumps along snr: approximate message passing from no information stays
on the small overlap up to the upper spinodal, although the larger one has the larger Phi from the Maxwell point on.

Source: Ghio, Dandi, Krzakala & Zdeborova 2023 (2308.14085), who call the end of the first-order line tricritical; in
the plane (snr, T) it is a critical end point, as that of liquid and gas.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import mpmath as mp
import sympy as sp

from analytic.evaluate import callable_of, root
from analytic.gaussian import gaussian_mean
from analytic.mean_field.base import positive, whole
from analytic.stable import logcosh
from analytic.symbols import beta, snr
from analytic.transition import Transition, Transitions

h = sp.Symbol("h", positive=True)  # the effective signal-to-noise ratio of one site
q = sp.Symbol("q", nonnegative=True)
u = sp.Symbol("u", real=True)  # what a site is told
SOURCE = "Ghio, Dandi, Krzakala & Zdeborova 2023 (2308.14085)"
DIGITS = 15
FIELDS = tuple(sp.Rational(14, 10) ** k / 50 for k in range(24))  # 0.02 ... 46


@dataclass(frozen=True)
class PlantedPSpin:
    """The planted p-spin model, Ising or spherical.

    Parameters
    ----------
    p : spins in one coupling, a whole number of at least 3, or (spherical) a symbol.  spins : "ising" or "spherical".
    Expressions are in `beta` and `snr` (R) of `analytic.symbols`, the overlap `q` and the field `h` of this module.

    Raises
    ------
    ValueError for p below 3 (p = 2 is continuous) or another kind of spins.
    """

    p: int | sp.Symbol = 3
    spins: str = "ising"

    def __post_init__(self):
        if self.spins not in ("ising", "spherical"):
            raise ValueError(f"spins: {self.spins!r} is unknown; allowed are 'ising', 'spherical'")
        if not (isinstance(self.p, sp.Symbol) and self.spins == "spherical"):
            why = " for spins in one coupling (with two the transition is continuous)"
            object.__setattr__(self, "p", whole(self.p, "p", 3, why))

    @cached_property
    def site(self) -> sp.Expr:
        """log sum_s exp(u s - h s^2/2) of one site."""
        if self.spins == "spherical":
            return u**2 / (2 * (1 + h)) - sp.log(1 + h) / 2
        return sp.log(2) + logcosh(u) - h / 2

    @cached_property
    def denoiser(self) -> tuple:
        """Posterior mean and variance of a site that is told u: the first two derivatives of `site`."""
        return sp.diff(self.site, u), sp.diff(self.site, u, 2)

    @cached_property
    def site_entropy(self) -> sp.Expr:
        """psi(h), the mean of `site` over the law of u."""
        law = (0, h + h**2) if self.spins == "spherical" else (h, h)
        return sp.expand(sp.factor(gaussian_mean(self.site, u, *law)))

    @cached_property
    def free_entropy(self) -> sp.Expr:
        """Phi(q, h) per site: beta times the free energy less its sign, up to what does not depend on q and h."""
        return self.site_entropy - (h - snr) * q / 2 + beta**2 * q**self.p / 4

    # what follows from the free entropy

    @cached_property
    def overlap(self) -> sp.Expr:
        """q(h), from dPhi/dh = 0."""
        return sp.factor_terms(sp.solve(sp.diff(self.free_entropy, h), q)[0])

    @cached_property
    def field(self) -> sp.Expr:
        """h(q), from dPhi/dq = 0."""
        return sp.expand(sp.solve(sp.expand(sp.diff(self.free_entropy, q)), h)[0])

    @cached_property
    def state_evolution(self) -> sp.Expr:
        """The overlap after one step of message passing from the overlap q."""
        return self.overlap.subs(h, self.field)

    @cached_property
    def slope(self) -> sp.Expr:
        """d(state evolution)/dq; a fixed point is stable where it is below 1."""
        return sp.diff(self.overlap, h).subs(h, self.field) * sp.diff(self.field, q)

    @cached_property
    def coupling(self) -> sp.Expr:
        """W(h) = T^2 (h - snr) on fixed points."""
        return ((self.field - snr) / beta**2).expand().subs(q, self.overlap)

    @cached_property
    def fixed_points(self) -> dict:
        """snr, overlap, slope and entropy of the fixed points as functions of h at a temperature 1/beta."""
        place = h - beta**2 * self.coupling
        return {
            "snr": place,
            "overlap": self.overlap,
            "slope": beta**2 * sp.diff(self.coupling, h),
            "entropy": self.free_entropy.subs(snr, place).subs(q, self.overlap),
        }

    # where something changes

    def tricritical_point(self) -> Transition:
        """The end of the first-order line: the largest T at which the path has a jump; snr and overlap in `others`."""
        at, status = self._fold_end
        square = sp.diff(self.coupling, h).subs(h, at)
        others = {"snr": (h - self.coupling / square).subs(h, at), "q": self.overlap.subs(h, at)}
        return _temperature("tricritical", "path", square, status, others)

    def dynamic_temperature(self) -> Transition:
        """T_d: the spinodal of the overlap without side information; the glass is one of many states below it."""
        at, status = self._dynamic
        square = (self.coupling / h).subs(h, at)
        return _temperature("spinodal", "overlap", square, status, {"q": self.overlap.subs(h, at)})

    def kauzmann_temperature(self) -> Transition:
        """T_K: the Maxwell point without side information, where the glass condenses."""
        self._whole_p("the Kauzmann temperature")
        square = self.coupling / h
        gain = self.site_entropy - h * self.overlap / 2 + self.overlap**self.p / (4 * square)
        gap = gain - self.site_entropy.subs(h, 0)
        at = _root(gap, *_sign_change(gap, self._dynamic[0]))
        others = {"q": self.overlap.subs(h, at)}
        return _temperature("first-order", "overlap", square.subs(h, at), "numeric", others)

    def path(self, temperature) -> Transitions:
        """The first-order transition along snr at a temperature: lower spinodal, Maxwell point, upper spinodal.

        "high_overlap": where the state of large overlap appears; "maxwell": where it becomes the posterior; and
        "low_overlap": where message passing without information finds it.  Status "none" where it would lie at a
        negative snr: the first below T_d, the second below T_K (there planted and glass differ).

        Raises
        ------
        ValueError at and above the tricritical temperature, where the overlap grows continuously with snr.
        """
        self._whole_p("a path at a given temperature")
        warm, fold = positive(temperature, "temperature"), sp.diff(self.coupling, h)
        warm, top = warm if warm.is_Rational else sp.N(warm, 2 * DIGITS), self._fold_end[0]
        tri = _number(fold, top)
        if warm**2 >= tri:
            raise ValueError(
                f"temperature: {float(warm):g} is not below the tricritical {float(sp.sqrt(tri)):.7g} of the "
                f"{self.spins} {self.p}-spin model: the overlap grows continuously with snr and no transition is met"
            )
        low = _root(fold - warm**2, sp.Rational(1, 10**9), top)
        high = _root(fold - warm**2, top, 4 * (top + self.p / warm**2))
        upper = self._on_path("saddle-node", "low_overlap", warm, low)
        early = "the state of large overlap exists already at snr = 0: T is below T_d"
        return Transitions(
            (self._on_path("saddle-node", "high_overlap", warm, high, early), self._maxwell(warm, low, high), upper)
        )

    def _whole_p(self, what):
        if isinstance(self.p, sp.Symbol):
            raise ValueError(f"p: {self.p} is a symbol; {what} is a number and needs a whole p")

    @cached_property
    def _fold_end(self):
        return self._top(sp.diff(self.coupling, h))

    @cached_property
    def _dynamic(self):
        return self._top(self.coupling / h)

    def _top(self, expr):
        """(h, status) at the largest value of an expression: solved where rational, else to `DIGITS`."""
        if self.spins == "spherical":
            slope = sp.numer(sp.together(sp.simplify(sp.diff(sp.expand_log(sp.log(expr), force=True), h))))
            return sp.solve(sp.expand(slope), h)[0], "exact"
        slope = sp.diff(expr, h)
        return _root(slope, *_sign_change(slope)), "numeric"

    def _on_path(self, kind, object, warm, at, absent=""):
        """The record of the fixed point of field `at`; status "none" where its snr is negative."""
        place, overlap = (_number(e, at) for e in (h - self.coupling / warm**2, self.overlap))
        if place < 0:
            return Transition(kind, object, "snr", status="none", reason=absent, source=SOURCE)
        others = {"q": overlap, "T": warm}
        return Transition(kind, object, "snr", place, status="numeric", method="root", source=SOURCE, others=others)

    def _maxwell(self, warm, low, high):
        """Two fields of one snr and one entropy, by Newton's method; d(entropy)/d(snr) = q/2 on fixed points."""
        parts = [*self.fixed_points.values(), sp.diff(self.fixed_points["snr"], h)]
        place, overlap, _, entropy, slope = (callable_of(e.subs(beta, 1 / warm), (h,)) for e in parts)
        with mp.workdps(DIGITS):
            a, b, far = mp.mpf(low), mp.mpf(high), mp.mpf(high + 4 * self.p / warm**2)
            below, above = max(place(b), mp.mpf(0)), place(a)

            def pair(level):
                ends = (mp.mpf(0), a), (b, far + level)
                return [
                    mp.findroot(lambda x: place(x) - level, p, solver="anderson", tol=1e-16, verify=False) for p in ends
                ]

            def gap(level):
                x, y = pair(level)
                return entropy(y) - entropy(x)

            if below == 0 and gap(below) > 0:
                reason = "the state of large overlap is the posterior already at snr = 0: T is below T_K"
                return Transition("first-order", "maxwell", "snr", status="none", reason=reason, source=SOURCE)
            for _ in range(4):
                middle = (below + above) / 2
                below, above = (below, middle) if gap(middle) > 0 else (middle, above)
            x, y = pair((below + above) / 2)
        for digits in (*[DIGITS] * 3, *[DIGITS + 10] * 2):
            with mp.workdps(digits):
                first, second = place(x) - place(y), entropy(x) - entropy(y)
                moved = (overlap(y) * first - 2 * second) / (overlap(x) - overlap(y))
                x, y = abs(x + moved / slope(x)), y + (moved + first) / slope(y)  # both fields are positive
        if abs(moved) + abs(first) > mp.mpf(10) ** -DIGITS:
            raise ArithmeticError(f"temperature: Newton's method for the Maxwell point at T = {warm} did not settle")
        found = self._on_path("first-order", "maxwell", warm, sp.Float(y, DIGITS + 10))
        small = _number(self.overlap, sp.Float(x, DIGITS + 10))
        return replace(found, others={**found.others, "q_low": small})


def _temperature(kind, object, square, status, others):
    """A record in T from T^2."""
    settle = (lambda e: sp.N(e, DIGITS)) if status == "numeric" else sp.simplify
    others, method = {name: settle(e) for name, e in others.items()}, "root" if status == "numeric" else "solved"
    return Transition(
        kind, object, "T", settle(sp.sqrt(square)), status=status, method=method, source=SOURCE, others=others
    )


def _number(expr, at):
    """An expression in h at a number, to `DIGITS`."""
    with mp.workdps(DIGITS + 10):
        return sp.Float(callable_of(expr, (h,))(mp.mpmathify(sp.N(at, DIGITS + 10))), DIGITS)


def _root(expr, low, high):
    """The zero in a bracket to `DIGITS`: a coarse root first, because digits of the means cost time."""
    coarse = root(expr, h, low, high, digits=5)
    wide = coarse * mp.mpf(10) ** -8
    with mp.workdps(DIGITS + 15):
        call = callable_of(expr, (h,))
        found = mp.findroot(call, (coarse, coarse + wide), solver="secant", tol=mp.mpf(10) ** (-2 * DIGITS - 10))
        return sp.Float(found, DIGITS + 10)


def _sign_change(expr, start=0):
    """Neighbours in the scan of fields beyond `start` between which an expression changes its sign."""
    call, before = callable_of(expr, (h,)), None
    for field in FIELDS:
        if field <= start:
            continue
        with mp.workdps(15):
            now = mp.sign(call(mp.mpf(field.p) / field.q))
        if before is not None and now != before[1]:
            return before[0], field
        before = field, now
    raise ArithmeticError(f"h: no change of sign at fields from {float(FIELDS[0])} to {float(FIELDS[-1]):g}")
