r"""Where something changes, of which kind, and how sure that is: one record for exact and for estimated answers.

    "pitchfork of the density at t = log(4) (exact)"        "crossing of the Binder cumulant at T = 1.0004 +- 0.0009"

A status says how far to trust the value:

    exact        an expression                         estimated    a number with a standard error
    conditional  an expression, for some values only   tentative    the same, but a check of it was not passed in full
    numeric      a root to the stated digits           none         looked for and not there
    implicit     symbols without a value stand in it   unresolved   cannot be told from what was given

The last three have no value and say why in `reason`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sympy as sp

from analytic.evaluate import evaluate

WITH_VALUE = ("exact", "conditional", "numeric", "estimated", "tentative")
WITHOUT = ("none", "implicit", "unresolved")


@dataclass(frozen=True)
class Transition:
    """One transition.

    Parameters
    ----------
    kind : of the transition, e.g. "pitchfork", "saddle-node", "first-order", "crossover", "crossing", "peak".
    object : what changes, e.g. "density", "reverse_sde", "binder".
    parameter : name of the parameter that `value` is of.
    value : an expression or a number; None when there is none.
    stderr : standard error of an estimate; None for what is exact.
    bracket : (low, high) that holds the value, or None.
    status : one of the words of the module.  method : how it was found.  source : author, year, arXiv id.
    reason : a sentence, needed where there is no value.
    condition : the equation that was solved, or None.
    others : the same place in other parameters or clocks, a dict from name to value.
    at : the same place as a dict from symbols to values, ready for `subs`; empty where parameters are clocks.

    Raises
    ------
    ValueError for an unknown status, a value without a status that has one (or the reverse), an estimate without a
    positive standard error, or a missing value without a reason.
    """

    kind: str
    object: str
    parameter: str
    value: Any = None
    stderr: float | None = None
    bracket: tuple | None = None
    status: str = "exact"
    method: str = ""
    source: str = ""
    reason: str = ""
    condition: Any = field(default=None, repr=False)
    others: Mapping = field(default_factory=dict, repr=False)
    at: Mapping = field(default_factory=dict, repr=False)

    def __post_init__(self):
        if self.status not in WITH_VALUE + WITHOUT:
            raise ValueError(f"status: {self.status!r} is unknown; allowed are {', '.join(WITH_VALUE + WITHOUT)}")
        if (self.value is None) != (self.status in WITHOUT):
            raise ValueError(f"value: {self.value} does not go with the status {self.status!r}")
        if self.status in ("estimated", "tentative") and not (self.stderr is not None and 0 < self.stderr < sp.oo):
            raise ValueError(f"stderr: {self.stderr} given; an estimate needs a positive standard error")
        if self.value is None and not self.reason:
            raise ValueError("reason: empty; a transition without a value needs a sentence")

    @property
    def order(self):
        """The order parameter m of the ordered phase there, where `others` knows it."""
        return self.others.get("m")

    @property
    def found(self) -> bool:
        """True when there is a value."""
        return self.value is not None

    def number(self, values=None, digits: int = 20):
        """The value as an mpmath number, with numbers for its symbols; ValueError when there is none."""
        if self.value is None:
            raise ValueError(f"{self.object}: no value of {self.parameter} ({self.status}: {self.reason})")
        return evaluate(sp.sympify(self.value), values, digits)

    def within(self, name: str) -> Transition:
        """The same place in another parameter or clock out of `others`; ValueError for a name that is not there."""
        if name == self.parameter:
            return self
        if name not in self.others:
            known = ", ".join([self.parameter, *self.others])
            raise ValueError(f"name: {name!r} is no parameter of this transition; it has {known}")
        others = {self.parameter: self.value, **{k: v for k, v in self.others.items() if k != name}}
        return replace(self, parameter=name, value=self.others[name], stderr=None, bracket=None, others=others)

    def text(self, digits: int = 7) -> str:
        """The value with its error, for people."""
        if self.value is None:
            return "-"
        value = sp.sympify(self.value)
        if value.free_symbols:
            return str(value)
        if self.stderr is None:
            return f"{float(value):.{digits}g}"
        places = max(0, 1 - int(f"{self.stderr:e}".split("e")[1]))
        return f"{float(value):.{places}f} ± {self.stderr:.2g}"

    def __repr__(self):
        what = f"{self.kind} of {self.object.replace('_', ' ')}"
        if self.value is None:
            return f"{what}: {self.status}, {self.reason}"
        by = f", {self.method}" if self.method else ""
        note = f": {self.reason}" if self.reason else ""
        more = "".join(f", {k} = {_short(v)}" for k, v in list(self.at.items())[1:])
        return f"{what} at {self.parameter} = {self.text()}{more} ({self.status}{by}){note}"

    def _repr_latex_(self):
        name = rf"\text{{{self.kind} of {self.object.replace('_', ' ')}}}"
        condition = "" if self.condition is None else rf"{sp.latex(self.condition)},\quad "
        return rf"${name}:\; {condition}{self._place()}$"

    def _place(self):
        if self.value is None:
            return rf"\text{{{self.status}}}"
        letter = sp.latex(sp.Symbol(self.parameter))
        if self.at:
            return r",\; ".join(rf"{sp.latex(k)} = {sp.latex(v)}" for k, v in self.at.items())
        if self.stderr is None:
            return rf"{letter} = {sp.latex(self.value)}"
        return rf"{letter} = {self.text().replace('±', chr(92) + 'pm')}"


def _short(value) -> str:
    value = sp.sympify(value)
    return str(value) if value.free_symbols else f"{float(value):.7g}"


class Transitions(tuple):
    """Several transitions, shown as a table."""

    columns = ("object", "kind", "parameter", "value", "status", "method")

    def rows(self):
        """One tuple of texts for each transition, in the order of `columns`."""
        return [(p.object, p.kind, p.parameter, p.text(), p.status, p.reason or p.method) for p in self]

    def named(self, name: str) -> Transition:
        """The transition of an object; ValueError when there is none."""
        for point in self:
            if point.object == name:
                return point
        raise ValueError(f"name: {name!r} is not here; there are {', '.join(p.object for p in self) or 'none'}")

    def __repr__(self):
        lines = [self.columns, *self.rows()]
        widths = [max(len(line[k]) for line in lines) for k in range(len(self.columns))]
        return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)

    def _repr_latex_(self):
        body = r" \\ ".join(f"{p._repr_latex_().strip('$')}" for p in self)
        return rf"$\begin{{array}}{{l}} {body} \end{{array}}$"
