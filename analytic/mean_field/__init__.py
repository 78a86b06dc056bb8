"""Mean-field models: exchangeable sites coupled through order parameters, one file each."""

from analytic.mean_field.base import MeanField
from analytic.mean_field.blume_capel import BlumeCapel
from analytic.mean_field.curie_weiss import CurieWeiss, PSpin
from analytic.mean_field.hopfield import Hopfield
from analytic.mean_field.kuramoto import Kuramoto
from analytic.mean_field.landau import Landau
from analytic.mean_field.measures import Density, Discrete, Sphere
from analytic.mean_field.planted_p_spin import PlantedPSpin
from analytic.mean_field.potts import Potts
from analytic.mean_field.random_field import RandomField
from analytic.mean_field.retrieval import RetrievalPhase
from analytic.mean_field.soft_spins import SoftSpins
from analytic.mean_field.vector_spins import Spherical, VectorSpins

MEAN_FIELD = {
    "curie_weiss": CurieWeiss,
    "p_spin": PSpin,
    "potts": Potts,
    "blume_capel": BlumeCapel,
    "random_field": RandomField,
    "vector_spins": VectorSpins,
    "spherical": Spherical,
    "hopfield": Hopfield,
    "soft_spins": SoftSpins,
    "landau": Landau,
}

__all__ = [
    "MEAN_FIELD",
    "BlumeCapel",
    "CurieWeiss",
    "Density",
    "Discrete",
    "Hopfield",
    "Kuramoto",
    "Landau",
    "MeanField",
    "PSpin",
    "PlantedPSpin",
    "Potts",
    "RandomField",
    "RetrievalPhase",
    "SoftSpins",
    "Sphere",
    "Spherical",
    "VectorSpins",
]
