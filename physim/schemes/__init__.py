"""Integration schemes, one file each."""

from physim.schemes.baoab import BAOAB
from physim.schemes.base import Scheme
from physim.schemes.euler_maruyama import EULER_MARUYAMA
from physim.schemes.exact_ou import EXACT_OU
from physim.schemes.exponential import ANCESTRAL, EXPONENTIAL_EULER, EXPONENTIAL_MIDPOINT
from physim.schemes.flow_heun import FLOW_HEUN
from physim.schemes.glauber import GLAUBER
from physim.schemes.mala import MALA, ULA
from physim.schemes.milstein import MILSTEIN
from physim.schemes.sra1 import SRA1
from physim.schemes.stochastic_heun import STOCHASTIC_HEUN

SCHEMES = {
    scheme.name: scheme
    for scheme in (
        EULER_MARUYAMA,
        STOCHASTIC_HEUN,
        MILSTEIN,
        SRA1,
        EXPONENTIAL_EULER,
        EXPONENTIAL_MIDPOINT,
        ANCESTRAL,
        FLOW_HEUN,
        EXACT_OU,
        BAOAB,
        GLAUBER,
        MALA,
        ULA,
    )
}

__all__ = ["SCHEMES", "Scheme"]
