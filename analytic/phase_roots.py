r"""Numbers where the transitions of a mean-field model have no closed form: roots in the field u, m = K'(u).

    slope      F'(m) = u + beta e'(m)             curvature    1 + beta e''(m) K''(u)
    gap        F(m) - F(0) = beta [e(m) - e(0)] + u m - K(u) + K(0)

The outermost minimum at u > 0 is followed through a scan of the control; the ends are polished to 25 digits.
"""

from __future__ import annotations

from functools import lru_cache

import mpmath as mp
import sympy as sp

from analytic.evaluate import callable_of
from analytic.symbols import conjugate, exact, magnetisation

m, u = magnetisation, conjugate
DIGITS = 25
SMALLEST_JUMP = 0.03  # of m: what the scan of the field resolves


@lru_cache(maxsize=64)
def _parts(model) -> dict:
    """order m(u), slope, curvature and gap as expressions in u and the model's symbols."""
    mean, cumulant, energy = model.single_site_mean, model.cumulant_function, model.ray_energy
    slope = sp.diff(energy, m)
    return {
        "order": mean,
        "slope": u + model.beta * slope.subs(m, mean),
        "curvature": 1 + model.beta * sp.diff(slope, m).subs(m, mean) * sp.diff(mean, u),
        "gap": model.beta * (energy.subs(m, mean) - energy.subs(m, 0)) + u * mean - cumulant + cumulant.subs(u, 0),
    }


def _number(value):
    """An exact number at the working precision of mpmath."""
    return mp.mpf(value.p) / value.q if value.is_Rational else mp.mpmathify(sp.N(value, mp.mp.dps))


class Branch:
    """The constrained free energy as mpmath functions of the field u and one control symbol."""

    def __init__(self, model, of, values=None):
        self.of, self.name = of, type(model).__name__
        parts = _parts(model)
        others = sorted(set().union(*(e.free_symbols for e in parts.values())) - {u, of}, key=str)
        given = {str(k): exact(v) for k, v in (values or {}).items()}
        missing = [str(s) for s in others if str(s) not in given]
        if missing:
            raise ValueError(f"values: no number for {', '.join(missing)}; give values={{{missing[0]}: ...}}")
        numbers = [given[str(s)] for s in others]

        def function(name):
            call = callable_of(parts[name], (u, of, *others))
            return lambda field, control: call(field, control, *map(_number, numbers))

        self.order, self.slope = function("order"), function("slope")
        self.curvature, self.gap = function("curvature"), function("gap")

    FIELDS = tuple(0.02 * 1.13**k for k in range(62))  # 0.02 ... 35

    def outermost(self, control):
        """The field of the outermost minimum at u > 0, or None."""
        control = mp.mpf(control)
        values = [self.slope(mp.mpf(f), control) for f in self.FIELDS]
        for k in range(len(values) - 1, 0, -1):
            if values[k] > 0 >= values[k - 1]:
                pair = (mp.mpf(self.FIELDS[k - 1]), mp.mpf(self.FIELDS[k]))
                return mp.findroot(lambda f: self.slope(f, control), pair, solver="anderson", verify=False)
        return None

    def existence(self, steps=40):
        """(low, high): no ordered minimum at low, one at high, close together."""
        return self._jumping(*self._bracket(lambda c: self.outermost(c) is not None, steps))

    def transition(self, steps=40):
        """(low, high) around the control at which the ordered minimum becomes the lower one."""

        def lower(control):
            field = self.outermost(control)
            return field is not None and self.gap(field, mp.mpf(control)) < 0

        low, high = self._bracket(lower, steps)
        return self._jumping(low, high)

    def _jumping(self, low, high):
        field = self.outermost(high)
        if field is None or self.order(field, high) < SMALLEST_JUMP:
            raise ValueError(
                f"model: the order of {self.name} grows from 0 without a jump (above {SMALLEST_JUMP}): "
                "the transition is continuous, see critical_point(model)"
            )
        return low, high

    def _bracket(self, ordered, steps):
        with mp.workdps(15):
            grid = [mp.mpf(1.35) ** k / 50 for k in range(36)]
            state = [ordered(c) for c in grid[:1]]
            low = high = None
            for k in range(1, len(grid)):
                state.append(ordered(grid[k]))
                if state[k] != state[k - 1]:
                    low, high = (grid[k - 1], grid[k]) if state[k] else (grid[k], grid[k - 1])
                    break
            if low is None:
                where = "everywhere" if state[0] else "nowhere"
                raise ValueError(
                    f"{self.of}: {self.name} is ordered {where} from {float(grid[0]):g} to {float(grid[-1]):g}"
                )
            for _ in range(steps):
                middle = (low + high) / 2
                low, high = (low, middle) if ordered(middle) else (middle, high)
                if abs(high - low) < 1e-5 * high:
                    break
            return low, high


def smallest_root(expr, of):
    """The smallest positive root in a scan, to 25 digits; None without one."""
    missing = sorted(str(s) for s in expr.free_symbols - {of})
    if missing:
        raise ValueError(f"values: no closed form in {of}; give numbers for {', '.join(missing)}")
    call = callable_of(expr, (of,))
    grid = [mp.mpf(1.35) ** k / 50 for k in range(30)]
    values = [call(g) for g in grid]
    for k in range(1, len(grid)):
        if values[k] * values[k - 1] <= 0:
            with mp.workdps(DIGITS + 15):
                found = mp.findroot(
                    call, (grid[k - 1], grid[k]), solver="anderson", tol=mp.mpf(10) ** -60, verify=False
                )
            return sp.Float(found, DIGITS)
    return None
