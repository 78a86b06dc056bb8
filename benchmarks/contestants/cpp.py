"""C++ programs with OpenMP and libmvec, compiled on the spot with g++ into a temporary folder.

Compiled with -ffast-math but linked without it, which would change the rounding mode of this whole process.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks import problem
from benchmarks.contestants import Contestant

FLAGS = ("-O3", "-march=native", "-ffast-math", "-fopenmp")
SCALAR = (*FLAGS, "-DPLAIN_SINE")
WIDE = (*FLAGS, "-mprefer-vector-width=512")
ROOM = Path(__file__).parent


def contestants(cores):
    """The program as first written, the same vectorised throughout, and one in blocks as our kernels are."""
    missing = "" if shutil.which("g++") else "no g++ on this machine"
    given = {"cores": cores, "skipped": missing}
    arrays, blocks = "cpp_arrays.cpp", "cpp_blocks.cpp"
    return [
        Contestant("C++ OpenMP, sin and cos as written", runner(arrays, SCALAR, cores), at_least=6, **given),
        Contestant("C++ OpenMP, all in libmvec", runner(arrays, FLAGS, cores), at_least=6, scaled=True, **given),
        Contestant("C++, blocked by hand", runner(blocks, FLAGS, cores), **given),
        Contestant("C++, blocked by hand, 512-bit", runner(blocks, WIDE, cores), scaled=True, **given),
    ]


def runner(source, flags, cores):
    """run(trajectories) of one program."""

    def run(trajectories):
        sums, table = np.zeros((2, problem.RECORDS)), problem.coefficients()
        start = (ctypes.c_double * 2)(*problem.start_law())
        library = compiled(source, flags)
        library.integrate.restype = None
        library.integrate(
            ctypes.c_long(trajectories),
            ctypes.c_int(problem.STEPS),
            ctypes.c_int(problem.RECORD_EVERY),
            table.ctypes.data_as(ctypes.c_void_p),
            start,
            ctypes.c_uint64(problem.SEED),
            ctypes.c_int(cores),
            sums.ctypes.data_as(ctypes.c_void_p),
        )
        mean = sums[0] / trajectories
        return mean, sums[1] / trajectories - mean**2

    return run


@cache
def compiled(source, flags):
    """The loaded library of one source under some flags."""
    with tempfile.TemporaryDirectory() as folder:
        plain, shared = f"{folder}/loop.o", f"{folder}/loop.so"
        subprocess.run(["g++", *flags, "-fPIC", "-c", str(ROOM / source), "-o", plain], check=True)
        subprocess.run(["g++", "-shared", "-fopenmp", plain, "-o", shared, "-lm"], check=True)
        return ctypes.CDLL(shared)
