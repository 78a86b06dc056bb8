"""The only room that touches disk: datasets as netCDF with a checksum, and the provenance of a result."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import zipfile
import zlib
from functools import cache
from pathlib import Path

import numpy as np


def provenance(facts: dict) -> str:
    """One JSON string: versions, commit and the given facts."""
    return json.dumps({**versions(), **facts}, sort_keys=True, default=str)


@cache
def versions() -> dict:
    """Versions of the package and of what it computes with, the commit (None outside a checkout) and the machine."""
    from importlib.metadata import PackageNotFoundError, version

    def of(name):
        try:
            return version(name)
        except PackageNotFoundError:
            return None

    packages = ("physim-diffusion", "numpy", "numba", "llvmlite", "scipy", "sympy", "mpmath", "xarray")
    return {
        "versions": {"python": platform.python_version()} | {name: of(name) for name in packages},
        "commit": _commit(),
        "machine": platform.machine(),
    }


def _commit():
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None
    try:
        run = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty"],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return run.stdout.strip()


def checksum(dataset) -> str:
    """SHA-256 over names, dimensions, shapes and values of all variables, in order of name."""
    digest = hashlib.sha256()
    for name in sorted(map(str, dataset.variables)):
        variable = dataset.variables[name]
        values = np.ascontiguousarray(variable.values)
        digest.update(f"{name}{variable.dims}{values.shape}{values.dtype.kind}".encode())
        digest.update(values.tobytes() if values.dtype.kind in "fiub" else repr(values.tolist()).encode())
    return digest.hexdigest()


def save(dataset, path) -> Path:
    """Write a dataset as netCDF by rename, with its checksum; returns the path."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    dataset.assign_attrs(checksum=checksum(dataset)).to_netcdf(partial, engine="h5netcdf")
    with open(partial, "rb") as handle:
        os.fsync(handle.fileno())
    os.replace(partial, path)
    return path


def load(path):
    """Read a dataset back; ValueError when it is damaged."""
    import xarray as xr

    if not Path(path).exists():
        raise ValueError(f"path: {path} does not exist")
    try:
        with xr.open_dataset(path, engine="h5netcdf") as opened:
            dataset = opened.load()
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"path: {path} is not a readable result file ({error})") from None
    stated = dataset.attrs.pop("checksum", None)
    if stated != checksum(dataset):
        raise ValueError(f"path: {path} is damaged or not ours, its checksum does not match")
    return dataset


def save_state(path, key: str, arrays: dict) -> None:
    """Write named arrays as npz by rename, with a key that says what they belong to and a checksum."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with open(partial, "wb") as handle:
        np.savez(handle, **arrays, key=np.array(key), checksum=np.array(_digest(arrays)))
        handle.flush()
        os.fsync(handle.fileno())
    os.replace(partial, path)


def load_state(path, key: str) -> dict | None:
    """The arrays of a state; None where there is no file; ValueError when it is damaged or belongs to another key."""
    if not Path(path).exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as opened:
            arrays = {name: opened[name] for name in opened.files}
        stated, known = str(arrays.pop("checksum")), str(arrays.pop("key"))
        damaged = stated != _digest(arrays)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        damaged, known = True, key
    if damaged:
        raise ValueError(f"checkpoint: {path} is damaged; remove it to begin anew")
    if known != key:
        raise ValueError(f"checkpoint: {path} belongs to another run; give another path, or remove it")
    return arrays


def _digest(arrays) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        values = np.ascontiguousarray(arrays[name])
        digest.update(f"{name}{values.shape}{values.dtype.str}".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()
