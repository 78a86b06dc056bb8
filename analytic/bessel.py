r"""Modified Bessel functions in the forms that do not overflow or cancel.

    log_bessel(nu, k)   = log F_nu(k),  F_nu = Gamma(nu + 1) (2/k)^nu I_nu(k) = 0F1(; nu + 1; k^2/4)
    bessel_ratio(nu, k) = A_nu(k) = I_{nu+1}(k)/I_nu(k) = d log F_nu/dk          (mean of cos angle on a sphere)
    bessel_slope(nu, k) = dA_nu/dk = 1 - (2 nu + 1) A/k - A^2

Here they are nodes with derivatives and arbitrary-precision values; physim/kernels/bessel.py is their fast form.
"""

from __future__ import annotations

import mpmath as mp
import sympy as sp

from analytic.stable import MPMATH, Stable


class log_bessel(Stable):
    """log F_nu(k), even in k and zero at k = 0."""

    nargs = 2

    @classmethod
    def eval(cls, nu, k):
        return sp.S.Zero if k.is_zero else None

    def fdiff(self, argindex=2):
        return _in_argument(self, argindex, bessel_ratio)

    def plain(self):
        nu, k = self.args
        return sp.log(sp.gamma(nu + 1) * (2 / k) ** nu * sp.besseli(nu, k))


class bessel_ratio(Stable):
    """A_nu(k)."""

    nargs = 2

    @classmethod
    def eval(cls, nu, k):
        return sp.S.Zero if k.is_zero else None

    def fdiff(self, argindex=2):
        return _in_argument(self, argindex, bessel_slope)

    def plain(self):
        nu, k = self.args
        return sp.besseli(nu + 1, k) / sp.besseli(nu, k)


class bessel_slope(Stable):
    """dA_nu/dk, 1/(2 nu + 2) at k = 0 and (nu + 1/2)/k^2 far out."""

    nargs = 2

    @classmethod
    def eval(cls, nu, k):
        return 1 / (2 * nu + 2) if k.is_zero else None

    def fdiff(self, argindex=2):
        nu, k = self.args
        if argindex != 2:
            return _in_argument(self, argindex, None)
        ratio = bessel_ratio(nu, k)
        return (2 * nu + 1) / k * (ratio / k - self) - 2 * ratio * self

    def plain(self):
        nu, k = self.args
        ratio = bessel_ratio(nu, k).plain()
        return 1 - (2 * nu + 1) / k * ratio - ratio**2


def _in_argument(node, argindex, derivative):
    if argindex != 2:
        raise TypeError(f"{type(node).__name__}: there is no derivative with respect to the order {node.args[0]}")
    return derivative(*node.args)


def _mp_log(nu, k):
    return mp.log(mp.hyp0f1(nu + 1, k**2 / 4)) if k != 0 else mp.mpf(0)


def _mp_ratio(nu, k):
    return mp.besseli(nu + 1, k) / mp.besseli(nu, k)


def _mp_slope(nu, k):
    with mp.extradps(30):
        ratio = _mp_ratio(nu, k)
        return 1 - (2 * nu + 1) / k * ratio - ratio**2


MPMATH.update({"log_bessel": _mp_log, "bessel_ratio": _mp_ratio, "bessel_slope": _mp_slope})
