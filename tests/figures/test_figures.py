"""The gallery: simulations agree with theory, what is drawn is what was computed, the page stands alone.

Simulations are judged by the figure's own agreement: a false alarm has probability 1e-4 for each figure, before the
seeds were fixed.
"""

import base64
import io
import json
import re
from html.parser import HTMLParser
from importlib import import_module

import numpy as np
import pytest
from PIL import Image

from figures import FIGURES, gallery, report
from figures.__main__ import main
from tests.figures.conftest import HEAVY, marked
from tests.figures.reading import bars, panel


@pytest.mark.parametrize("name", marked(FIGURES))
def test_simulation_agrees_with_theory(made, name):
    """p-value above 1e-4, no point beyond 5 standard errors, step bias below one standard error."""
    for found in json.loads(made[name][0].attrs["agreement"]):
        assert 1e-4 < found["p_value"] < 1 - 1e-4
        assert found["max_abs_z"] < 5
        assert found.get("step_bias_rms", 0) < 0.5  # exact draws and chains have no step
        assert found["points"] == found["dof"] >= (5 if name == "integrator_orders" else 20)


@pytest.mark.parametrize(
    ("name", "letter", "coordinate", "value", "stderr"),
    [
        ("spontaneous_symmetry_breaking", "d", "moment_time", ("x2_value", "x4_value"), ("x2_stderr", "x4_stderr")),
        ("generative_bandwidth", "c", "level", ("local_value", "norm_value"), ("local_stderr", "norm_stderr")),
        ("variance_peak_clock", "e", "separation", ("var_value",), ("var_stderr",)),
        ("clone_speciation", "a", "separation", ("phi",), ("stderr",)),
        ("information_is_dissipation", "b", "level", ("data_value",), ("data_stderr",)),
        ("nested_decisions", "b", "level", ("both_var_value",), ("both_var_stderr",)),
        ("curie_weiss_free_energy", "b", "temperature", ("abs",), ("abs_stderr",)),
        ("curie_weiss_speciation", "a", "size", ("clone_time",), ("clone_stderr",)),
        ("binder_crossing", "a", "temperature", ("u",), ("u_stderr",)),
        ("critical_scaling", "a", "zeta", ("abs_value",), ("abs_stderr",)),
        ("weights_and_grids", "a", "steps", ("weight_value",), ("weight_stderr",)),
        ("desai_zwanzig", "a", "temperature", ("m2",), ("m2_stderr",)),
        ("hysteresis_and_escape", "c", "escape_size", ("escape",), ("escape_stderr",)),
    ],
)
def test_points_and_bars_are_the_data(made, name, letter, coordinate, value, stderr):
    data, figure = made[name]
    x, y, e = np.concatenate([np.array(d) for d in bars(panel(figure, letter))], axis=1)
    if name == "critical_scaling":
        data = data.assign({f"abs_{k}": data[k].sel(quantity="abs") for k in ("value", "stderr")})
    if name == "weights_and_grids":
        part = data.isel(data=0).sel(lost="weight")
        data = data.assign(weight_value=part["loss"], weight_stderr=part["stderr"])
    where = data[coordinate].values
    if name == "spontaneous_symmetry_breaking":
        where = 1 - where
    if name == "clone_speciation":
        where = 1 - np.log(where) / np.log(data["dimension"].values[:, None])
    if name == "curie_weiss_speciation":
        where = np.tile(where, (3, 1))
    if name == "weights_and_grids":
        where = np.tile(where, (len(data["grid"]), 1))
    known = [np.concatenate([np.ravel(data[k].values) for k in keys]) for keys in (value, stderr)]
    kept = np.isfinite(known[0])
    order, seen = np.argsort(known[0][kept]), np.argsort(y)
    for drawn, stored in zip((x, y, e), (np.tile(np.ravel(where), len(value)), *known), strict=True):
        np.testing.assert_allclose(drawn[seen], stored[kept][order], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", marked(FIGURES[::-1]))  # so that two workers seldom want the same figure at a time
def test_every_panel_is_lettered_and_every_axis_named(made, name):
    """A quantity in words with its symbol; axes that share x with the ones below may leave its name to them."""
    figure = made[name][1]
    letters = [a.get_title(loc="left")[1] for a in figure.axes if a.get_title(loc="left")]
    assert sorted(letters) == list("abcdefgh"[: len(letters)])
    assert len(letters) >= 3
    for axes in figure.axes:
        if axes.get_label() == "<colorbar>":
            assert "density $p_t(x)$" in axes.get_ylabel()
            continue
        shared = [a for a in axes.get_shared_x_axes().get_siblings(axes) if a.get_xlabel()]
        assert shared, axes.get_title(loc="left")
        for text in (shared[0].get_xlabel(), axes.get_ylabel()):
            assert "$" in text or text in ("log-SNR", "distance from the\nmmse formula (nats)"), text
            assert len(text) > 2
        for line in axes.lines:
            if line.get_linestyle() == "None" and line.get_marker() not in "None":
                low, high = sorted(axes.get_ylim())
                y = np.asarray(line.get_ydata(), dtype=float)
                assert ((y >= low) & (y <= high))[np.isfinite(y)].all(), f"a point of {name} is outside its panel"


SHOWN = [name for name in FIGURES if name not in HEAVY][::6]


@pytest.fixture(scope="module")
def published(made, tmp_path_factory):
    """Some of the gallery written to a folder, without computing it again; all go through the same two functions."""
    folder = tmp_path_factory.mktemp("gallery")
    with pytest.MonkeyPatch.context() as patch:
        for name in SHOWN:
            patch.setattr(import_module(f"figures.{name}"), "compute", lambda quick, name=name: made[name][0])
            gallery.make(name, True, folder)
    gallery.publish(folder)
    return folder


class Links(HTMLParser):
    """Everything a page refers to."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found += [value for key, value in attrs if key in ("href", "src", "srcset", "data", "action", "poster")]


def test_page_is_self_contained_and_complete(made, published):
    text = (published / "index.html").read_text()
    links = Links()
    links.feed(text)
    assert len(links.found) == len(SHOWN)
    assert all(link.startswith("data:image/png;base64,") for link in links.found)
    bare = re.sub(r"base64,[^\"]*", "", text)
    assert not re.search(r"https?:|//[a-z]|url\(|@import|<script|<link", bare)
    for name, link in zip(SHOWN, links.found, strict=True):
        assert base64.b64decode(link.split(",")[1]) == (published / f"{name}.png").read_bytes()
        section = re.search(rf'<section id="{name}">.*?</section>', text, re.S).group()
        assert report.caption_of(name).splitlines()[0] in section
        for found in json.loads(made[name][0].attrs["agreement"]):
            assert f"<td>{found['p_value']:.3f}</td>" in section
            assert f"<td>{found['max_abs_z']:.2f}</td>" in section
        assert "&quot;seed&quot;" in section


@pytest.mark.parametrize("name", SHOWN)
def test_pictures_carry_their_provenance(made, published, name):
    facts = made[name][0].attrs["provenance"]
    stored = json.loads(facts)
    assert stored["figure"] == name
    assert stored["quick"] is True
    assert all({"seed", "trajectories", "parameters", "grid"} <= set(run) for run in stored["runs"])
    assert all(run["step_bias_run"]["seed"] != run["seed"] for run in stored["runs"] if "step_bias_run" in run)
    assert len({run["seed"] for run in stored["runs"]}) == len(stored["runs"])
    assert Image.open(published / f"{name}.png").text["Provenance"] == facts
    pdf = (published / f"{name}.pdf").read_bytes()
    keywords = re.search(rb"/Keywords \(((?:\\.|[^\\)])*)\)", pdf, re.S).group(1)
    assert re.sub(rb"\\(.)", rb"\1", keywords).decode() == facts
    assert b"/Type3" not in pdf


def test_pdf_is_reproducible(made, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    data, figure = made["clone_speciation"]
    files = []
    for k in range(2):
        folder = tmp_path / str(k)
        folder.mkdir()
        report.save_pictures(figure, data, "clone_speciation", folder)
        files.append([(folder / f"clone_speciation.{kind}").read_bytes() for kind in ("pdf", "png")])
    assert files[0] == files[1]
    assert b"D:20231114" in files[0][0]
    assert Image.open(io.BytesIO(files[0][1])).size == (1750, 875)


def test_command(made, tmp_path, monkeypatch, capsys):
    """One figure by name; an unknown name is one sentence and status 2."""
    clones = import_module("figures.clone_speciation")
    asked = []
    monkeypatch.setattr(clones, "compute", lambda quick: asked.append(quick) or made["clone_speciation"][0])
    assert main(["clone_speciation", "--quick", "--out", str(tmp_path)]) == 0
    assert asked == [True]
    written = {f"clone_speciation.{kind}" for kind in ("nc", "pdf", "png")} | {"index.html"}
    assert {p.name for p in tmp_path.iterdir()} == written
    assert re.search(r"^clone_speciation: \d+\.\d s$", capsys.readouterr().err, re.M)
    assert main(["clone_speciation", "nonsense", "--out", str(tmp_path / "none")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "nonsense" in said
    assert all(name in said for name in FIGURES)
    assert not (tmp_path / "none").exists()
