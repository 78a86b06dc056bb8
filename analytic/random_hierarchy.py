r"""The random hierarchy model: mean-field belief propagation, its fixed points, the noise at which the class is lost.

A symbol of level l (v of them at each level) becomes one of its m strings of s symbols of level l - 1; the m v strings
are distinct, drawn without replacement from the v^s, so that a string has one parent.  Level L is the class, level 0
are the s^L leaves.  Let every message put p on the right symbol and the rest evenly on the v - 1 others.  Averaged over
the other m v - 1 rules (annealed: the ratio of the averages, not the average of the ratio), a parent is believed with

    F(p) = [p^s + f (m-1)/(m v-1) (1 - p^s)]/[p^s + f (1 - p^s)],     f = (m v - 1)/(v^s - 1)
    F(1) = 1,  F(1/v) = 1/v,   F'(1) = s m (v-1)/(v^s-1),   F'(1/v) = s (v-1) v^(s-1)/(m (v^s-1))

and a child, from its parent (believed with q by all that is not below it) and its s - 1 siblings, with

    T/(T + O),   T = q p^(s-1) + f u (1 - p^(s-1)),   O = f u (v - 1),   u = [(m-1) q + m (1-q)]/(m v - 1)

Both beliefs multiply.  p (F's denominator) - (F's numerator) changes sign three times in its coefficients, so beside 1
and 1/v there is exactly one more positive fixed point p*.  If F'(1) < 1 and F'(1/v) < 1 it lies between them and is
unstable: with many levels the class is known for p_0 > p* at the leaves and lost for p_0 < p*, a jump.  For s = 2,
p* = (m - 1)/(v - m).  The leaf confidence p_0 is the mean posterior probability of the right symbol given its noise:

    epsilon    1 - epsilon + epsilon/v                    every belief blurred alike, no noise drawn
    masking    1 - epsilon + epsilon/v                    a leaf is erased with probability epsilon
    uniform    (1 - e)^2 + e^2/(v - 1), e = epsilon (v - 1)/v       replaced by any symbol with probability epsilon
    Gaussian   E softmax(R e_1 + sqrt(R) z)_1,  R = alpha^2/sigma^2           x_t = alpha one-hot + sigma z

F takes all beliefs of a level for equal.  They are in the epsilon process, whose measured curves follow F; the other
noises leave some leaves known and others not, the average of the ratio is then far from the ratio of the averages, and
the class is lost at weaker noise than p* says.  `physim.hierarchy.density_evolution` keeps the fluctuations; for
v = 32, m = 8, s = 2 it finds epsilon = 0.732 for the epsilon process (p*: 0.731), but 0.27 for masking (0.731), 0.16
for uniform replacement (0.48), and a log-SNR of 1.90 for Gaussian leaves (1.27).

Sources: Cagnetta, Petrini, Tomasini, Favero & Wyart 2024 (2307.02129) for the model; Sclocchi, Favero & Wyart 2025
(2402.16991) for the diffusion, F and the transition; the downward map and the slopes are derived here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import mpmath as mp
import sympy as sp

from analytic.evaluate import root
from analytic.models.base import checked_dimension
from analytic.transition import Transition

SOURCE = "Sclocchi, Favero & Wyart 2025 (2402.16991)"
p = sp.Symbol("p", positive=True)
epsilon = sp.Symbol("epsilon", nonnegative=True)
STEP = 0.3  # of the trapezoidal rule: exp(-pi^2/step) is the error
CHANNELS = ("epsilon", "masking", "uniform")


@dataclass(frozen=True)
class RandomHierarchy:
    """The ensemble of random grammars with as many classes as symbols.

    Parameters
    ----------
    vocabulary : v >= 2, symbols at each level.  synonyms : m >= 1, strings for each symbol.
    branching : s >= 2, symbols in a string.  levels : L >= 1, or None where only the limit of many levels is asked for.
    Each may be a number or a SymPy symbol; a symbol should be declared positive.

    Raises
    ------
    ValueError for numbers out of these ranges, or more rules m v than strings v^s.
    """

    vocabulary: sp.Expr
    synonyms: sp.Expr
    branching: sp.Expr = 2
    levels: sp.Expr | None = None

    def __post_init__(self):
        for name, least in (("vocabulary", 2), ("synonyms", 1), ("branching", 2), ("levels", 1)):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, checked_dimension(value, name, least))
        rules, strings = self.vocabulary * self.synonyms, self.vocabulary**self.branching
        if (rules - strings).is_positive:
            raise ValueError(f"synonyms: {rules} rules need distinct strings, and there are only {strings} (v^s)")

    @property
    def density(self):
        """f: the share of the other v^s - 1 strings that are a rule, (m v - 1)/(v^s - 1)."""
        return _density(*self._letters)

    def upward(self, belief):
        """F(p): confidence in the parent when each of its s children is believed with p."""
        return _upward(belief, *self._letters)

    def downward(self, above, sibling):
        """Confidence in a child from its parent (believed with `above`) and its siblings (each with `sibling`)."""
        return _downward(above, sibling, *self._letters)

    def joint(self, below, above):
        """Confidence from two independent beliefs, p q/(p q + (1-p)(1-q)/(v-1))."""
        return _joint(below, above, self.vocabulary)

    @property
    def slopes(self):
        """(F'(1), F'(1/v)): the class survives a little noise when the first is below one, and is forgotten at strong
        noise when the second is."""
        v, m, s = self._letters
        return s * m * (v - 1) / (v**s - 1), s * (v - 1) * v ** (s - 1) / (m * (v**s - 1))

    @property
    def transition(self) -> Transition:
        """The critical leaf confidence p* of many levels, with the noise of each channel of symbols in `others`.

        Mean field: trust it for "epsilon"; the class is lost at weaker noise under "masking" and "uniform".
        Status exact (s = 2 or 3), numeric (s > 3), conditional (symbols, s = 2 or 3), implicit (other symbols), none.
        """
        known = {
            "kind": "jump",
            "object": "class",
            "parameter": "p",
            "condition": sp.Eq(sp.Function("F")(p), p),
            "source": SOURCE,
        }
        at_one, at_chance = self.slopes
        numbers = not (at_one.free_symbols | at_chance.free_symbols)
        if numbers and at_one >= 1:
            reason = f"F'(1) = {at_one} is not below 1: with many levels the class is lost at any noise"
            return Transition(**known, status="none", reason=reason)
        if numbers and at_chance >= 1:
            reason = f"F'(1/v) = {at_chance} is not below 1: with many levels the class is known at any noise"
            return Transition(**known, status="none", reason=reason)
        value, status = self._unstable()
        if value is None:
            reason = f"p* is a root of a polynomial of degree {self.branching - 1} in p; give numbers"
            return Transition(**known, status="implicit", reason=reason)
        if not numbers:
            status, more = "conditional", "where F'(1) < 1 and F'(1/v) < 1"
            known |= {"reason": more}
        return Transition(**known, value=value, status=status, method="fixed point", others=self._noises(value))

    def confidence(self, channel: str, noise=epsilon):
        """p_0 of a channel of symbols ("epsilon", "masking", "uniform") at a noise epsilon in [0, 1]."""
        v = self.vocabulary
        if channel not in CHANNELS:
            raise ValueError(f"channel: {channel!r} is unknown; allowed are {', '.join(CHANNELS)}, or a ForwardProcess")
        wrong = noise * (v - 1) / v
        return (1 - wrong) ** 2 + wrong**2 / (v - 1) if channel == "uniform" else 1 - wrong

    def critical_time(self, process) -> Transition:
        """The forward time at which one-hot leaves under a Gaussian process have the confidence p*: mean field.

        The class is lost earlier (module's numbers): `physim.hierarchy.critical_turn` estimates where.

        Returns
        -------
        Transition in t with log_snr, snr and p in `others`; status numeric (12 digits), or as `transition` without one.
        """
        point = self.transition
        known: dict[str, Any] = {"kind": "jump", "object": "class", "parameter": "t", "source": SOURCE}
        if point.value is None or point.value.free_symbols:
            reason = point.reason if point.value is None else "symbols without a value; give numbers"
            return Transition(**known, status=point.status if point.value is None else "implicit", reason=reason)
        snr = snr_of_confidence(float(point.value), int(self.vocabulary))
        time = sp.Float(process.time_at(sp.log(sp.Float(snr, 20))), 15)
        others = {"log_snr": math.log(snr), "snr": snr, "p": point.value}
        known |= {"reason": "mean field; the class is lost at weaker noise, see physim.hierarchy.critical_turn"}
        return Transition(**known, value=time, status="numeric", method="E softmax = p*", others=others)

    def profile(self, confidence: float, levels: int | None = None) -> list[float]:
        """Mean-field probability that a U-turn leaves a latent unchanged, at levels 0 (leaves) to L (the class).

        The confidence of the joint belief: a draw from the posterior hits the right symbol with that probability.
        """
        depth = self.levels if levels is None else levels
        if depth is None or isinstance(depth, bool) or int(depth) != depth or depth < 1:
            raise ValueError(f"levels: {depth!r} given; a whole number of at least 1 is needed, here or in the model")
        v, m, s = map(float, self._letters)
        below = [float(confidence)]
        for _ in range(int(depth)):
            below.append(_upward(below[-1], v, m, s))
        above, found = 1 / v, [below[-1]]
        for sibling in below[-2::-1]:
            above = _downward(above, sibling, v, m, s)
            found.append(_joint(sibling, above, v))
        return found[::-1]

    @property
    def _letters(self):
        return self.vocabulary, self.synonyms, self.branching

    def _unstable(self):
        """(p*, status): the fixed point beside 1 and 1/v; closed form for s = 2, 3."""
        v, m, s = self._letters
        if not s.is_number:
            return None, "implicit"
        strings = v**s - 1
        poly = sp.Poly(p * (p**s * strings + (m * v - 1) * (1 - p**s)) - p**s * strings - (m - 1) * (1 - p**s), p)
        rest = sp.Poly(sp.cancel(poly.as_expr() / ((p - 1) * (v * p - 1))), p)
        if rest.degree() <= 2:
            roots = [r for r in sp.roots(rest, multiple=True) if r.is_number is False or r > 0]
            return sp.simplify(roots[-1]), "exact"
        if rest.free_symbols_in_domain:
            return None, "implicit"
        return sp.Float(root(rest.as_expr(), p, sp.Rational(1) / v, 1, digits=25), 25), "numeric"

    def _noises(self, value):
        """epsilon at which each channel of symbols has the confidence p*."""
        v = self.vocabulary
        blurred = (1 - value) * v / (v - 1)
        wrong = (v - 1 - sp.sqrt((v - 1) * (v * value - 1))) / v
        return {"epsilon": blurred, "masking": blurred, "uniform": sp.simplify(wrong * v / (v - 1))}


def _density(v, m, s):
    return (m * v - 1) / (v**s - 1)


def _upward(belief, v, m, s):
    right, stray = belief**s, 1 - belief**s
    return (right + (m - 1) / (v**s - 1) * stray) / (right + _density(v, m, s) * stray)


def _downward(above, sibling, v, m, s):
    stray = _density(v, m, s) * ((m - 1) * above + m * (1 - above)) / (m * v - 1)
    right = above * sibling ** (s - 1) + stray * (1 - sibling ** (s - 1))
    return right / (right + stray * (v - 1))


def _joint(below, above, v):
    both = below * above
    return both / (both + (1 - below) * (1 - above) / (v - 1))


@lru_cache(maxsize=4096)
def one_hot_confidence(snr: float, vocabulary: int) -> float:
    r"""E softmax(R e_1 + sqrt(R) z)_1 over v symbols: mean posterior probability of the right one-hot symbol at SNR R.

        int_0^oo E[a e^{-ua}] phi(u)^(v-1) du,    a = e^{R + sqrt(R) z},   phi(u) = E exp(-u e^{sqrt(R) z})

    from 1/(a + b) = int_0^oo e^{-u(a+b)} du; trapezoidal rule in log u and z, relative error about 1e-13.
    ValueError for a negative SNR.
    """
    if not 0 <= snr < math.inf:
        raise ValueError(f"snr: {snr} is not a number of at least 0")
    if snr == 0 or snr > 300:  # beyond, 1 - p < v exp(-R/4)
        return 1 / vocabulary if snr == 0 else 1.0
    size = math.sqrt(snr)
    step = min(0.4, STEP / size)
    ks = range(-int(9 / step) - 1, int(9 / step) + 2)
    nodes = [(size * step * k, step * math.exp(-((step * k) ** 2) / 2) / math.sqrt(2 * math.pi)) for k in ks]
    total = 0.0
    for j in range(int((45 + 18 * size) / STEP)):
        y = STEP * j - 38 - 9 * size  # log u + R
        own = math.fsum(w * _gumbel(y + x) for x, w in nodes)
        others = math.fsum(w * math.exp(-math.exp(y + x - snr)) for x, w in nodes)
        total += own * others ** (vocabulary - 1)
    return STEP * total


def _gumbel(y):
    """a e^{-a} of a = e^y, the density of log u."""
    return math.exp(y - math.exp(y))


def snr_of_confidence(confidence: float, vocabulary: int) -> float:
    """The SNR at which one-hot leaves have a mean posterior probability in (1/v, 1), to 12 digits."""
    if not 1 / vocabulary < confidence < 1:
        raise ValueError(f"confidence: {confidence} is not between 1/v = {1 / vocabulary:g} and 1")

    def excess(level):
        return one_hot_confidence(math.exp(float(level)), vocabulary) - confidence

    low = high = math.log(1 + math.log(vocabulary))
    while excess(high) < 0:
        low, high = high, high + 1
    while excess(low) > 0:
        low, high = low - 1, low
    with mp.workdps(16):
        return math.exp(float(mp.findroot(excess, (low, high), solver="anderson", tol=1e-26, verify=False)))
