r"""Exact expectations under p_t in up to three coordinates.

    E[phi(x_t)] = sum_k w_k int phi(m_k + L_k z) N(z; 0, I) dz

Each normal component is integrated by the trapezoidal rule on [-12, 12]^d in its own standardised coordinates, which
converges exponentially for smooth integrands; nodes are doubled until two successive values agree.  The difference
of the last two is the stated error (the true one is far smaller).
"""

from __future__ import annotations

import numpy as np

from physim.kernels.scalars import compiled, law_at

REACH = 12.0
NODES = {1: (128, 8192), 2: (64, 1024), 3: (48, 128)}


class QuadratureError(ArithmeticError):
    """The nodes allowed did not reach the tolerance."""


def expectations(diffusion, quantities: dict, times, parameters=None, tolerance: float = 1e-10):
    """E[quantity(x_t, t)] under p_t for several expressions at several times.

    Parameters
    ----------
    diffusion : analytic Diffusion with at most three coordinates.
    quantities : dict from name to expression in its state, t and parameters.
    times : array of forward times.  parameters : dict from symbol (or name) to number.
    tolerance : wanted error, relative to the mean absolute value of each integrand (absolute below 1e-200).

    Returns
    -------
    xarray.Dataset over `time` with `name` and `name_error` for each quantity.

    Raises
    ------
    ValueError for more than three coordinates (use `physim.simulate` with exact draws instead) or missing
    parameters; QuadratureError when the tolerance is not reached.
    """
    import xarray as xr

    dim = len(diffusion.state)
    if dim not in NODES:
        raise ValueError(f"diffusion: {dim} coordinates; quadrature serves up to 3, reduce the model or simulate")
    given = {str(k): float(v) for k, v in (parameters or {}).items()}
    law = diffusion.forward().initial
    time_symbol = diffusion.forward().time
    letters = sorted(
        {s for e in quantities.values() for s in e.free_symbols} - set(diffusion.state) - {time_symbol},
        key=str,
    )
    missing = [str(s) for s in letters if str(s) not in given]
    if missing:
        raise ValueError(f"parameters: no value for {', '.join(missing)}")
    function = compiled(list(quantities.values()), *diffusion.state, time_symbol, *letters)
    tail = [given[str(s)] for s in letters]
    times = np.atleast_1d(np.asarray(times, dtype=float))
    values, errors = np.empty((len(quantities), len(times))), np.empty((len(quantities), len(times)))
    for i, time in enumerate(times):
        at = law_at(law, time_symbol, float(time), given)
        values[:, i], errors[:, i] = _at_one_time(function, at, dim, [float(time), *tail], tolerance)
    data = {}
    for k, name in enumerate(quantities):
        data[name], data[f"{name}_error"] = ("time", values[k]), ("time", errors[k])
    return xr.Dataset(data, {"time": times})


def _at_one_time(function, law, dim, tail, tolerance):
    nodes, most = NODES[dim]
    previous = None
    while nodes <= most:
        value, size = _trapezoid(function, law, dim, tail, nodes)
        if previous is not None:
            error = np.abs(value - previous)
            if np.all(error <= tolerance * np.maximum(size, 1e-200)):
                return value, error
        previous, nodes = value, 2 * nodes
    raise QuadratureError(
        f"tolerance: {tolerance:g} not reached at t = {tail[0]:g} with {most} nodes; error {error.max():.2g}"
    )


def _trapezoid(function, law, dim, tail, nodes):
    z = np.linspace(-REACH, REACH, nodes + 1)
    weight = np.exp(-(z**2) / 2) * (z[1] - z[0]) / np.sqrt(2 * np.pi)
    grid = np.stack([g.ravel() for g in np.meshgrid(*[z] * dim, indexing="ij")])
    mass = weight
    for _ in range(dim - 1):
        mass = np.multiply.outer(mass, weight)
    mass = mass.ravel()
    kept = mass > 1e-40
    grid, mass = grid[:, kept], mass[kept]
    total, size = 0.0, 0.0
    for w, mean, factor in zip(*law, strict=True):
        x = mean[:, None] + factor @ grid
        phi = np.stack(function(*x, *tail))
        total = total + w * (phi @ mass)
        size = size + w * (np.abs(phi) @ mass)
    return total, size
