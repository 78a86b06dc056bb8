"""Functions that do not overflow, with derivatives that do not cancel.

For log-weights l_1 .. l_K write p_k = exp(l_k) / sum_j exp(l_j) and <v> = sum_k p_k v_k.

    d logsumexp(l)    = <dl>
    d <v>             = <dv> + sum_{j<k} p_j p_k (dl_j - dl_k)(v_j - v_k)
    d p_k             = p_k sum_{j != k} p_j (dl_k - dl_j)
    d (-log p_k)      = sum_{j != k} p_j (dl_j - dl_k)

Differences of the entries are taken symbolically, so that a posterior variance is a sum of positive terms and
not the difference of two large ones.  The same care is in the scalar nodes (expm1, log1p, tanh, ...).  Each
node knows its arbitrary-precision value (`MPMATH`), its form in ordinary functions (`plain`) and its LaTeX.
"""

from __future__ import annotations

import mpmath as mp
import sympy as sp


class Stable(sp.Function):
    """Base of the scalar nodes: real, differentiable, evaluated by mpmath, never rewritten unasked."""

    nargs: int | None = 1
    is_real = True
    is_commutative = True

    def _eval_evalf(self, prec):
        if not all(a.is_number for a in self.args):
            return None
        with mp.workprec(prec + 20):
            value = MPMATH[type(self).__name__](*(_mp_argument(a, prec + 20) for a in self.args))
            return sp.Float(value, precision=prec)

    def _latex(self, printer, exp=None):
        text, bare = printer._print(self.plain()), exp is None and not self.plain().is_Add
        return text if bare else rf"\left({text}\right)" + ("" if exp is None else f"^{{{exp}}}")


def _mp_argument(argument, prec):
    if isinstance(argument, sp.Tuple):
        return [_mp_argument(a, prec) for a in argument]
    return argument._to_mpmath(prec)


class expm1(Stable):
    """exp(u) - 1, accurate near u = 0."""

    @classmethod
    def eval(cls, u):
        return sp.S.Zero if u.is_zero else None

    def fdiff(self, argindex=1):
        return sp.exp(self.args[0])

    def plain(self):
        return sp.exp(self.args[0]) - 1


class log1p(Stable):
    """log(1 + u), accurate near u = 0."""

    @classmethod
    def eval(cls, u):
        return sp.S.Zero if u.is_zero else None

    def fdiff(self, argindex=1):
        return 1 / (1 + self.args[0])

    def plain(self):
        return sp.log(1 + self.args[0])


class tanh(Stable):
    """tanh(u), whose derivative sech2(u) keeps its relative accuracy in the tails."""

    @classmethod
    def eval(cls, u):
        if u.is_zero:
            return sp.S.Zero
        return -cls(-u) if u.could_extract_minus_sign() else None

    def fdiff(self, argindex=1):
        return sech2(self.args[0])

    def plain(self):
        return sp.tanh(self.args[0])


class sech2(Stable):
    """1 / cosh(u)^2 = 1 - tanh(u)^2."""

    @classmethod
    def eval(cls, u):
        if u.is_zero:
            return sp.S.One
        return cls(-u) if u.could_extract_minus_sign() else None

    def fdiff(self, argindex=1):
        u = self.args[0]
        return -2 * tanh(u) * sech2(u)

    def plain(self):
        return 1 / sp.cosh(self.args[0]) ** 2


class sigmoid(Stable):
    """1 / (1 + exp(-u))."""

    @classmethod
    def eval(cls, u):
        return sp.Rational(1, 2) if u.is_zero else None

    def fdiff(self, argindex=1):
        return sech2(self.args[0] / 2) / 4

    def plain(self):
        return 1 / (1 + sp.exp(-self.args[0]))


class softplus(Stable):
    """log(1 + exp(u))."""

    def fdiff(self, argindex=1):
        return sigmoid(self.args[0])

    def plain(self):
        return sp.log(1 + sp.exp(self.args[0]))


class logcosh(Stable):
    """log(cosh(u)), |u| - log 2 in the tails, u^2/2 near zero."""

    @classmethod
    def eval(cls, u):
        if u.is_zero:
            return sp.S.Zero
        return cls(-u) if u.could_extract_minus_sign() else None

    def fdiff(self, argindex=1):
        return tanh(self.args[0])

    def plain(self):
        return sp.log(sp.cosh(self.args[0]))


class LogSumExp(Stable):
    """log(sum_k exp(l_k)) of its arguments."""

    nargs = None

    def _eval_derivative(self, s):
        return softmax_mean(self.args, [l.diff(s) for l in self.args])

    def plain(self):
        return sp.log(sp.Add(*(sp.exp(l) for l in self.args)))


class Softmax(Stable):
    """p_k; the first argument is k = 0 .. K-1, the others the log-weights."""

    nargs = None

    def _eval_derivative(self, s):
        k, ls = int(self.args[0]), self.args[1:]
        terms = [softmax(j, ls) * difference(ls[k].diff(s), ls[j].diff(s)) for j in range(len(ls)) if j != k]
        return self * sp.Add(*terms)

    def plain(self):
        ls = self.args[1:]
        return sp.exp(ls[int(self.args[0])]) / sp.Add(*(sp.exp(l) for l in ls))


class Surprisal(Stable):
    """-log p_k, accurate when p_k is close to one and when it underflows; arguments as in Softmax."""

    nargs = None

    def _eval_derivative(self, s):
        k, ls = int(self.args[0]), self.args[1:]
        return sp.Add(*(softmax(j, ls) * difference(ls[j].diff(s), ls[k].diff(s)) for j in range(len(ls)) if j != k))

    def plain(self):
        ls = self.args[1:]
        return sp.log(sp.Add(*(sp.exp(l) for l in ls))) - ls[int(self.args[0])]


class SoftmaxMean(Stable):
    """<v> = sum_k p_k v_k; the two arguments are the tuples (l_1 ..) and (v_1 ..)."""

    nargs = 2

    def _eval_derivative(self, s):
        ls, vs = self.args
        inner = softmax_mean(ls, [v.diff(s) for v in vs])
        return inner + softmax_covariance(ls, [l.diff(s) for l in ls], vs)

    def plain(self):
        ls, vs = self.args
        norm = sp.Add(*(sp.exp(l) for l in ls))
        return sp.Add(*(sp.exp(l) * v for l, v in zip(ls, vs, strict=True))) / norm


def difference(a, b):
    """a - b with whatever the two share cancelled symbolically."""
    return sp.factor_terms(sp.expand(a - b))


def shared_terms(values) -> sp.Expr:
    """The sum of the additive terms that stand in every one of the values."""
    sets = [set(sp.Add.make_args(sp.expand(v))) for v in values]
    return sp.Add(*set.intersection(*sets))


def relative(ls) -> tuple[sp.Expr, ...]:
    """Log-weights less their shared terms, where that makes them shorter (p_k does not change)."""
    common = shared_terms(ls)
    if common == 0:
        return tuple(ls)
    reduced = tuple(sp.expand(l - common) for l in ls)
    return reduced if sum(map(sp.count_ops, reduced)) < sum(map(sp.count_ops, ls)) else tuple(ls)


def logsumexp(ls) -> sp.Expr:
    """log(sum_k exp(l_k)); of a single entry, the entry itself."""
    ls = tuple(map(sp.sympify, ls))
    return ls[0] if len(ls) == 1 else LogSumExp(*ls)


def softmax(k: int, ls) -> sp.Expr:
    """p_k, written as a sigmoid for two entries."""
    ls = relative(tuple(map(sp.sympify, ls)))
    if len(ls) == 1:
        return sp.S.One
    if len(ls) == 2:
        return sigmoid(difference(ls[k], ls[1 - k]))
    return Softmax(k, *ls)


def surprisal(k: int, ls) -> sp.Expr:
    """-log p_k, written as a softplus for two entries."""
    ls = relative(tuple(map(sp.sympify, ls)))
    if len(ls) == 1:
        return sp.S.Zero
    if len(ls) == 2:
        return softplus(difference(ls[1 - k], ls[k]))
    return Surprisal(k, *ls)


def softmax_mean(ls, vs) -> sp.Expr:
    """<v>; what all v_k share is taken out, and the mean of (v, -v) over two entries is v tanh((l_1 - l_2)/2)."""
    ls = relative(tuple(map(sp.sympify, ls)))
    vs = tuple(map(sp.sympify, vs))
    if len(ls) == 1:
        return vs[0]
    common = shared_terms(vs)
    vs = tuple(sp.factor_terms(sp.expand(v - common)) for v in vs) if common != 0 else vs
    common = sp.factor_terms(common)
    if all(v == 0 for v in vs):
        return common
    if len(ls) == 2 and sp.expand(vs[0] + vs[1]) == 0:
        return common + vs[0] * tanh(difference(ls[0], ls[1]) / 2)
    return common + SoftmaxMean(sp.Tuple(*ls), sp.Tuple(*vs))


def softmax_covariance(ls, us, vs) -> sp.Expr:
    """<u v> - <u><v> as the sum of p_j p_k (u_j - u_k)(v_j - v_k) over pairs."""
    ls = relative(tuple(map(sp.sympify, ls)))
    total = sp.S.Zero
    for j in range(len(ls)):
        for k in range(j + 1, len(ls)):
            spread = difference(us[j], us[k]) * difference(vs[j], vs[k])
            if spread == 0:
                continue
            if len(ls) == 2:
                total += spread * sech2(difference(ls[0], ls[1]) / 2) / 4
            else:
                total += spread * Softmax(j, *ls) * Softmax(k, *ls)
    return total


def stabilise(expr) -> sp.Expr:
    """Write every c - c exp(u) inside an expression as -c expm1(u)."""

    def add(node):
        terms = list(node.args)
        constant = next((a for a in terms if a.is_Number), None)
        if constant is None:
            return node
        for term in terms:
            factor, power = term.as_independent(sp.exp, as_Add=False)
            if isinstance(power, sp.exp) and sp.expand(factor + constant) == 0:
                terms.remove(term)
                terms.remove(constant)
                return sp.Add(-constant * expm1(power.args[0]), *terms)
        return node

    return sp.sympify(expr).replace(lambda node: node.is_Add, add)


def plain(expr) -> sp.Expr:
    """The same expression in ordinary SymPy functions, for proofs and for algebra (not for numbers)."""
    return expr.replace(lambda node: isinstance(node, Stable), lambda node: node.plain())


def _mp_logsumexp(*ls):
    top = max(range(len(ls)), key=lambda k: ls[k])
    return ls[top] + mp.log1p(mp.fsum(mp.exp(l - ls[top]) for j, l in enumerate(ls) if j != top))


def _mp_surprisal(k, *ls):
    others = [l - ls[int(k)] for j, l in enumerate(ls) if j != int(k)]
    top = max(others)
    return MPMATH["softplus"](top + mp.log(mp.fsum(mp.exp(l - top) for l in others)))


def _mp_softmax_mean(ls, vs):
    top = max(ls)
    weights = [mp.exp(l - top) for l in ls]
    return mp.fdot(weights, vs) / mp.fsum(weights)


MPMATH = {
    "expm1": mp.expm1,
    "log1p": mp.log1p,
    "tanh": mp.tanh,
    "sech2": lambda u: mp.sech(u) ** 2,
    "sigmoid": lambda u: 1 / (1 + mp.exp(-u)) if u > 0 else mp.exp(u) / (1 + mp.exp(u)),
    "softplus": lambda u: max(u, mp.mpf(0)) + mp.log1p(mp.exp(-abs(u))),
    "logcosh": lambda u: (
        mp.log1p(2 * mp.sinh(u / 2) ** 2) if abs(u) < 1 else abs(u) - mp.log(2) + mp.log1p(mp.exp(-2 * abs(u)))
    ),
    "LogSumExp": _mp_logsumexp,
    "Softmax": lambda k, *ls: mp.exp(ls[int(k)] - _mp_logsumexp(*ls)),
    "Surprisal": _mp_surprisal,
    "SoftmaxMean": _mp_softmax_mean,
}
