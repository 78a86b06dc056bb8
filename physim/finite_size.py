r"""Exact thermodynamics of N sites, by sums over occupations in log space, to N = 10^6.

    P(n) = exp(log_multiplicity(n) + sum_x n_x log w_x - beta N e(q(n))) / Z,      q = sum_x n_x g(x)/N
    m2 = <R^2>,  m4 = <R^4>,  abs = <R>,  R = |q - q_0|/|d|  (R = |m| for one order parameter)
    binder = 1 - m4/(3 m2^2),   chi = beta N (m2 - abs^2),   c = beta^2 Var(E)/N

The multiplicity N!/prod n_x! is written as N times a relative entropy (through log1p of exact integers) plus
Stirling's remainders, so that its error stays near 1e-13 where log Gamma of large numbers would lose 1e-9.
At a continuous transition, z = N^{1/2} (T/T_c - 1) kept fixed, y = N^{1/4} m has the density exp(-a z y^2 - a_4 y^4):

    z = 0:   binder = 1 - Gamma(1/4)^4/(24 pi^2),     <|y|> = 12^{1/4} Gamma(1/2)/Gamma(1/4)   (Curie-Weiss)
"""

from __future__ import annotations

import numpy as np

STATES = 20_000_000
STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188)


def thermodynamics(model, sites, beta, parameters=None):
    """Exact moments, Binder cumulant, response and energy of N sites.

    Parameters
    ----------
    model : analytic MeanField with discrete sites.  sites : N or a sequence of them.
    beta : inverse temperature(s).  parameters : dict from symbol (or name) to number.

    Returns
    -------
    xarray.Dataset over (`sites`, `beta`): `order` = <m> along the ray, `abs`, `m2`, `m4`, `binder`, `chi`, `energy`
    per site, `specific_heat`, `log_z`.

    Raises
    ------
    ValueError for an N that does not fit the model (a multiple for quenched labels), too many occupations, a beta
    that is not positive, or a site that is not discrete.
    """
    import xarray as xr

    sizes, betas = np.atleast_1d(np.asarray(sites)), np.atleast_1d(np.asarray(beta, dtype=float))
    names = ("order", "abs", "m2", "m4", "binder", "chi", "energy", "specific_heat", "log_z")
    out = {name: np.empty((len(sizes), len(betas))) for name in names}
    for i, size in enumerate(sizes):
        for j, b in enumerate(betas):
            law = Law(model, _whole(size), float(b), parameters)
            for name, value in law.averages().items():
                out[name][i, j] = value
    coordinates = {"sites": sizes, "beta": betas}
    return xr.Dataset({name: (("sites", "beta"), values) for name, values in out.items()}, coordinates)


class Law:
    """The exact law of the order parameters of N sites at one beta.

    Attributes
    ----------
    order : (orders, states) values of q.  ray : (states) values of m.  log_weight : (states), not normalised.
    probability : (states).
    """

    def __init__(self, model, sites: int, beta: float, parameters=None):
        from physim.kernels.sites import system

        self.system = known = system(model, beta, parameters)
        self.sites = sites
        if sites % known.multiple:
            why = f"{known.name} has {known.multiple} kinds of sites in equal numbers"
            raise ValueError(f"sites: {sites} is not a multiple of {known.multiple}; {why}")
        self._check_count(known)
        order = np.zeros((len(known.origin), 1))
        ray, logs, heat = np.zeros(1), np.zeros(1), np.zeros(1)
        for group in known.groups:
            occupied = occupations(round(sites * group.share), len(group.log_weight))
            weight = log_multiplicity(occupied) + group.log_weight @ occupied
            order = _outer(order, group.order @ occupied / sites)
            ray, logs, heat = (
                _outer(a, b)
                for a, b in ((ray, group.ray @ occupied / sites), (logs, weight), (heat, group.site_energy @ occupied))
            )
        per_site = known.energy(order)
        self.order, self.ray, self.size = order, ray, known.distance(order)
        self.energy = per_site + heat / sites
        self.log_weight = logs - beta * sites * per_site
        top = self.log_weight.max()
        mass = np.exp(self.log_weight - top)
        self.log_z = top + np.log(mass.sum())
        self.probability = mass / mass.sum()

    def _check_count(self, known):
        count = 1.0
        for group in known.groups:
            n, k = round(self.sites * group.share), len(group.log_weight)
            count *= np.prod([(n + j) / j for j in range(1, k)])
        if count > STATES:
            raise ValueError(
                f"sites: {self.sites} sites of {known.name} have {count:.2g} occupations; up to {STATES:.0e} are summed"
            )

    def mean(self, values):
        """The average of an array over the states (last axis)."""
        return values @ self.probability

    def averages(self) -> dict:
        """Everything that `thermodynamics` reports."""
        beta, n, size = self.system.beta, self.sites, self.size
        first, second, fourth = (float(self.mean(size**k)) for k in (1, 2, 4))
        energy = float(self.mean(self.energy))
        return {
            "order": float(self.mean(self.ray)),
            "abs": first,
            "m2": second,
            "m4": fourth,
            "binder": 1 - fourth / (3 * second**2),
            "chi": beta * n * float(self.mean((size - first) ** 2)),
            "energy": energy,
            "specific_heat": beta**2 * n * float(self.mean((self.energy - energy) ** 2)),
            "log_z": float(self.log_z),
        }


def occupations(sites: int, values: int) -> np.ndarray:
    """All (n_1, ..., n_K) >= 0 with sum N, as integers (K, states)."""
    if values == 1:
        return np.array([[sites]])
    if values == 2:
        k = np.arange(sites + 1)
        return np.stack([k, sites - k])
    return np.concatenate(
        [
            np.concatenate([np.full((1, rest.shape[1]), k), rest])
            for k in range(sites + 1)
            for rest in [occupations(sites - k, values - 1)]
        ],
        axis=1,
    )


def log_multiplicity(occupied) -> np.ndarray:
    """log(N!/prod n_x!) - N log K, for occupations (K, states)."""
    kinds, total = len(occupied), occupied.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = (kinds * occupied - total) / np.maximum(total, 1)  # p K - 1, from exact integers
        entropy = np.where(occupied > 0, (1 + excess) / kinds * np.log1p(excess), 0.0)
    return -total * entropy.sum(axis=0) + _remainder(total) - sum(_remainder(n) for n in occupied)


def _remainder(n):
    """log n! - (n log n - n)."""
    n = np.asarray(n, dtype=float)
    small = n < 16
    table = np.array([0.0, *(np.cumsum(np.log(np.arange(1.0, 16))) - _leading(np.arange(1.0, 16)))])
    large = np.maximum(n, 16)
    series = sum(c / large ** (2 * k + 1) for k, c in enumerate(STIRLING))
    return np.where(small, table[np.minimum(n, 15).astype(int)], 0.5 * np.log(2 * np.pi * large) + series)


def _leading(n):
    return n * np.log(n) - n


def _outer(a, b):
    """Sums a_i + b_j of the last axes, flattened."""
    return (a[..., :, None] + b[..., None, :]).reshape(*a.shape[:-1], -1)


def scaling_functions(slope, quartic, z):
    """Moments of y = N^{1/4} m at z = N^{1/2} (T/T_c - 1): density exp(-slope z y^2 - quartic y^4).

    Parameters
    ----------
    slope : a, with a_2 = a (T/T_c - 1).  quartic : a_4 > 0.  z : array.

    Returns
    -------
    dict of arrays like z: `abs` = <|y|>, `m2`, `m4`, `binder`; trapezoidal rule, 1e-14.
    """
    z = np.asarray(z, dtype=float)[..., None]
    reach = np.sqrt((np.abs(slope * z).max() + np.sqrt((slope * z).max() ** 2 + 200 * quartic)) / quartic)
    y = np.linspace(0, reach, 8193)
    action = slope * z * y**2 + quartic * y**4
    weight = np.exp(-(action - action.min(axis=-1, keepdims=True)))
    weight[..., 0] /= 2
    norm = weight.sum(axis=-1)
    first, second, fourth = ((weight * y**k).sum(axis=-1) / norm for k in (1, 2, 4))
    # <|y|> is not smooth at 0: Euler-Maclaurin, h^2/12 of the slope of |y| w(y) at the origin
    step = y[1] - y[0]
    first = first + step**2 / 12 * np.exp(-(action[..., 0] - action.min(axis=-1))) / (norm * step)
    return {"abs": first, "m2": second, "m4": fourth, "binder": 1 - fourth / (3 * second**2)}


def _whole(size):
    if isinstance(size, bool | np.bool_) or int(size) != size or size < 1:
        raise ValueError(f"sites: {size!r} given; a whole number of at least 1 is needed")
    return int(size)
