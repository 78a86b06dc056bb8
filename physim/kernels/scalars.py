"""Numbers that the Python side of `physim` needs from expressions: clocks, laws of initial states, quick checks.

And `compiled`: any expression as a fast function of NumPy arrays, with the kernels' elementary functions.
"""

from __future__ import annotations

from functools import lru_cache

import mpmath as mp
import numpy as np
import sympy as sp

from analytic.evaluate import callable_of, evaluate
from analytic.symbols import exact, snr, t
from physim.kernels import module
from physim.kernels.printer import Tiers, lift_numbers, lower, statements

DIGITS = 50  # of clock conversions: a double's worth after cancelling 30 digits as t -> 0


def log_snr_at(process, times) -> np.ndarray:
    """log-SNR of a process at an array of times; nan where it has none."""
    call = callable_of(process.log_snr, (t,))
    with mp.workdps(DIGITS):
        return np.array([_finite_or_nan(call, u) for u in times])


def times_at(process, levels) -> np.ndarray:
    """Times at which the log-SNR of a process has given values."""
    closed = process.time_of_snr
    if closed is None:
        return np.array([float(process.time_at(exact(float(level)))) for level in levels])
    call = callable_of(closed, (snr,))
    with mp.workdps(DIGITS):
        return np.array([float(mp.re(call(mp.exp(mp.mpf(float(level)))))) for level in levels])


def _finite_or_nan(call, time):
    try:
        value = call(mp.mpf(float(time)))
    except (ArithmeticError, ValueError):
        return np.nan
    return float(mp.re(value))


def schedule_at(process, time: float) -> tuple[float, float, float, float]:
    """(alpha, sigma, f, g2) of a process at a time."""
    alpha, sigma, f, g2 = evaluate([process.alpha, process.sigma, process.f, process.g2], {t: float(time)}, 17)
    return float(alpha), float(sigma), float(f), float(g2)


def law_at(law, time_symbol, time: float, values) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights (K), means (K, d) and lower Cholesky factors (K, d, d) of a `Normals` at a time."""
    at = {time_symbol: time, **values}
    weights = np.array([float(evaluate(sp.sympify(w), at, 17)) for w in law.weights])
    means = np.array([[float(evaluate(sp.sympify(m), at, 17)) for m in row] for row in law.means])
    factors = []
    for covariance in law.covariances:
        matrix = mp.matrix(covariance.shape[0], covariance.shape[1])
        for i in range(matrix.rows):
            for j in range(matrix.cols):
                matrix[i, j] = evaluate(covariance[i, j], at, 30)
        factors.append(_root(matrix))
    return weights, means, np.array(factors)


def radial_at(law, values) -> tuple[float, ...]:
    """The dimension of the block behind each coordinate of a `Normals`, () where there is none."""
    return tuple(float(evaluate(sp.sympify(n), values, 17)) for n in law.radial)


def law_of_model(model, values):
    """`law_at` of p_0 of a model."""
    return law_at(model.sampling(sp.S.One, sp.S.Zero), t, 0.0, values)


def number(expr, values) -> float:
    """An expression in parameters as a number."""
    return float(evaluate(sp.sympify(expr), values, 17))


def sympified(expr, name: str) -> sp.Expr:
    """An expression given by the user; TypeError for text, which goes through `analytic.parse`."""
    if isinstance(expr, sp.MatrixBase) and expr.shape == (1, 1):
        expr = expr[0]
    try:
        return exact(expr)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name}: {expr!r} is not a SymPy expression ({error})") from None


def _root(matrix):
    """Lower Cholesky factor; of a singular covariance, the symmetric square root."""
    array = np.array(matrix.tolist(), dtype=float)
    if np.count_nonzero(array - np.diag(np.diag(array))) == 0:
        return np.diag(np.sqrt(np.diag(array)))
    values, vectors = np.linalg.eigh(array)
    if values[0] > 1e-14 * values[-1]:
        return np.linalg.cholesky(array)
    return vectors * np.sqrt(np.clip(values, 0, None)) @ vectors.T


def unfinite_at(exprs, values) -> str | None:
    """The first expression that has no finite value, as text, or None."""
    for e in exprs:
        try:
            value = evaluate(e, values, 15)
            good = mp.isfinite(value) and mp.im(value) == 0
        except (ZeroDivisionError, ValueError, OverflowError):
            good = False
        except ArithmeticError:
            good = True  # finite but slow to settle, e.g. exactly zero by cancellation
        if not good:
            return str(e)
    return None


def compiled(expr, *symbols):
    """An expression (or a sequence of them) as a function of arrays, one for each symbol, that broadcast.

    Returns an array for one expression, a tuple of arrays for a sequence; compiled once, to 1e-14 relative error
    in the tails and for t -> 0 where the expression is made of stable nodes.
    Raises ValueError when the expression has a symbol that is not an argument.
    """
    single = not isinstance(expr, list | tuple | sp.MatrixBase | sp.Tuple)
    exprs = [sp.sympify(e) for e in ([expr] if single else expr)]
    loose = set().union(*(e.free_symbols for e in exprs)) - set(symbols)
    if loose:
        raise ValueError(f"symbols: {', '.join(sorted(map(str, loose)))} in the expression is not among the arguments")
    return _compiled(tuple(exprs), symbols, single)


def summed(exprs, rows, columns):
    """Expressions f_k(row, column) contracted over the columns without an array of all pairs.

    Parameters
    ----------
    exprs : expressions.  rows, columns : their symbols, split into those of a row and those of a column.

    Returns
    -------
    function (row values (n, rows), column values (m, columns), weights (m)) -> (n, len(exprs)) of
    sum_j weights_j f_k(row, column_j); one rounding for each column, 32 partial sums folded in pairs.
    """
    exprs, symbols = tuple(sp.sympify(e) for e in exprs), (*rows, *columns)
    kernel, values = _module(_SUMMED, exprs, symbols, len(rows))

    def call(row_values, column_values, weights):
        row_values, column_values = (np.ascontiguousarray(v, dtype=float) for v in (row_values, column_values))
        out = np.empty((len(row_values), len(exprs)))
        weights = np.ascontiguousarray(weights, dtype=float)
        kernel.apply(row_values, np.ascontiguousarray(column_values.T), weights, values, out)
        return out

    return call


@lru_cache(maxsize=256)
def _module(template, exprs, symbols, rows):
    """The compiled module of a template for some expressions, and the values of their constants."""
    lanes = [sp.Symbol(f"x{i}", real=True) for i in range(len(symbols))]
    rename = dict(zip(symbols, lanes, strict=True))
    tiers = Tiers(lanes, "c")
    bodies = [tiers.split(lower(e.xreplace(rename))) for e in exprs]
    lifted, constants = lift_numbers(list(tiers.columns))
    constants_text, names = statements(lifted, "k")
    head = [f"{s.name} = constants[{i}]" for i, s in enumerate(constants)] + constants_text
    head += [f"{s.name} = {text}" for s, text in zip(tiers.columns.values(), names, strict=True)]
    lines, texts = statements(bodies)
    fixed, count = [s.name for s in tiers.columns.values()], len(texts)
    source = template.format(
        arguments=", ".join([*(s.name for s in lanes), *fixed]) or "nothing",
        lines="".join(f"    {line}\n" for line in lines),
        results=", ".join(texts) + ("," if count == 1 else ""),
        head="".join(f"    {line}\n" for line in head),
        call=", ".join([*(f"lanes[{i}, j]" for i in range(len(lanes))), *fixed]) or "0.0",
        pair=", ".join(
            [
                *(f"rows[r, {i}]" for i in range(rows)),
                *(f"columns[{i}, c]" for i in range(len(lanes) - rows)),
                *fixed,
            ]
        ),
        out=", ".join(f"out[{i}, j]" for i in range(count)) + ("," if count == 1 else ""),
        found=", ".join(f"f{i}" for i in range(count)) + ("," if count == 1 else ""),
        add="; ".join(f"sums[{i}, j] += weights[c] * f{i}" for i in range(count)),
        count=count,
    )
    kernel = module.load(module.complete(source, "An expression as a function of arrays."))
    return kernel, np.array([float(evaluate(number, digits=20)) for number in constants.values()])


@lru_cache(maxsize=256)
def _compiled(exprs, symbols, single):
    kernel, values = _module(_FUNCTION, exprs, symbols, 0)

    def call(*arrays):
        if len(arrays) != len(symbols):
            raise TypeError(f"{len(arrays)} arrays given for the {len(symbols)} symbols {', '.join(map(str, symbols))}")
        arrays = np.broadcast_arrays(*(np.asarray(a, dtype=float) for a in arrays)) if arrays else [np.zeros(())]
        shape = arrays[0].shape
        stacked = np.stack([a.ravel() for a in arrays])
        out = np.empty((len(exprs), stacked.shape[1]))
        kernel.apply(stacked, values, out)
        results = tuple(row.reshape(shape) for row in out)
        return results[0] if single else results

    return call


_FUNCTION = """@njit(forceinline=True, error_model="numpy", nogil=True)
def lane({arguments}):
{lines}    return {results}


@njit("void(float64[:, ::1], float64[::1], float64[:, ::1])", error_model="numpy", nogil=True, cache=True)
def apply(lanes, constants, out):
{head}    for j in range(lanes.shape[1]):
        {out} = lane({call})"""

_SUMMED = """@njit(forceinline=True, error_model="numpy", nogil=True)
def lane({arguments}):
{lines}    return {results}


@njit(
    "void(float64[:, ::1], float64[:, ::1], float64[::1], float64[::1], float64[:, ::1])",
    error_model="numpy", nogil=True, cache=True
)
def apply(rows, columns, weights, constants, out):
    wide_vectors()
{head}    sums, m = matrix({count}, WIDTH), columns.shape[1]
    whole = m - m % WIDTH
    for r in range(rows.shape[0]):
        sums[:] = 0.0
        for first in range(0, whole, WIDTH):
            for j in range(WIDTH):
                c = first + j
                {found} = lane({pair})
                {add}
        for c in range(whole, m):
            j = c - whole
            {found} = lane({pair})
            {add}
        for k in range({count}):
            out[r, k] = fold(sums[k])"""
