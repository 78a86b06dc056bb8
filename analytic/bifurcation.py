r"""Critical points of a diffusion's potentials, in symbols.

For two classes at +-m, with J the eigenvalue of grad s along m at the symmetric point:

    density             J = 0                   <=>  Lambda = 1, for every process and sampler
    reverse_sde         -f + g2 J = 0           the drift of the reverse SDE changes sign
    probability_flow    -f + (g2/2) J = 0       the same for the flow
    spectral            alpha^2 (top eigenvalue of Cov[x_0]) = 1        (Biroli et al. 2024)

Divided by g2 each is a condition on (alpha, sigma) alone, since f/g2 = -(alpha^2/sigma^4) d log(alpha)/d SNR: the
clock drops out.  It is solved for the signal-to-noise ratio R, and the process turns R into its time.
Sources: Raya & Ambrogioni 2023 (2305.19693); Biroli, Bonnaire, de Bortoli & Mezard 2024 (2402.18491).
"""

from __future__ import annotations

import sympy as sp

from analytic.diffusion import Diffusion
from analytic.evaluate import evaluate, root
from analytic.models import SymmetricPair
from analytic.processes import ForwardProcess
from analytic.stable import plain
from analytic.symbols import alpha, f, g2, sigma, snr, t
from analytic.transition import Transition, Transitions

CONDITIONS = (
    ("density", "pitchfork", "theory: sign change of grad s, every process"),
    ("reverse_sde", "pitchfork", "Raya & Ambrogioni 2023 (2305.19693)"),
    ("probability_flow", "pitchfork", "Raya & Ambrogioni 2023 (2305.19693)"),
    ("spectral", "crossover", "Biroli et al. 2024 (2402.18491)"),
)


amplitude = sp.Symbol("q", positive=True)
SCAN = tuple(sp.Rational(k, 4) + sp.Rational(1, 97) for k in range(-40, 41))  # off the round values where roots lie


SPREADS = tuple(sp.Rational(n, 20) for n in (45, 20, 13, 10, 8, 4))  # values of the first symbol that are tried


def critical_points(model: SymmetricPair, process: ForwardProcess) -> Transitions:
    """The four critical conditions of two equally weighted classes, solved for the signal-to-noise ratio and time.

    Parameters
    ----------
    model : SymmetricPair of weight 1/2, whose parameters may be symbols.  process : any forward process.

    Raises
    ------
    TypeError for another model; ValueError for unequal weights (the pitchfork unfolds into a saddle-node).
    """
    if not isinstance(model, SymmetricPair):
        raise TypeError(f"model: critical points are known for SymmetricPair, not for {type(model).__name__}")
    if model.weight != sp.S.Half:
        raise ValueError(f"weight: {model.weight} breaks the symmetry, no pitchfork is left; 1/2 is needed")
    return Transitions(_critical(model, process, *row) for row in CONDITIONS)


def separation(model: SymmetricPair) -> sp.Expr:
    """Lambda = alpha^2 |m|^2 / (sigma^2 + alpha^2 v), the signal-to-noise ratio along the class direction."""
    return alpha**2 * model.mean_norm**2 / (sigma**2 + alpha**2 * model.variance)


def _critical(model, process, name, kind, source):
    left = _left_side(model, process, name)
    condition = sp.Eq(left, 1 if name == "spectral" else 0)
    path = process.alpha2_of_snr
    if path is None or not sp.powdenest(path.subs(snr, amplitude**2)).is_rational_function(amplitude):
        return _numerical(name, kind, condition, source, process, model)
    ratio = _drift_per_noise(path)
    on_path = (left - condition.rhs).subs(f, ratio * g2)
    if name != "spectral":
        on_path = on_path / g2
    solutions = _solutions(sp.numer(sp.together(sp.simplify(_on_path(on_path, path)))))
    if solutions is None:
        return _numerical(name, kind, condition, source, process, model)
    found, status = _physical(solutions)
    if found is None:
        return _without(name, kind, condition, source)
    lam = sp.simplify(_on_path(separation(model), path).subs(snr, found))
    time = _tidy(process.time_of_snr.subs(snr, found))
    return _at(name, kind, condition, source, status, time, found, lam)


def _at(name, kind, condition, source, status, time, ratio, lam):
    others = {"snr": ratio, "separation": lam}
    return Transition(
        kind, name, "t", time, status=status, source=source, condition=condition, others=others, method="root"
    )


def _without(name, kind, condition, source, status="none", reason="the condition is met at no time"):
    return Transition(kind, name, "t", status=status, source=source, condition=condition, reason=reason)


def _solutions(numerator):
    """Signal-to-noise ratios where a polynomial in them (or in their root) vanishes; None beyond quadratic factors."""
    found = []
    for letter, square in ((snr, snr), (amplitude, amplitude**2)):
        try:
            factors = sp.Poly(sp.powdenest(numerator.subs(snr, square)), letter).factor_list()[1]
        except sp.PolynomialError:
            continue
        if any(factor.degree() > 2 for factor, _ in factors):
            return None
        for factor, _ in factors:
            roots = sp.roots(factor)
            found += list(roots) if letter is snr else [r**2 for r in roots if r.is_negative is not True]
        return found
    return None


def _tidy(expr):
    """The expression with its logarithms collected; with large numbers not simplified, as SymPy would raise to them."""
    small = all(abs(number) <= 20 for number in expr.atoms(sp.Rational))
    expr = sp.simplify(sp.expand_log(expr, force=True)) if small else expr
    arguments: dict[sp.Expr, sp.Expr] = {}
    rest = sp.S.Zero
    for term in sp.Add.make_args(expr):
        coefficient, log = term.as_coeff_Mul()
        if isinstance(log, sp.log):
            strength, sign = abs(coefficient), sp.sign(coefficient)
            arguments[strength] = arguments.get(strength, sp.S.One) * log.args[0] ** sign
        else:
            rest += term
    return rest + sp.Add(*(c * sp.log(sp.simplify(a), evaluate=False) for c, a in arguments.items()))


def _on_path(expr, path):
    return expr.subs(sigma, alpha / sp.sqrt(snr)).subs(alpha, sp.sqrt(path))


def _numerical(name, kind, condition, source, process, model):
    """Where the path has no rational form: the last sign change met on a scan of the log-SNR, then a root."""
    residual = process.put_into(condition.lhs - condition.rhs)
    if residual.free_symbols - {t}:
        reason = "no closed form on this process, and symbols without a value"
        return _without(name, kind, condition, source, "implicit", reason)
    times = sorted(process.time_at(level) for level in SCAN)
    values = [evaluate(residual, {t: time}, 15) for time in times]
    brackets = [(times[i], times[i + 1]) for i in range(len(times) - 1) if values[i] * values[i + 1] < 0]
    if not brackets:
        return _without(name, kind, condition, source)
    time = sp.Float(root(residual, t, *brackets[-1], digits=25), 25)
    at = {t: time}
    ratio, lam = evaluate(process.snr, at, 20), evaluate(process.put_into(separation(model)), at, 20)
    return _at(name, kind, condition, source, "numeric", time, sp.Float(ratio, 20), sp.Float(lam, 20))


def _left_side(model, process, name):
    if name == "spectral":
        return alpha**2 * (model.mean_norm**2 + model.variance)
    jacobian = Diffusion(model, process)._jacobian[0, 0]
    slope = sp.simplify(plain(jacobian.subs(model.state[0], 0)))
    return {"density": slope, "reverse_sde": -f + g2 * slope, "probability_flow": -f + g2 / 2 * slope}[name]


def _drift_per_noise(path):
    """f/g2 as a function of the signal-to-noise ratio along alpha^2(R)."""
    return -(snr**2 / path) * sp.diff(sp.log(path), snr) / 2


def _physical(solutions):
    """The positive solution of smallest SNR (the first met when time runs backwards) and its status.

    With symbols left, positivity is tried from well to barely separated classes: "exact" when it holds at all,
    "conditional" when at some.
    """
    found, hits = None, 0
    for spread in SPREADS:
        good = []
        for solution in solutions:
            free = sorted(solution.free_symbols, key=str)
            value = sp.N(solution.subs({s: spread / 10**i for i, s in enumerate(free)}), 20)
            if value.is_real and value > 0:
                good.append((value, solution))
        if good:
            hits += 1
            found = found or sp.simplify(min(good, key=lambda pair: pair[0])[1])
    return found, "none" if hits == 0 else "exact" if hits == len(SPREADS) else "conditional"
