"""Options of the arithmetic: float32 follows float64 on the same noise; contraction is named; the bits of strict."""

import hashlib
import json
import os
import subprocess
import sys

import llvmlite.binding as llvm
import numpy as np
import pytest

import analytic as an
import physim
from physim import grids
from tests.checks import agree
from tests.kernels.test_elementary import has_simd

PAIR = an.Diffusion(an.SymmetricPair(1), an.ornstein_uhlenbeck())
GRID = grids.uniform_log_snr(PAIR.process, 0.05, 3.0, 120)


def run(**options):
    given = {"trajectories": 3000, "keep_paths": 3000, "record": 4} | options
    return physim.simulate(
        PAIR.reverse(),
        grid=GRID,
        seed=8,
        observe={"x": PAIR.state[0], "h": PAIR.class_entropy},
        progress=False,
        **given,
    )


def test_float32_follows_float64():
    """Path by path to rounding (1e-7 a step, amplified where paths branch), and so in every statistic."""
    double, single = run(), run(precision="float32")
    difference = np.abs(single.paths.values - double.paths.values)
    assert 0 < np.median(difference[-1]) < 2e-6
    assert np.quantile(difference, 0.99) < 1e-4
    for name in ("x", "h"):
        close = single[f"{name}_mean"].values - double[f"{name}_mean"].values
        assert np.all(np.abs(close) < 0.02 * double[f"{name}_mean_stderr"].values + 1e-6)
        assert np.all(single[f"{name}_mean"].values != double[f"{name}_mean"].values)
    assert json.loads(single.attrs["provenance"])["precision"] == "float32"
    assert single.paths.dtype == np.float64


def test_float32_has_the_marginals():
    large = run(precision="float32", trajectories=100_000, keep_paths=0)
    agree(large.x_var, large.x_var_stderr, np.ones(4), bias=0.03)
    agree(large.x_mean, large.x_mean_stderr, np.zeros(4))


def test_float32_bits_do_not_depend_on_the_cut():
    reference = digest(precision="float32", threads=1)
    for how in ({"threads": 3}, {"block": 256}, {"chunk": 256, "threads": 2}):
        assert digest(precision="float32", **how) == reference, how


def test_contraction_is_named_and_changes_rounding_only():
    strict, fused = run(), run(contract=True)
    assert fused.paths.values == pytest.approx(strict.paths.values, rel=1e-9, abs=1e-9)
    assert json.loads(fused.attrs["provenance"])["arithmetic"] == "contract"
    assert json.loads(strict.attrs["provenance"])["arithmetic"] == "strict"
    from physim.kernels import few
    from physim.schemes import SCHEMES

    program = few.build(PAIR.reverse(), SCHEMES["euler_maruyama"], {"x": PAIR.state[0]}, contract=True)
    assert 'fastmath={"contract"}' in program.source


def digest(**options):
    """Hash of a run."""
    return hashed(run(**options))


@pytest.mark.skipif(not has_simd, reason="needs an x86 processor with fused multiply-add")
def test_same_hash_on_a_baseline_processor(tmp_path):
    """The whole of a result, compiled for this processor and for x86-64-v3, in caches of their own."""
    script = "import tests.physim.test_precision as t; print(t.digest(), t.digest(precision='float32'))"
    environment = {"NUMBA_CPU_NAME": "x86-64-v3", "NUMBA_CPU_FEATURES": "", "PHYSIM_CACHE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert llvm.get_host_cpu_name() != "x86-64-v3"
    assert done.stdout.split() == [digest(), digest(precision="float32")]


def test_same_bits_without_the_compiler():
    """A run in plain Python (every intrinsic replaced by its twin) against the compiled one."""
    script = "import tests.physim.test_precision as t; print(t.short())"
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", script],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == short()


def short():
    """Hash of a run of four steps."""
    result = physim.simulate(
        PAIR.reverse(),
        grid=grids.uniform(0.1, 1, 4),
        seed=8,
        observe={"x": PAIR.state[0], "h": PAIR.class_entropy},
        progress=False,
        trajectories=3,
        keep_paths=3,
        block=256,
    )
    return hashed(result)


def hashed(result):
    """Hash of everything in a result."""
    return hashlib.sha256(b"".join(result[n].values.tobytes() for n in sorted(result.data_vars))).hexdigest()[:16]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"precision": "float16"}, "precision: 'float16' is unknown; allowed are float64, float32"),
        ({"contract": "yes"}, "contract: 'yes' given; True or False is needed"),
    ],
)
def test_refusals(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        run(**options)
