"""What is exactly true: scores, potentials and critical points of diffusions, derived by SymPy."""

from analytic.bifurcation import CriticalPoint, critical_points
from analytic.diffusion import Diffusion
from analytic.dynamics import Dynamics, heat_bath, overdamped, underdamped
from analytic.evaluate import evaluate
from analytic.models import GaussianMixture, PointMixture, SymmetricPair
from analytic.paths import first_time, path_integral, reached, running_max, site_mean, value_at, value_at_first
from analytic.processes import (
    PROCESSES,
    ForwardProcess,
    edm,
    flow_matching,
    ornstein_uhlenbeck,
    stochastic_localisation,
    sub_vp,
    variance_exploding,
    vp_cosine,
    vp_linear,
)
from analytic.symbols import t

__all__ = [
    "PROCESSES",
    "CriticalPoint",
    "Diffusion",
    "Dynamics",
    "ForwardProcess",
    "GaussianMixture",
    "PointMixture",
    "SymmetricPair",
    "critical_points",
    "edm",
    "evaluate",
    "first_time",
    "flow_matching",
    "heat_bath",
    "ornstein_uhlenbeck",
    "overdamped",
    "path_integral",
    "reached",
    "running_max",
    "site_mean",
    "stochastic_localisation",
    "sub_vp",
    "t",
    "underdamped",
    "value_at",
    "value_at_first",
    "variance_exploding",
    "vp_cosine",
    "vp_linear",
]
