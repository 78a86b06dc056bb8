"""Clones of mean-field spins: one site is a mixture with an exact curve; many sites obey the identity of clones."""

import numpy as np
import pytest
import sympy as sp

import analytic as an
from analytic import information, two_classes
from analytic.bessel import bessel_ratio
from analytic.symbols import t
from physim.experiments import spin_clones
from physim.experiments.spin_clones import phase_vectors
from physim.quadrature import expectations
from physim.spin_samples import balanced_labels
from tests.checks import LIMIT, agree

OU = an.ornstein_uhlenbeck()
TIMES = (0.4, 1.1)
SNR = 1 / np.expm1(2 * np.array(TIMES))


def circle(separation):
    """E A_0^2 of a unit vector of the plane seen through noise 1/separation."""
    diffusion = an.Diffusion(an.Hypersphere(2), an.edm())
    form = bessel_ratio(0, diffusion.state[0] / t**2) ** 2
    return expectations(diffusion, {"same": form}, 1 / np.sqrt(separation), None, 1e-9).same.values


def triangle(separation):
    """P(same class) of three classes of norm one."""
    diffusion = an.Diffusion(an.Simplex(3), an.edm())
    form = information.Classes(diffusion).same
    return expectations(diffusion, {"same": form}, 1 / np.sqrt(separation), None, 1e-9).same.values


@pytest.mark.parametrize(
    ("model", "exact"),
    [
        (an.CurieWeiss(beta=1), lambda snr: np.array([two_classes.same_class(float(s)) for s in snr])),
        (an.Potts(3, beta=1), lambda snr: triangle(2 * snr / 3)),
        (an.VectorSpins(2, beta=1), circle),
    ],
)
def test_a_single_site_is_a_mixture(model, exact):
    run = spin_clones(an.Diffusion(model, OU), 1, TIMES, trajectories=800, seed=3, clones=3)
    agree(run.same, run.same_stderr, exact(SNR))
    agree(run.kept, run.kept_stderr, exact(SNR))


@pytest.mark.parametrize(("model", "sites"), [(an.Hopfield(2, beta=sp.Rational(3, 2)), 32), (an.Potts(3, beta=3), 30)])
def test_clones_and_returns_agree_in_many_sites(model, sites):
    """Both overlaps rise from chance to one; they agree within the error of their difference."""
    run = spin_clones(an.Diffusion(model, OU), sites, (0.05, 1.2, 6.0), trajectories=60, seed=5)
    assert np.abs(run.z.values[1:]).max() < LIMIT
    assert run.same.values[0] > 0.95
    chance = 1 / len(model.directions)
    agree(run.same.values[2], run.same_stderr.values[2], chance)
    assert run.same.values[0] > run.same.values[1] > run.same.values[2]


def test_phases_of_configurations():
    colours = np.array([[1, 1, 2], [3, 2, 3]], dtype=np.int8)
    potts = an.Diffusion(an.Potts(3, beta=1), OU)
    assert phase_vectors(potts, colours).tolist() == [[1, 0, 0], [0, 0, 1]]
    hopfield = an.Diffusion(an.Hopfield(2, beta=1), OU)
    bits = balanced_labels(an.Hopfield(2), 8)
    for k, direction in enumerate(an.Hopfield(2).directions):
        pattern = bits @ np.array(direction, dtype=float)
        assert phase_vectors(hopfield, pattern[None].astype(np.int8), bits)[0].tolist() == np.eye(4)[k].tolist()
    vectors = np.array([[[1.0, 0], [0, 1]]])
    assert phase_vectors(an.Diffusion(an.VectorSpins(2, beta=1), OU), vectors) == pytest.approx(
        np.full((1, 2), 0.5**0.5)
    )


@pytest.mark.parametrize("change", [{"clones": 1}, {"trajectories": 1}])
def test_refusals(change):
    request = {"trajectories": 10, "seed": 1, "clones": 2} | change
    with pytest.raises(ValueError, match="a whole number of at least 2"):
        spin_clones(an.Diffusion(an.CurieWeiss(beta=1), OU), 4, [0.5], **request)
