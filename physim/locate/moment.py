r"""Moments of an order parameter over sizes and parameters, kept by independent runs.

U4 = 1 - <m^4>/(3 <m^2>^2)  (Binder)       chi = N (<m^2> - <|m|>^2)       each with its standard error
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from physim.chains import EquilibrationError, checked, run_means, sampled

RUNS = 64


@dataclass(frozen=True)
class Moments:
    """size, parameter : (points,); means : (points, runs, 3) of |m|, m^2, m^4 in each independent run; samples.

    refusal : a sentence where chains were not equilibrated: no observable is given then, and locators answer
    "unresolved" with it.  doubt : a sentence where chains were tentative, as are locations from them.
    """

    size: np.ndarray
    parameter: np.ndarray
    means: np.ndarray = field(repr=False)
    samples: np.ndarray = field(repr=False)
    refusal: str = ""
    doubt: str = ""

    def __post_init__(self):
        if self.means.shape[1] < 4:
            raise ValueError(f"runs: {self.means.shape[1]} independent runs given; at least 4 are needed for an error")

    def observable(self, name: str):
        """(values, stderr), (points,), of "binder", "abs", "square" or "susceptibility"; ValueError for another."""
        values, covariance = self.joint((name,))
        return values[:, 0], np.sqrt(covariance[:, 0, 0])

    def joint(self, names):
        """Values (points, k) of several observables and their covariance (points, k, k), by the delta method.

        EquilibrationError where chains were refused; ValueError for an unknown name.
        """
        if self.refusal:
            raise EquilibrationError(self.refusal)
        if unknown := [name for name in names if name not in OBSERVABLES]:
            raise ValueError(f"name: {unknown[0]!r} is unknown; allowed are {', '.join(OBSERVABLES)}")
        mean, runs = self.means.mean(1), self.means.shape[1]
        rows = [np.stack(np.broadcast_arrays(*OBSERVABLES[n][1](self.size, *mean.T)), -1) for n in names]
        spread = np.einsum("prk,pok->pro", self.means - mean[:, None], np.stack(rows, 1))
        values = np.stack([OBSERVABLES[n][0](self.size, *mean.T) for n in names], -1)
        return values, np.einsum("pro,prq->poq", spread, spread) / (runs * (runs - 1))

    def resampled(self, generator) -> Moments:
        """The same with the runs of every point drawn again, with replacement."""
        runs = self.means.shape[1]
        pick = generator.integers(0, runs, self.means.shape[:2])
        return replace(self, means=np.take_along_axis(self.means, pick[:, :, None], 1))


OBSERVABLES = {
    "binder": (
        lambda n, a, b, c: 1 - c / (3 * b**2),
        lambda n, a, b, c: (0 * a, 2 * c / (3 * b**3), -1 / (3 * b**2)),
    ),
    "abs": (lambda n, a, b, c: a, lambda n, a, b, c: (1 + 0 * a, 0 * a, 0 * a)),
    "square": (lambda n, a, b, c: b, lambda n, a, b, c: (0 * a, 1 + 0 * a, 0 * a)),
    "susceptibility": (lambda n, a, b, c: n * (b - a**2), lambda n, a, b, c: (-2 * n * a, n + 0 * a, 0 * a)),
}


def moments(draw, points, seed: int, runs: int = RUNS) -> Moments:
    """Measure moments of independent samples, or of ensembles of Markov chains.

    Parameters
    ----------
    draw : (size, parameter, count, seed) -> samples of the order parameter, independent for every seed: (count,)
        independent ones, or chains as in `physim.chains`, at every point as many, equilibrated in |m|.
    points : sequence of (size, parameter, count); count is split into `runs` equal runs, at least one sample each.
    seed : whole number; point k of a call uses the seed pair (seed, k).
    """
    means, sizes, parameters, samples, refusal, doubt = [], [], [], [], "", ""
    for k, (size, parameter, count) in enumerate(points):
        each = max(1, int(count) // runs)
        drawn = sampled(draw(size, parameter, each * runs, (seed, k)), what="draw")
        m = drawn.values
        try:
            doubt = checked(drawn, {"|m|": np.abs(m)}, f"size {size:g}, parameter {parameter:.6g}") or doubt
        except EquilibrationError as error:
            refusal = refusal or str(error)
        means.append(run_means(drawn, (np.abs(m), m**2, m**4), runs))
        sizes.append(size)
        parameters.append(parameter)
        samples.append(m.size)
    if len({len(m) for m in means}) > 1:
        raise ValueError("draw: the numbers of chains differ between points; the same number is needed at all of them")
    size, parameter, mean = (np.array(a, float) for a in (sizes, parameters, means))
    return Moments(size, parameter, mean, np.array(samples), refusal, doubt)


def joined(parts) -> Moments:
    """Several measurements as one; points measured twice stay two points."""
    stacks = [np.concatenate([getattr(p, f) for p in parts]) for f in ("size", "parameter", "means", "samples")]
    refusal, doubt = (next((s for p in parts if (s := getattr(p, name))), "") for name in ("refusal", "doubt"))
    size, parameter, means, samples = stacks
    return Moments(size, parameter, means, samples, refusal, doubt)
