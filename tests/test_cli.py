"""The command line: every command runs, every mistake is one sentence, help comes at once."""

import ast
import json
import re
import subprocess
import sys
import time
from importlib.metadata import version

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from analytic import Diffusion, SymmetricPair, ornstein_uhlenbeck
from physim import load
from physim.cli import app
from physim.cli.app import LEVELS
from physim.cli.doctor import _vectors
from physim.kernels import few
from physim.plot import draw, observables, quick_look
from physim.schemes import SCHEMES

PAIR, OU = "symmetric_pair(m)", "ornstein_uhlenbeck"
QUICK = ["-p", "m=1.5", "-n", "3000", "--steps", "200", "--record", "5"]


def call(*arguments, **options):
    return CliRunner().invoke(app, [str(a) for a in arguments], **options)


def said(result, code=0):
    """What a command printed, once it has ended as expected."""
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture(scope="module", autouse=True)
def piped():
    """Tables are judged at the width they have in a pipe, whatever terminal runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COLUMNS", raising=False)
        yield


@pytest.fixture
def no_kernel(monkeypatch):
    """Fail when anything is about to be compiled."""
    monkeypatch.setattr(few, "build", lambda *_, **__: pytest.fail("a kernel was built"))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One small ensemble through the command line: (printed text, dataset, folder)."""
    folder = tmp_path_factory.mktemp("run")
    files = ["--out", folder / "run.nc", "--plot", folder / "run.pdf", "--keep-paths", 7]
    text = said(call("simulate", PAIR, OU, *QUICK, *files))
    return text, load(folder / "run.nc"), folder


def test_models_lists_every_name():
    from analytic import PROCESSES
    from analytic.models import MODELS

    text = said(call("models"))
    for name in (*MODELS, *PROCESSES, "custom"):
        assert f"\n{name}(" in text
    for scheme in SCHEMES:
        assert f"\n{scheme} " in text
    assert "symmetric_pair(mean_norm, variance=0, weight=1/2, dim=1) " in text
    assert " w N(+m, v I) + (1 - w) N(-m, v I)" in text


def test_show_prints_formulas_and_critical_points():
    lines = said(call("show", "symmetric_pair(1)", "custom(alpha=exp(-t), sigma=sqrt(1-exp(-2*t)))")).splitlines()
    rows = {line[:17].strip(): line[17:].strip() for line in lines}
    score = Diffusion(SymmetricPair(1), ornstein_uhlenbeck()).score[0]
    assert rows["score"] == str(score)
    assert rows["reverse noise"] == "sqrt(2)"
    assert {"log density", "score divergence", "posterior mean", "local bandwidth", "reverse drift"} <= set(rows)
    cells = {line.split()[0]: line.split() for line in lines if line}
    assert cells["density"][-4:] == ["0.3465736", "1", "1", "exact"]  # (1/2) log 2
    assert cells["reverse_sde"][-4:] == ["0.4406868", "0.7071068", "0.7071068", "exact"]  # alpha^2 = sqrt 2 - 1
    assert cells["probability_flow"][-5:] == ["-", "-", "-", "-", "none"]


def test_show_has_churn_latex_and_long_formulas_in_pieces():
    assert "reverse noise     0\n" in said(call("show", "symmetric_pair(1)", "edm", "--churn", "0"))
    assert "reverse noise     sqrt(2)*c*sqrt(t)" in said(call("show", "symmetric_pair(1)", "edm", "--churn", "c"))
    latex = said(call("show", "symmetric_pair(1)", OU, "--latex"))
    assert r"\tanh" in latex
    assert r"\sqrt{1 - e^{- 2 t}}" in latex
    assert all(line.count("{") == line.count("}") for line in latex.splitlines())
    mixture = said(call("show", "gaussian_mixture([-2,0.5,2],[0.1,0.2,0.05],[0.3,0.3,0.4])", "edm"))
    assert re.search(r"\nlog density       LogSumExp\(u\d+, u\d+, u\d+\)\n", mixture)
    assert "critical" not in mixture
    assert "breaks the symmetry" in said(call("show", "symmetric_pair(1, weight=0.3)", "edm"))


def test_show_source_is_a_module():
    tree = ast.parse(said(call("show", "symmetric_pair(1)", OU, "--source")))
    assert {"advance", "observe", "run"} <= {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_simulate_measures_what_is_exact(run):
    text, data, _ = run
    assert observables(data) == ["x", "class_entropy", "local_bandwidth"]
    alpha2 = np.exp(-2 * data.time.values)
    exact = alpha2 * 1.5**2 + 1 - alpha2
    assert np.all(np.abs(data.x_mean) < 5 * data.x_mean_stderr)
    assert np.all(np.abs(data.x_var - exact) < 5 * data.x_var_stderr + 0.02 * exact)  # 200 steps
    assert data.paths.shape == (5, 1, 7)
    facts = json.loads(data.attrs["provenance"])
    assert (facts["trajectories"], facts["seed"], facts["parameters"]) == (3000, 0, {"m": 1.5})
    last = f"{float(data.x_mean[-1]):.6g} ± {float(data.x_mean_stderr[-1]):.2g}"
    assert last in text
    assert "wrote" in text


def test_default_times_and_direction(run):
    data, process = run[1], ornstein_uhlenbeck()
    ends = [float(process.time_at(level)) for level in LEVELS]
    np.testing.assert_allclose(data.time[[-1, 0]], ends, rtol=1e-12)
    assert "200 steps, t = 0.000455733 ... 3.50046" in run[0]

    def plan(process, *options):
        return said(call("simulate", PAIR, process, *QUICK[:2], "--steps", 8, "--record", 5, "--dry-run", *options))

    assert "from 0.1 to 0.833804" in plan("vp_linear", "--forward", "--to", 0.1)
    assert "... 0.999" in plan("vp_linear(0.1, 2)")
    assert "t = 0.000227867 ... 1.75023" in plan("custom(f=-r, g2=2*r)", "-p", "r=2")
    for ends in (("--from", 0.1, "--to", 2), ("--from", 2, "--to", 0.1)):
        text = plan(OU, *ends, "--grid", "uniform")
        assert "Grid(uniform, 8 steps, t = 0.1 ... 2)" in text
        assert "5 times from 2 to 0.1" in text


def test_seed_and_threads_reach_the_engine(run, tmp_path):
    means = []
    for options in (["--threads", 1], ["--threads", 2, "--seed", 0], ["--seed", 1]):
        said(call("simulate", PAIR, OU, *QUICK, *options, "--out", tmp_path / "again.nc"))
        means.append(load(tmp_path / "again.nc").x_mean.values)
    assert np.array_equal(means[0], means[1])
    assert np.array_equal(means[0], run[1].x_mean.values)
    assert not np.array_equal(means[0], means[2])


def test_dry_run_checks_and_compiles_nothing(no_kernel, tmp_path):
    observe = ["-o", "u = tanh(m*x)", "-o", "class_entropy", "-o", "h2=class_entropy**2 + k*t", "-p", "k=2"]
    text = said(call("simulate", PAIR, OU, *QUICK, *observe, "--dry-run", "--out", tmp_path / "a.nc"))
    assert "observe u              tanh(m*x)" in text
    assert "softplus" in text
    assert "k = 2, m = 1.5" in text
    assert "3000 trajectories, euler_maruyama, seed 0" in text
    assert not (tmp_path / "a.nc").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["show", "__import__('os')", OU], "model: __import__ is unknown"),
        (["show", "symmetric_pair(-1)", OU], "mean_norm: -1 is not positive"),
        (["show", "symmetric_pair(1)", "edn"], "process: edn is unknown"),
        (["show", "symmetric_pair(1)", "edm", "--churn", "-1"], "churn: -1 is negative"),
        (["locate", PAIR, "edm"], "drift: no value for m"),
        (["locate", "symmetric_pair(1)", "edm", "--kind", "sde"], "kind: 'sde' is unknown; allowed are density"),
        (["locate", "symmetric_pair(1)", "edm", "--from", "3", "--to", "3"], "from, to: 3 ... 3 is no range"),
        (["locate", "symmetric_pair(1)", "edm", "--simulate", "-n", "3"], "trajectories: 3 given; at least 2000"),
        (["locate", "gaussian_mixture([0], 1)", "edm", "--simulate"], "model: GaussianMixture has one class"),
        (["atlas", "symmetric_pair(1)", "edn"], "process: edn is unknown"),
        (["simulate", PAIR, OU], "no value for m; give --param m=NUMBER"),
        (["simulate", PAIR, OU, "-p", "m"], "param: m given; NAME=NUMBER is needed"),
        (["simulate", PAIR, OU, "-p", "m=1", "-p", "m=2"], "once for each name"),
        (["simulate", PAIR, OU, "-p", "m=y"], "param m: y is not a known name"),
        (["simulate", PAIR, OU, *QUICK, "-p", "k=1"], "k does not occur"),
        (["simulate", PAIR, OU, *QUICK, "-o", "y=__import__('os')"], "observe y: __import__ is not a known"),
        (["simulate", PAIR, OU, *QUICK, "-o", "x**2"], "observe: x**2 given; NAME=FORMULA is needed"),
        (["simulate", PAIR, OU, *QUICK, "-o", "entropy"], "known are x, t, m, class_entropy"),
        (["simulate", PAIR, OU, *QUICK, "--grid", "edm"], "allowed are uniform_log_snr, uniform"),
        (["simulate", PAIR, OU, *QUICK, "--from", "-1"], "leaves the span (0, oo)"),
        (["simulate", PAIR, OU, *QUICK, "--from", "nan"], "finite numbers"),
        (["simulate", PAIR, "custom(alpha=1, sigma=sqrt(1 + t))", *QUICK], "give both"),
        (["simulate", PAIR, "custom(f=-r, g2=2*r)", *QUICK], "no value for r"),
        (["simulate", PAIR, OU, *QUICK, "--scheme", "magic"], "scheme: 'magic' is unknown"),
        (["simulate", PAIR, OU, *QUICK, "--record", "0"], "record: 0 given"),
        (["simulate", PAIR, OU, *QUICK, "--plot", "a.jpg"], "plot: a.jpg must end in .pdf or .png"),
    ],
)
def test_mistakes_are_one_sentence_before_any_compilation(arguments, reason, no_kernel):
    result = call(*arguments)
    assert said(result, code=2) == result.stderr
    assert result.stderr.startswith("physim: ")
    assert result.stderr.count("\n") == 1
    assert reason in result.stderr
    assert isinstance(call("--traceback", *arguments).exception, ValueError)


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (KeyboardInterrupt(), 130, "physim: interrupted\n"),
        (ArithmeticError("lost\nthem"), 1, "physim: lost them\n"),
        (OSError("disk full"), 1, "physim: disk full\n"),
        (NotImplementedError("no closed form"), 2, "physim: no closed form\n"),
    ],
)
def test_exit_codes(monkeypatch, error, code, sentence):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("physim.ensemble.simulate", fail)
    result = call("simulate", PAIR, OU, *QUICK)
    assert said(result, code) == sentence


def test_warnings_of_a_run_are_sentences(monkeypatch, run):
    def warn(*_, **__):
        import warnings

        warnings.warn("3 of 9 were lost", stacklevel=2)
        return run[1]

    monkeypatch.setattr("physim.ensemble.simulate", warn)
    assert "physim: warning: 3 of 9 were lost\n" in call("simulate", PAIR, OU, *QUICK).stderr


def test_atlas_prints_every_clock():
    lines = said(call("atlas", "symmetric_pair(m)", "edm", "-p", "m=2")).splitlines()
    rows = {line.split()[0]: line.split() for line in lines if line}
    assert rows["density"][2:6] == ["2", "2", "-1.386294", "exact"]
    assert float(rows["entropy_variance"][2]) == pytest.approx(2 / 1.345478**0.5, rel=1e-5)
    assert float(rows["entropy_rate_per_sigma"][3]) == pytest.approx(2 / 2.412648**0.5, rel=1e-4)
    assert rows["spectral"][2:6] == ["-", "-", "-", "none"]
    bare = said(call("atlas", "symmetric_pair(m)", OU, "--no-information", "-p", "m=3"))
    assert "entropy" not in bare
    assert "1.151293" in bare  # (1/2) log(1 + m^2)


def test_locate_prints_folds_and_branches():
    text = said(call("locate", "symmetric_pair(m, weight=0.8)", "variance_exploding", "-p", "m=2"))
    (row,) = [line.split() for line in text.splitlines() if line.startswith("saddle-node")]
    assert 4 / float(row[2]) == pytest.approx(2.221106, abs=5e-7)
    assert text.count("Branch(1 images") == 2
    none = said(call("locate", "symmetric_pair(1, weight=0.8)", "variance_exploding", "--from", "2", "--to", "3"))
    assert "no bifurcation of the density from t = 2 to 3" in none


def test_locate_puts_estimates_beside_exact_places():
    """Universal places of two classes: phi = 3/4 at log Lambda = -0.1615, then 0, log 1.508331, log 1.345478."""
    text = said(call("locate", "symmetric_pair(m)", OU, "-p", "m=1", "--simulate", "-n", 6000, "--seed", 3))
    lines = text.splitlines()
    truth = {
        "clone half point": -0.16153,
        "unit separation": 0.0,
        "entropy rate": np.log(1.508331),
        "entropy variance": np.log(1.345478),
    }
    for name, place in truth.items():
        row = next(line for line in lines if line.startswith(f"{name}  "))
        value, _, error, exact, time, status = row.removeprefix(name).split()
        assert float(exact) == pytest.approx(place, abs=5e-4)
        assert abs(float(value) - place) < 4 * float(error)
        assert 0.005 < float(error) < 0.1
        assert float(ornstein_uhlenbeck().time_at(float(value))) == pytest.approx(float(time), abs=2e-3)
        assert status == "estimated"
    assert "unit separation: crossing by clones at 0.7752 between" in text
    again = said(call("locate", "symmetric_pair(1)", OU, "--from", 2, "--to", 9, "--simulate", "-n", 2000))
    assert "the curve stays below 0.75" in again
    assert max(map(len, said(call("locate", "symmetric_pair(1)", OU), 0).splitlines())) <= 80


def test_plot_shows_the_numbers_and_its_provenance(run, tmp_path):
    from matplotlib import rc_context, rcParams
    from PIL import Image

    data = run[1]
    entropy = data.drop_vars([name for name in data.data_vars if str(name).startswith("x_")])
    figure = draw(entropy, "a title")
    panels = figure.get_axes()
    assert [axes.get_ylabel() for axes in panels] == ["class entropy", "local bandwidth", "x"]
    points, _, bars = panels[0].containers[0]
    np.testing.assert_array_equal(points.get_ydata(), data.class_entropy_mean)
    heights = [np.ptp(segment[:, 1]) for segment in bars[0].get_segments()]
    np.testing.assert_allclose(heights, 2 * data.class_entropy_mean_stderr, atol=1e-15)
    assert len(panels[2].get_lines()) == 7
    words = [text.get_text() for text in panels[0].texts]
    assert "generation" in words
    assert "forward" in [text.get_text() for text in draw(data.isel(time=slice(None, None, -1))).axes[0].texts]
    pdf = (run[2] / "run.pdf").read_bytes()
    assert b"/FontFile2" in pdf
    assert b'"trajectories": 3000' in pdf
    with rc_context({"pdf.fonttype": 3}):
        quick_look(data, tmp_path / "new" / "a.png")
        assert rcParams["pdf.fonttype"] == 3
    assert Image.open(tmp_path / "new" / "a.png").text["Description"] == data.attrs["provenance"]


def test_doctor_probes_a_fresh_kernel():
    rows = dict(line.split(maxsplit=1) for line in said(call("doctor")).splitlines())
    assert "numba" in rows["versions"]
    assert "cores" in rows["processor"]
    assert float(rows["compiling"].split()[0]) > 0.1
    speed = float(rows["1"].split()[1])
    assert 0.2 < speed < 1000


def test_vector_width_is_read_from_assembly():
    class Kernel:
        def __init__(self, text):
            self.text = text

        def inspect_asm(self):
            return {"f": self.text}

    wide = "\tvfmadd213pd %zmm1, %zmm2, %zmm3\n\tvmulpd (%rax), %zmm1, %zmm2\n\tvaddpd %ymm1, %ymm2, %ymm3\n"
    assert _vectors(Kernel(wide)) == "512 bits (zmm in 2 of 3 packed operations)"
    assert _vectors(Kernel("\tmulpd %xmm1, %xmm2\n")).startswith("128 bits")
    assert _vectors(Kernel("\tvmulsd %xmm1, %xmm2, %xmm3\n")).startswith("unknown")


def test_every_command_and_option_has_help():
    group = typer.main.get_command(app)
    for command in (group, *group.commands.values()):
        assert command.help
        for parameter in command.params:
            assert parameter.help, f"{command.name}: {parameter.name}"
    assert "[-2, 2]" in said(call("show", "--help"))
    assert said(call("--version")) == f"physim {version('physim-diffusion')}\n"
    assert call("unknown").exit_code == 2


def test_help_is_light():
    script = "import sys, physim.cli as c\ntry: c.main()\nexcept SystemExit: print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script, "--help"], capture_output=True, text=True, check=True).stdout
    heavy = {"sympy", "numba", "numpy", "scipy", "xarray", "matplotlib", "mpmath"}
    assert "simulate" in loaded
    assert not heavy & set(loaded.split())

    def seconds(code, *arguments):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, check=True)
        return time.perf_counter() - started

    help_page = "import physim.cli as c; c.main()"
    bare = min(seconds("pass") for _ in range(5))
    assert min(seconds(help_page, "--help") for _ in range(5)) - bare < 0.3


def test_step_bias_is_printed_beside_the_mean_and_a_finished_run_leaves_no_checkpoint(tmp_path):
    """200 Euler steps leave a bias that is measured; record counts even steps."""
    state = tmp_path / "state"
    text = said(call("simulate", PAIR, OU, *QUICK, "--step-bias", "--checkpoint", state, "--out", tmp_path / "run.nc"))
    assert not state.exists()
    bias = float(load(tmp_path / "run.nc").x_mean_bias[-1])
    assert f"(step {bias:+.1g} ± " in text
    text = said(call("simulate", PAIR, OU, "--precision", "half", *QUICK), 2)
    assert "precision: 'half' is unknown; allowed are float64, float32" in text
