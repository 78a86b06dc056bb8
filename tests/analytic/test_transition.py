"""The record of a transition: what it refuses, how it reads, other clocks."""

import pytest
import sympy as sp

import analytic as an

SINGLE = an.Transition("crossing", "binder", "T", 1.00042, 0.00091, status="estimated", method="drift extrapolated")
NONE = an.Transition("peak", "rate", "t", status="none", reason="the curve falls on the whole range")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"value": 1, "status": "certain"}, "status: 'certain' is unknown; allowed are exact, "),
        ({"value": 1.0, "status": "none"}, "value: 1.0 does not go with the status 'none'"),
        ({"status": "exact"}, "value: None does not go with"),
        ({"value": 1.0, "status": "estimated"}, "stderr: None given; an estimate needs"),
        ({"value": 1.0, "stderr": 0.0, "status": "tentative"}, "stderr: 0.0 given"),
        ({"value": 1.0, "stderr": float("nan"), "status": "estimated"}, "stderr: nan given"),
        ({"status": "unresolved"}, "reason: empty"),
    ],
)
def test_contradictions_are_refused(fields, reason):
    with pytest.raises(ValueError, match=reason):
        an.Transition("peak", "rate", "t", **fields)


def test_reads_as_a_sentence_and_rounds_to_its_error():
    assert repr(SINGLE) == "crossing of binder at T = 1.00042 ± 0.00091 (estimated, drift extrapolated)"
    assert repr(NONE) == "peak of rate: none, the curve falls on the whole range"
    wide = an.Transition("peak", "rate", "N", 1234.567, 41.2, status="estimated")
    assert wide.text() == "1235 ± 41"
    assert SINGLE._repr_latex_() == r"$\text{crossing of binder}:\; T = 1.00042 \pm 0.00091$"
    with pytest.raises(ValueError, match="rate: no value of t \\(none: the curve falls"):
        NONE.number()


def test_other_clocks_of_one_place():
    m = sp.Symbol("m", positive=True)
    point = an.critical_points(an.SymmetricPair(m), an.variance_exploding()).named("density")
    assert point.value == m**2
    ratio = point.within("snr")
    assert (ratio.parameter, ratio.value, ratio.others["t"]) == ("snr", point.others["snr"], m**2)
    assert float(ratio.number({m: 2})) == 0.25
    with pytest.raises(ValueError, match="it has t, snr, separation"):
        point.within("temperature")


def test_table_of_several():
    lines = repr(an.Transitions([SINGLE, NONE])).splitlines()
    assert lines[0].split() == list(an.Transitions.columns)
    assert lines[1].split()[:5] == ["binder", "crossing", "T", "1.00042", "±"]
    assert lines[2].endswith("none       the curve falls on the whole range")
    with pytest.raises(ValueError, match="there are binder, rate"):
        an.Transitions([SINGLE, NONE]).named("dip")
    assert an.Transitions([SINGLE, NONE])._repr_latex_().count(r"\\ ") == 1


def test_a_point_of_a_phase_diagram_names_every_parameter():
    point = an.tricritical_point(an.BlumeCapel())
    assert repr(point) == "tricritical of magnetisation at beta = 3, Delta = 0.4620981 (exact, solved)"
    assert point.order == 0
    assert r"\beta = 3,\; \Delta" in point._repr_latex_()
