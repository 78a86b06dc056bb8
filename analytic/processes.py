r"""Forward processes: x_t = alpha(t) x_0 + sigma(t) eps, or equally dX = f(t) X dt + sqrt(g2(t)) dW.

    alpha' = f alpha            (sigma^2)' = 2 f sigma^2 + g2            SNR = alpha^2 / sigma^2

A process states one pair; the other is derived.  The log-SNR is the clock shared by all of them; each process
maps its own time to it and back.  A VP rate is called `rate` (beta is the inverse temperature).

Sources: Song et al. 2021 (2011.13456) for VP, VE and sub-VP; Nichol & Dhariwal 2021 (2102.09672) for the cosine
schedule; Karras et al. 2022 (2206.00364) for EDM; Lipman et al. 2023 (2210.02747) for flow matching; El Alaoui,
Montanari & Sellke 2022 (2203.05093) for stochastic localisation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import mpmath as mp
import sympy as sp

from analytic import symbols
from analytic.evaluate import evaluate, root
from analytic.stable import expm1, plain, stabilise
from analytic.symbols import exact, snr, t


@dataclass(frozen=True)
class ForwardProcess:
    """A Gaussian forward process, stated by its schedule: ForwardProcess(alpha=exp(-t), sigma=sqrt(1-exp(-2*t))).

    Parameters
    ----------
    alpha, sigma : expressions in the forward time `analytic.t`, positive inside the span.
    span : (start, end) of forward time; `end` may be oo.
    name : a word for tables and provenance.

    Attributes
    ----------
    f, g2 : drift rate and squared diffusion coefficient, derived.
    snr, log_snr : signal-to-noise ratio alpha^2/sigma^2 and its logarithm.

    Raises
    ------
    ValueError when the signal-to-noise ratio does not fall with time somewhere in the span.
    """

    alpha: sp.Expr
    sigma: sp.Expr
    span: tuple = (sp.S.Zero, sp.oo)
    name: str = "custom"
    f: sp.Expr = field(default=None, repr=False)
    g2: sp.Expr = field(default=None, repr=False)

    def __post_init__(self):
        put = object.__setattr__
        for letter in ("alpha", "sigma"):
            put(self, letter, stabilise(_in_time(getattr(self, letter), letter)))
        put(self, "span", tuple(sp.sympify(end) for end in self.span))
        if self.f is None:
            put(self, "f", sp.simplify(sp.diff(sp.log(plain(self.alpha)), t)))
        if self.g2 is None:
            variance = plain(self.sigma) ** 2
            put(self, "g2", stabilise(sp.simplify(sp.diff(variance, t) - 2 * self.f * variance)))
        _check_snr_falls(self)

    @classmethod
    def from_sde(cls, f, g2, span=(0, sp.oo), name="custom"):
        """The process dX = f X dt + sqrt(g2) dW started at t = 0, alpha and sigma found by integration.

        Raises ValueError when SymPy finds no closed form: state alpha and sigma instead.
        """
        f, g2 = _in_time(f, "f"), _in_time(g2, "g2")
        s = sp.Symbol("s", positive=True)
        growth = sp.integrate(f.subs(t, s), (s, 0, t))
        noise = sp.integrate(sp.simplify(g2.subs(t, s) * sp.exp(-2 * growth.subs(t, s))), (s, 0, t))
        if growth.has(sp.Integral) or noise.has(sp.Integral):
            raise ValueError(f"f, g2: no closed form of the integrals of f = {f}, g2 = {g2}; state alpha and sigma")
        variance = sp.simplify(sp.exp(2 * growth) * noise)
        return cls(sp.exp(growth), sp.sqrt(sp.expand(variance)), span=span, name=name, f=f, g2=g2)

    @cached_property
    def snr(self) -> sp.Expr:
        """alpha^2 / sigma^2."""
        return self.alpha**2 / self.sigma**2

    @cached_property
    def log_snr(self) -> sp.Expr:
        """log(alpha^2 / sigma^2), the clock shared by all processes."""
        return 2 * _log(self.alpha) - 2 * _log(self.sigma)

    @cached_property
    def time_of_snr(self) -> sp.Expr | None:
        """Time as a closed form in the signal-to-noise ratio `symbols.snr`, or None where SymPy finds none."""
        return _path(plain(self.alpha), plain(self.sigma), self.span)[1]

    def time_at(self, log_snr):
        """The time at which the log-SNR has a given value, exactly inverse to `log_snr`.

        An expression gives an expression (NotImplementedError where there is no closed form); a number gives an
        mpmath number, from the closed form or else from a bracketed root.  ValueError outside the span.
        """
        value = log_snr if isinstance(log_snr, sp.Basic) else exact(log_snr)
        closed = self.time_of_snr
        if closed is not None:
            time = closed.subs(snr, sp.exp(value))
            return sp.simplify(time) if value.free_symbols else self._inside(evaluate(time, digits=25), value)
        if value.free_symbols:
            raise NotImplementedError(f"log_snr: {self.name} has no closed-form inverse; give a number")
        low, high = self._bracket(value)
        return root(self.log_snr - value, t, low, high, digits=25)

    def _inside(self, time, value):
        start, end = self.span
        if abs(mp.im(time)) > 0 or not start < sp.Float(mp.re(time), 25) < end:
            raise ValueError(f"log_snr: {value} is not reached by {self.name} inside its span {self.span}")
        return time

    def _bracket(self, value):
        start, end = self.span
        width = end - start if end.is_finite else sp.Integer(1)
        for power in range(2, 300, 4):
            low = start + width * sp.Rational(1, 2**power)
            high = end - width * sp.Rational(1, 2**power) if end.is_finite else start + 2**power
            at_low, at_high = (evaluate(self.log_snr, {t: u}, 20) for u in (low, high))
            if at_high < evaluate(value, digits=20) < at_low:
                return low, high
        raise ValueError(f"log_snr: {value} is not reached by {self.name} inside its span {self.span}")

    @cached_property
    def alpha2_of_snr(self) -> sp.Expr | None:
        """alpha^2 as a function of the signal-to-noise ratio R: the path, whatever its clock (None if unknown)."""
        amplitude = _path(plain(self.alpha), plain(self.sigma), self.span)[0]
        return None if amplitude is None else sp.simplify(amplitude**2)

    def put_into(self, expr):
        """Replace the letters alpha, sigma, f, g2 of an expression by this process's functions of time."""
        return expr.subs({symbols.sigma: self.sigma, symbols.alpha: self.alpha, symbols.f: self.f, symbols.g2: self.g2})

    def _repr_latex_(self):
        return (
            rf"$\alpha = {sp.latex(self.alpha)},\quad \sigma = {sp.latex(self.sigma)},\quad "
            rf"f = {sp.latex(self.f)},\quad g^2 = {sp.latex(self.g2)}$"
        )


def _in_time(expr, letter):
    """The expression with any symbol called t read as the forward time; refuses functions of other letters' clocks."""
    expr = exact(expr)
    return expr.xreplace({s: t for s in expr.free_symbols if s.name == "t"})


def _check_snr_falls(process):
    free = (process.alpha.free_symbols | process.sigma.free_symbols) - {t}
    if free:
        return
    start, end = (float(e) if e.is_finite else None for e in process.span)
    points = (
        [start + (end - start) * k / 8 for k in range(1, 8)]
        if end is not None
        else [start + 2.0**k for k in range(-5, 3)]
    )
    for point in points:
        if evaluate(sp.diff(process.log_snr, t), {t: point}, 15) >= 0:
            raise ValueError(
                f"alpha, sigma: the signal-to-noise ratio of a forward process must fall, not so at t = {point:g}"
            )


SIMPLE = 20  # operations: a longer inverse is no closed form anyone would use


@lru_cache(maxsize=64)
def _path(alpha, sigma, span):
    """(alpha(R), t(R)) with R the signal-to-noise ratio, or (None, None): the schedule without its clock.

    Where alpha moves, t is first eliminated in favour of alpha: sigma^2 as a function of a = alpha, then
    a^2 = R sigma(a)^2.  Each candidate must give back the time of two probes to 15 digits.
    """
    try:
        log_alpha = sp.expand_log(sp.log(alpha), force=True)
        if log_alpha == 0:
            candidates = [
                (sp.S.One, time) for time in sp.solve(alpha**2 - snr * sigma**2, t) if sp.count_ops(time) < SIMPLE
            ]
        else:
            level, (a, root_snr) = sp.Symbol("L", negative=True), sp.symbols("a q", positive=True)
            candidates = []
            for time in sp.solve(log_alpha - level, t):
                if sp.count_ops(time) > SIMPLE:
                    continue
                variance = (sigma**2).subs(t, time).replace(sp.exp, lambda u: sp.exp(sp.expand(u)))
                variance = sp.trigsimp(variance).subs(level, sp.log(a))
                if not variance.is_algebraic_expr(a):
                    continue
                for amplitude in sp.solve(a**2 - root_snr**2 * variance, a):
                    amplitude = sp.cancel(amplitude).subs(root_snr, sp.sqrt(snr))
                    candidates.append((amplitude, time.subs(level, _log(amplitude))))
    except NotImplementedError:
        return None, None
    for amplitude, time in candidates:
        if _gives_back_time(time, (alpha / sigma) ** 2, span):
            return amplitude, time
    return None, None


def _gives_back_time(time, ratio, span):
    values = {s: sp.Rational(7 + 3 * i, 5) for i, s in enumerate(sorted(ratio.free_symbols - {t}, key=str))}
    start, end = span
    width = end - start if end.is_finite else 3
    probes = [start + width * sp.Rational(k, 7) for k in (2, 6)]
    return all(abs(sp.N((time.subs(snr, ratio.subs(t, p)) - p).subs(values), 30)) < 1e-15 for p in probes)


def _log(expr):
    """log of a positive expression, with powers, products and exponentials opened."""
    if isinstance(expr, sp.exp):
        return expr.args[0]
    if expr.is_Pow:
        return expr.exp * _log(expr.base)
    if expr.is_Mul and all(a.is_positive for a in expr.args):
        return sp.Add(*map(_log, expr.args))
    return sp.log(expr)


def ornstein_uhlenbeck() -> ForwardProcess:
    """VP in its natural clock: f = -1, g2 = 2, alpha = exp(-t), sigma^2 = 1 - exp(-2t)."""
    return ForwardProcess(sp.exp(-t), sp.sqrt(1 - sp.exp(-2 * t)), name="ornstein_uhlenbeck")


def vp_linear(rate_min=0.1, rate_max=20) -> ForwardProcess:
    """VP with a rate growing linearly on [0, 1]: f = -rate/2, g2 = rate (Song et al. 2021)."""
    low, high = exact(rate_min), exact(rate_max)
    total = low * t + (high - low) * t**2 / 2
    alpha, sigma = sp.exp(-total / 2), sp.sqrt(-expm1(-total))
    return ForwardProcess(alpha, sigma, span=(0, 1), name="vp_linear")


def vp_cosine() -> ForwardProcess:
    """VP with alpha = cos(pi t/2), sigma = sin(pi t/2) on (0, 1) (Nichol & Dhariwal 2021, without their offset)."""
    return ForwardProcess(sp.cos(sp.pi * t / 2), sp.sin(sp.pi * t / 2), span=(0, 1), name="vp_cosine")


def sub_vp(rate_min=0.1, rate_max=20) -> ForwardProcess:
    """Sub-VP: alpha of the linear VP, sigma = 1 - alpha^2 (Song et al. 2021)."""
    low, high = exact(rate_min), exact(rate_max)
    total = low * t + (high - low) * t**2 / 2
    return ForwardProcess(sp.exp(-total / 2), -expm1(-total), span=(0, 1), name="sub_vp")


def variance_exploding() -> ForwardProcess:
    """VE in its natural clock: dX = dW, alpha = 1, sigma^2 = t."""
    return ForwardProcess(sp.S.One, sp.sqrt(t), name="variance_exploding")


def edm() -> ForwardProcess:
    """EDM: alpha = 1, sigma = t (Karras et al. 2022)."""
    return ForwardProcess(sp.S.One, t, name="edm")


def flow_matching() -> ForwardProcess:
    """Linear interpolant: alpha = 1 - t, sigma = t on (0, 1) (Lipman et al. 2023)."""
    return ForwardProcess(1 - t, t, span=(0, 1), name="flow_matching")


def stochastic_localisation() -> ForwardProcess:
    """Stochastic localisation Y_s = s x_0 + W_s in the forward time t = 1/s: alpha = 1/t, sigma^2 = 1/t."""
    return ForwardProcess(1 / t, 1 / sp.sqrt(t), name="stochastic_localisation")


PROCESSES = {
    make.__name__: make
    for make in (
        ornstein_uhlenbeck,
        vp_linear,
        vp_cosine,
        sub_vp,
        variance_exploding,
        edm,
        flow_matching,
        stochastic_localisation,
    )
}
