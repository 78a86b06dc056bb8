r"""Data on a linear manifold: the score counts dimensions

    x_0 = F z/sqrt(L),  F: D x L of standard normals;     -sigma^2 grad s: eigenvalues sigma^2/(sigma^2 + lambda) and 1
    lambda: Marchenko-Pastur on [(1 - sqrt(D/L))^2, (1 + sqrt(D/L))^2]
    sigma^2 (div s + D/sigma^2) = sum_i lambda_i/(sigma^2 + lambda_i) = dimensions the score resolves at sigma

D = 300, L = 60. (a) Eigenvalues lambda of F F^T/L over 20 random matrices (points: histogram with the error over the
matrices) and the Marchenko-Pastur density (line). (b) Edges of the band of eigenvalues of -sigma^2 grad s against the
noise: L eigenvalues leave 1 and open the gap. (c) Number of resolved dimensions: Marchenko-Pastur (line) and the
Hutchinson estimate of the divergence of the score of one matrix, given as a function of batches like a network's
(points). (d) Estimate less the exact sum of that matrix.

The estimates at different noise are independent.

Source: Ventura, Achilli et al. 2024 (2410.05898); Marchenko & Pastur 1967.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from analytic import edm
from figures import style
from figures.report import agreement, sealed
from physim import information_of_score

STEM = "manifold_spectrum"
DIM, LATENT = 300, 60
POINTS = 22
MATRICES = 20
SEED = 20241010
EDGES = (np.sqrt(DIM / LATENT) - 1) ** 2, (np.sqrt(DIM / LATENT) + 1) ** 2


def compute(quick: bool, trajectories: int | None = None) -> xr.Dataset:
    """Spectra of random matrices and counts of dimensions from the divergence of a score function."""
    count = min(trajectories or 10_000, 400 if quick else 10_000)
    rng = np.random.default_rng(SEED)
    bins = np.linspace(0.8 * EDGES[0], 1.1 * EDGES[1], 23)
    spectra = [_eigenvalues(rng.standard_normal((DIM, LATENT))) for _ in range(MATRICES)]
    counts = np.array([np.histogram(s, bins, density=True)[0] for s in spectra])
    factor = rng.standard_normal((DIM, LATENT))
    values, vectors = np.linalg.eigh(factor @ factor.T / LATENT)
    data = rng.standard_normal((count, LATENT)) @ factor.T / np.sqrt(LATENT)
    noise = np.geomspace(0.05, 30, POINTS)

    def score(x, t):
        return -(x @ vectors / (t**2 + np.maximum(values, 0))) @ vectors.T

    found = information_of_score(score, edm(), data, noise, seed=SEED + 1)
    value, stderr = noise * found["divergence"].values, noise * found["divergence_stderr"].values
    exact = np.sum(values / (noise[:, None] ** 2 + values), axis=1)
    facts = {"dynamics": "exact draws of x_t", "observables": "divergence of a score function", "scheme": "none"}
    facts |= {
        "seed": SEED,
        "trajectories": count,
        "parameters": {"D": DIM, "L": LATENT},
        "grid": f"{POINTS} noise levels",
    }
    compared = agreement(
        (value - exact) / stderr,
        what="resolved dimensions by Hutchinson's estimate",
        errors="independent",
        step_bias=0 * noise,
    )
    curve = np.geomspace(0.03, 50, 150)
    where, density = marchenko_pastur()
    dataset = xr.Dataset(
        {
            "noise": ("point", noise),
            "value": ("point", value),
            "stderr": ("point", stderr),
            "z": ("point", (value - exact) / stderr),
            "curve_noise": ("curve", curve),
            "curve_count": (
                "curve",
                LATENT * np.trapezoid(density * where / (curve[:, None] ** 2 + where), where, axis=1),
            ),
            "band": (("edge", "curve"), [curve**2 / (curve**2 + edge) for edge in EDGES]),
            "bin": ("bins", (bins[1:] + bins[:-1]) / 2),
            "histogram": ("bins", counts.mean(axis=0)),
            "histogram_stderr": ("bins", counts.std(axis=0, ddof=1) / np.sqrt(MATRICES)),
            "eigenvalue": ("spectrum", where),
            "density": ("spectrum", density),
        }
    )
    parameters = {
        "data": f"x_0 = F z/sqrt(L), D = {DIM}, L = {LATENT}",
        "edges of the spectrum": ", ".join(f"{edge:.4f}" for edge in EDGES),
        "samples per noise level": count,
        "probes": "one Rademacher direction a sample",
    }
    return sealed(dataset, STEM, quick, parameters, [compared], [facts])


def marchenko_pastur():
    """Points between the edges and the density of the nonzero eigenvalues of F F^T/L; it integrates to one."""
    low, high = EDGES
    angle = np.linspace(0, np.pi, 2001)
    where = (low + high) / 2 - (high - low) / 2 * np.cos(angle)
    return where, np.sqrt(np.maximum((high - where) * (where - low), 0)) / (2 * np.pi * where)


def _eigenvalues(factor):
    return np.linalg.eigvalsh(factor.T @ factor / LATENT)


@style.styled
def draw(dataset: xr.Dataset):
    """Four panels: spectrum, gap, count, residuals."""
    figure = style.sheet(style.TWO_COLUMNS, 4.6)
    panels = figure.subplots(2, 2)
    first, second = style.SERIES[0], style.SERIES[1]
    style.exact(panels[0, 0], dataset["eigenvalue"], dataset["density"], first, "Marchenko-Pastur")
    bars = dataset["histogram"], dataset["histogram_stderr"]
    style.measured(panels[0, 0], dataset["bin"], *bars, second, f"{MATRICES} random matrices")
    panels[0, 0].set_xlabel("eigenvalue $\\lambda$ of the data")
    panels[0, 0].set_ylabel("density of $\\lambda$")
    panels[0, 0].legend(loc="upper right")
    panels[0, 1].fill_between(dataset["curve_noise"], *dataset["band"].values, color="#DCE9F3", linewidth=0)
    for edge in dataset["band"].values:
        panels[0, 1].plot(dataset["curve_noise"], edge, color=first["color"])
    panels[0, 1].axhline(1, color=second["color"], linewidth=1.6)
    panels[0, 1].text(0.05, 0.93, f"{DIM - LATENT} off the manifold", va="top", color=second["color"])
    panels[0, 1].text(0.05, 0.09, f"{LATENT} along it", color=first["color"])
    panels[0, 1].set_ylabel("eigenvalues of $-\\sigma^2$ grad $s$")
    panels[0, 1].set_ylim(0, 1.08)
    style.exact(panels[1, 0], dataset["curve_noise"], dataset["curve_count"], first, "Marchenko-Pastur")
    style.measured(
        panels[1, 0], dataset["noise"], dataset["value"], dataset["stderr"], second, "Hutchinson, one matrix"
    )
    style.critical(panels[1, 0], LATENT, f"$L = {LATENT}$", along="y", height=0.97, side="below")
    panels[1, 0].set_ylabel("resolved dimensions $\\sigma^2$ div $s + D$")
    panels[1, 0].set_ylim(0, 1.15 * LATENT)
    panels[1, 0].legend(loc="lower left")
    style.differences(panels[1, 1], dataset["noise"], dataset["z"], second)
    style.residuals(panels[1, 1], dataset["z"].values)
    for axes in (panels[0, 1], panels[1, 0], panels[1, 1]):
        axes.set_xscale("log")
        axes.set_xlabel("noise $\\sigma$     $\\leftarrow$ generation")
    words = ("spectrum of the data", "the gap opens", "dimensions the score resolves", "estimate less exact sum")
    for axes, mark, text in zip(panels.flat, "abcd", words, strict=True):
        style.letter(axes, mark, text)
    return figure
