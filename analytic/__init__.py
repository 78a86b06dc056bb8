"""What is exactly true: scores, potentials and critical points of diffusions, derived by SymPy."""

from analytic import branching, information, thermodynamics, two_classes
from analytic.atlas import atlas
from analytic.bifurcation import critical_points
from analytic.diffusion import Diffusion
from analytic.dynamics import Dynamics, heat_bath, overdamped, underdamped
from analytic.evaluate import evaluate
from analytic.exponents import Exponents, critical_exponents
from analytic.information import Classes
from analytic.mean_field import (
    MEAN_FIELD,
    BlumeCapel,
    CurieWeiss,
    Hopfield,
    Kuramoto,
    Landau,
    MeanField,
    PlantedPSpin,
    Potts,
    PSpin,
    RandomField,
    RetrievalPhase,
    SoftSpins,
    Spherical,
    VectorSpins,
)
from analytic.models import (
    EqualMeans,
    GaussianMixture,
    Hypersphere,
    LinearManifold,
    NestedPairs,
    PointMixture,
    Simplex,
    SymmetricPair,
    UltrametricTree,
)
from analytic.normal_form import bifurcations, symmetries
from analytic.order_dynamics import glauber, kramers_time, order_langevin, site_langevin
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
from analytic.random_hierarchy import RandomHierarchy
from analytic.site_diffusion import SiteDiffusion
from analytic.symbols import t
from analytic.transition import Transition, Transitions
from analytic.transitions import coexistence, critical_point, spinodals, tricritical_point

__all__ = [
    "MEAN_FIELD",
    "PROCESSES",
    "BlumeCapel",
    "Classes",
    "CurieWeiss",
    "Diffusion",
    "Dynamics",
    "EqualMeans",
    "Exponents",
    "ForwardProcess",
    "GaussianMixture",
    "Hopfield",
    "Hypersphere",
    "Kuramoto",
    "Landau",
    "LinearManifold",
    "MeanField",
    "NestedPairs",
    "PSpin",
    "PlantedPSpin",
    "PointMixture",
    "Potts",
    "RandomField",
    "RandomHierarchy",
    "RetrievalPhase",
    "Simplex",
    "SiteDiffusion",
    "SoftSpins",
    "Spherical",
    "SymmetricPair",
    "Transition",
    "Transitions",
    "UltrametricTree",
    "VectorSpins",
    "atlas",
    "bifurcations",
    "branching",
    "coexistence",
    "critical_exponents",
    "critical_point",
    "critical_points",
    "edm",
    "evaluate",
    "first_time",
    "flow_matching",
    "glauber",
    "heat_bath",
    "information",
    "kramers_time",
    "order_langevin",
    "ornstein_uhlenbeck",
    "overdamped",
    "path_integral",
    "reached",
    "running_max",
    "site_langevin",
    "site_mean",
    "spinodals",
    "stochastic_localisation",
    "sub_vp",
    "symmetries",
    "t",
    "thermodynamics",
    "tricritical_point",
    "two_classes",
    "underdamped",
    "value_at",
    "value_at_first",
    "variance_exploding",
    "vp_cosine",
    "vp_linear",
]
