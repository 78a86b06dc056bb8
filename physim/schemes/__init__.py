"""Integration schemes, one file each."""

from physim.schemes.base import Scheme
from physim.schemes.euler_maruyama import EULER_MARUYAMA

SCHEMES = {scheme.name: scheme for scheme in (EULER_MARUYAMA,)}

__all__ = ["SCHEMES", "Scheme"]
