"""Reading numbers out of drawn figures, and references that share no code with the library (mpmath, SciPy)."""

from itertools import pairwise

import mpmath as mp
import numpy as np
from scipy import integrate, stats


def panel(figure, letter):
    """The axes of a panel by its letter."""
    (axes,) = [a for a in figure.axes if a.get_title(loc="left").startswith(f"({letter})")]
    return axes


def curves(axes):
    """The drawn lines that are curves: more than two points and no marker."""
    return [line.get_xydata() for line in axes.lines if len(line.get_xydata()) > 2 and line.get_marker() == "None"]


def bars(axes):
    """(x, y, stderr) of every set of points with error bars."""
    out = []
    for points, _, (segments,) in axes.containers:
        ends = np.array(segments.get_segments())
        out.append((*points.get_xydata().T, (ends[:, 1, 1] - ends[:, 0, 1]) / 2))
    return out


def reference(function, separation):
    """E function(p) over log-odds N(2 Lambda, 4 Lambda) of the true class, by mpmath."""

    def integrand(z):
        odds = 2 * separation + 2 * mp.sqrt(separation) * z
        return function(1 / (1 + mp.exp(-odds)), 1 / (1 + mp.exp(odds))) * mp.npdf(z)

    return mp.quad(integrand, [-10, -4, 0, 4, 10])


def entropy(p, q):
    """Binary entropy."""
    return -p * mp.log(p) - q * mp.log(q)


def mixture_mmse(level, variance=0.0025):
    """mmse of x_0 given sqrt(R) x_0 + noise by adaptive quadrature, for the mixture of the bandwidth figure."""
    means, weights = np.array([-2.0, 1.3, 2.1]), np.array([0.5, 0.25, 0.25])
    root = np.exp(level / 2)
    spread = np.sqrt(1 + root**2 * variance)

    def explained(y):
        parts = weights * stats.norm.pdf(y, root * means, spread)
        inner = means + root * variance / spread**2 * (y - root * means)
        return (parts @ inner) ** 2 / parts.sum() if parts.sum() > 0 else 0.0

    ends = np.sort(np.concatenate([root * means + s * spread for s in (-10, -3, 0, 3, 10)]))
    return weights @ (means**2 + variance) - sum(
        integrate.quad(explained, a, b, epsabs=1e-12, epsrel=1e-10)[0] for a, b in pairwise(ends)
    )
