r"""Information dynamics: entropies along a path, as expressions whose average under p_t is the ensemble quantity.

    H[x_0|x_t] = E h,     h(x) = H[x_0|x_t=x]  (pathwise posterior entropy);   -log p(x_0|x_t)  (information content)
    dH[x_0|x_t]/dt = E b,   b = (g2 alpha^2/2 sigma^4) tr C                                          (local bandwidth)
    dh   = -b ds  + (g alpha/sigma^2) Cov_{x0|x}(-log p(x0|x), x0) . dW          along the reverse SDE   (identity 6)
    dh_c = -b_c ds + noise_c . dW,   b_c = (g2/2) sum_c P_c |s_c - s|^2,   noise_c = -g sum_c P_c log P_c (s_c - s)
    dVar[h]/ds = E|noise|^2 - 2 Cov(h, b)                                                                (identity 7)

A partition groups the components of the model into classes c: P_c = sum_{k in c} p_k, s_c = grad log p_t(x|c).  It is a
sequence of groups of component numbers, each number in exactly one group; None is the finest, one class a component.
Sources: Stancevic & Ambrogioni 2026 (2508.19897); Kong et al. 2023 (2302.03792) for the pointwise I-MMSE relation.
"""

from __future__ import annotations

import sympy as sp

from analytic.diffusion import Diffusion
from analytic.models.base import Normals
from analytic.paths import value_at_first
from analytic.stable import logsumexp, softmax, softmax_covariance, softmax_mean, surprisal
from analytic.symbols import alpha, coordinates, exact, f, g2, sigma, t


def checked_partition(partition, count: int) -> tuple[tuple[int, ...], ...]:
    """Groups of component numbers; None is one group a component.

    ValueError, naming what is missing or repeated, unless each number 0 .. count - 1 stands in exactly one group.
    """
    if partition is None:
        return tuple((k,) for k in range(count))
    groups = tuple(tuple(group) if hasattr(group, "__iter__") else (group,) for group in partition)
    numbers = [k for group in groups for k in group]
    allowed = f"each of the components 0 to {count - 1} must stand in exactly one group"
    strange = [k for k in numbers if isinstance(k, bool) or not isinstance(k, int) or not 0 <= k < count]
    if strange:
        raise ValueError(f"partition: {strange[0]!r} is not a component; {allowed}")
    twice = sorted({k for k in numbers if numbers.count(k) > 1})
    if twice:
        raise ValueError(f"partition: component {twice[0]} stands in more than one group; {allowed}")
    missing = sorted(set(range(count)) - set(numbers))
    if missing:
        raise ValueError(f"partition: component {missing[0]} is in no group; {allowed}")
    if not all(groups):
        raise ValueError(f"partition: group {groups.index(())} is empty; {allowed}")
    return groups


class Classes:
    """The classes of a partition under a diffusion: posterior, entropy, bandwidth and martingale coefficient.

    Parameters
    ----------
    diffusion : analytic Diffusion.  partition : groups of component numbers, or None for the finest.

    Raises
    ------
    ValueError for a partition that is none.
    """

    def __init__(self, diffusion: Diffusion, partition=None):
        parts = diffusion._components
        self.diffusion, self.partition = diffusion, checked_partition(partition, len(parts))
        self._logs = tuple(logsumexp([parts[k] for k in group]) for group in self.partition)
        self._gradients = [[sp.diff(l, x) for l in self._logs] for x in diffusion.state]

    @property
    def _surprisals(self):
        return [surprisal(c, self._logs) for c in range(len(self._logs))]

    @property
    def posterior(self):
        """(P_1, P_2, ...): probability of each class given x_t = x."""
        return tuple(self.diffusion._put(softmax(c, self._logs)) for c in range(len(self._logs)))

    @property
    def prior(self):
        """(w_1, w_2, ...): weight of each class."""
        weights = self.diffusion.model.sampling(alpha, sigma).weights
        return tuple(sp.Add(*(weights[k] for k in group)) for group in self.partition)

    @property
    def entropy(self):
        """h_c(x) = H[c|x_t=x] in nats; its mean is the class entropy."""
        terms = [softmax(c, self._logs) * u for c, u in enumerate(self._surprisals)]
        return self.diffusion._put(sp.Add(*terms))

    @property
    def prior_entropy(self):
        """H[c] in nats."""
        return sp.Add(*(-w * sp.log(w) for w in self.prior))

    @property
    def information(self):
        """H[c] - h_c(x), whose mean is the mutual information I(c; x_t)."""
        return self.prior_entropy - self.entropy

    @property
    def bandwidth(self):
        """b_c(x, t) >= 0, whose mean is dH[c|x_t]/dt."""
        spread = sp.Add(*(softmax_covariance(self._logs, grad, grad) for grad in self._gradients))
        return self.diffusion._put(g2 / 2 * spread)

    @property
    def noise(self):
        """The coefficient of dW in dh_c, d x 1: -g sum_c P_c log P_c (s_c - s)."""
        rows = [softmax_covariance(self._logs, self._surprisals, grad) for grad in self._gradients]
        return self.diffusion._put(sp.sqrt(g2) * sp.Matrix(rows))

    @property
    def same(self):
        """sum_c P_c^2, whose mean is the probability that two clones of one x_t end in the same class."""
        return self.diffusion._put(sp.Add(*(softmax(c, self._logs) ** 2 for c in range(len(self._logs)))))


def variance_law(classes: Classes) -> dict:
    """Integrands of dVar[h_c]/ds = E[noise^2] - 2 (E[h b] - E[h] E[b]): h, b, hb and noise_square."""
    h, b, noise = classes.entropy, classes.bandwidth, classes.noise
    return {"h": h, "b": b, "hb": h * b, "noise_square": (noise.T * noise)[0]}


def entropy_rates(diffusion: Diffusion) -> dict:
    """The four integrands of dH[x_0|x_t]/dt: bandwidth, divergence, score, snr (their means agree, identity 3)."""
    dim = diffusion.model.dim
    return {
        "bandwidth": diffusion.local_bandwidth,
        "divergence": diffusion._put(g2 / 2 * dim / sigma**2) + diffusion._put(g2 / 2) * diffusion.score_divergence,
        "score": diffusion._put(g2 / 2) * (diffusion._put(dim / sigma**2) - diffusion.score_square),
        "snr": -snr_rate(diffusion) / 2 * diffusion.total_posterior_variance,
    }


def snr_rate(diffusion: Diffusion):
    """dSNR/dt = 2 SNR (alpha'/alpha - sigma'/sigma), from alpha' = f alpha and (sigma^2)' = 2 f sigma^2 + g2."""
    slope = 2 * alpha**2 / sigma**2 * (f - (2 * f * sigma**2 + g2) / (2 * sigma**2))
    return diffusion._put(sp.expand(slope))


def marginal_entropy(diffusion: Diffusion):
    """-log p_t(x) (rest dimensions by their entropy), whose mean is H[x_t]."""
    rest = diffusion._over_rests(lambda v: sp.log(2 * sp.pi * sp.E * (sigma**2 + alpha**2 * v)) / 2)
    return -diffusion.log_density + diffusion._put(rest)


def marginal_entropy_rates(diffusion: Diffusion) -> dict:
    """Two integrands of dH[x_t]/dt (identity 2): D f - (g2/2) div s and D f + (g2/2)|s|^2."""
    free = diffusion._put(diffusion.model.dim * f)
    half = diffusion._put(g2 / 2)
    return {"divergence": free - half * diffusion.score_divergence, "score": free + half * diffusion.score_square}


def mutual_information(diffusion: Diffusion):
    """-log p_t(x) - (D/2) log(2 pi e sigma^2), whose mean is I(x_0; x_t) in nats."""
    given = diffusion._put(diffusion.model.dim * sp.log(2 * sp.pi * sp.E * sigma**2) / 2)
    return marginal_entropy(diffusion) - given


def data_symbols(diffusion: Diffusion) -> tuple[sp.Symbol, ...]:
    """Symbols of x_0 beside those of x_t: (y,) or (y1, ..., yd)."""
    return coordinates(len(diffusion.state), "y")


def information_content(diffusion: Diffusion):
    """-log p(x_0|x_t) for x_0 = y and x_t = x: log p_t(x) - log p_0(y) - log N(x; alpha y, sigma^2 I).

    For points, whose p_0 has no density, a tuple: -log p_k(x) for each point k.  Over the state's coordinates only.
    Its mean along joint paths is H[x_0|x_t], its variance the varentropy; h_t(x) is its mean at fixed x_t = x.
    """
    _no_radial(diffusion)
    if _is_points(diffusion.model):
        parts = diffusion._components
        return tuple(diffusion._put(surprisal(k, parts)) for k in range(len(parts)))
    y = data_symbols(diffusion)
    data = logsumexp(diffusion.model.log_components(sp.S.One, sp.S.Zero))
    data = data.xreplace(dict(zip(diffusion.state, y, strict=True)))
    kernel = [(x - alpha * u) ** 2 / sigma**2 / 2 for x, u in zip(diffusion.state, y, strict=True)]
    kernel = sp.Add(*kernel) + len(y) * sp.log(2 * sp.pi * sigma**2) / 2
    return diffusion.log_density - data + diffusion._put(kernel)


def posterior_law(diffusion: Diffusion) -> Normals:
    """The law of x_0 given x_t = x: a mixture of normals with weights p_k(x), in the state's coordinates."""
    _no_radial(diffusion)
    law = diffusion.model.sampling(alpha, sigma)
    means, covariances = [], []
    for grad in diffusion._gradients:
        mean = [(x + sigma**2 * g) / alpha for x, g in zip(diffusion.state, grad, strict=True)]
        hessian = sp.Matrix([[sp.diff(g, x) for x in diffusion.state] for g in grad])
        inner = (sp.eye(len(grad)) + sigma**2 * hessian) * sigma**2 / alpha**2
        means.append(tuple(diffusion._put(sp.factor(m)) for m in mean))
        covariances.append(sp.ImmutableMatrix(diffusion._put(inner.applyfunc(sp.factor))))
    return Normals(tuple(diffusion.class_posterior), tuple(means), tuple(covariances), law.radial)


def posterior_entropy(diffusion: Diffusion, overlap=None):
    """h_t(x) = H[x_0|x_t=x] = H[c|x] + sum_k p_k (1/2) log det(2 pi e Sigma_k) - E[H[c|x_0] | x].

    Dimensions in which the data have no width count as discrete (points: h_t is the class entropy).

    Parameters
    ----------
    overlap : expression for the last term, which has no closed form when the classes overlap at t = 0; None where
        it vanishes: a single class, or points.

    Raises
    ------
    ValueError when the classes may overlap and no overlap is given (0 neglects it; `class_overlap` and
    `physim.quadrature.posterior_expectations` give it).
    """
    points = _is_points(diffusion.model)
    if overlap is None and not points and len(diffusion._components) > 1:
        raise ValueError(
            "overlap: the classes may overlap at t = 0; give E[H[c|x_0]|x] (quadrature.posterior_expectations of "
            "class_overlap), or 0 to neglect it"
        )
    rest = diffusion._over_rests(lambda v: 0 if v == 0 else sp.log(2 * sp.pi * sp.E * _width(v)) / 2)
    total = Classes(diffusion).entropy + diffusion._put(rest) - (overlap or 0)
    if points:
        return total
    volumes = [sp.log((2 * sp.pi * sp.E) ** c.shape[0] * c.det()) / 2 for c in posterior_law(diffusion).covariances]
    return total + softmax_mean(diffusion.log_components, volumes)


def class_overlap(diffusion: Diffusion):
    """H[c|x_0] as an expression in the symbols of x_0 (`data_symbols`)."""
    parts = diffusion.model.log_components(sp.S.One, sp.S.Zero)
    terms = [softmax(k, parts) * surprisal(k, parts) for k in range(len(parts))]
    return sp.Add(*terms).xreplace(dict(zip(diffusion.state, data_symbols(diffusion), strict=True)))


def pointwise_error(diffusion: Diffusion):
    """|y - xhat(x)|^2 for x_0 = y: averaged over x = alpha y + sigma eps, the pointwise mmse(y, SNR), with

    -log p_0(y) = (D/2) log(2 pi e) - (1/2) int_0^oo [D/(1 + R) - mmse(y, R)] dR      (I-MMSE, point by point).
    """
    _no_radial(diffusion)
    pairs = zip(data_symbols(diffusion), diffusion.posterior_mean, strict=True)
    return sp.Add(*((y - mean) ** 2 for y, mean in pairs))


def _width(v):
    return sigma**2 * v / (sigma**2 + alpha**2 * v)


def _is_points(model):
    return all(c.is_zero_matrix for c in model.sampling(sp.S.One, sp.S.Zero).covariances)


def _no_radial(diffusion):
    if diffusion.model.radial:
        radial = ", ".join(map(str, diffusion.model.radial))
        raise ValueError(f"diffusion: x_0 is a vector, but the state has the norm {radial}; use a model in coordinates")


def commitment(classes: Classes, delta) -> dict:
    """Observables of the first time at which the largest class posterior reaches 1 - delta (path functionals).

    reached (0 or 1); when, the forward time; doubt = 1 - P at that time (delta in continuous time, less on a grid);
    reverted = 1 - P now of the class committed to: its mean equals that of doubt at all later times (identity 9).
    All are zero before.
    """
    delta = exact(delta)
    if delta.is_number and not 0 < delta < sp.S.Half:
        raise ValueError(f"delta: {delta} is not between 0 and 1/2")
    posterior = classes.posterior
    top = sp.Max(*posterior)
    condition = top - (1 - delta)
    hit = [value_at_first(condition, sp.Piecewise((sp.S.One, p >= top), (sp.S.Zero, True))) for p in posterior]
    return {
        "reached": value_at_first(condition, sp.S.One),
        "when": value_at_first(condition, t),
        "doubt": value_at_first(condition, 1 - top),
        "reverted": sp.Add(*(committed * (1 - p) for committed, p in zip(hit, posterior, strict=True))),
    }
