"""From source to compiled code: one self-contained module per kernel, named by its content, cached for every process.

The module's text holds everything it runs: the generated functions and, copied as source, the elementary functions,
noise and accumulators they call.  Its name is a hash of that text and of the versions of numba and Python, so a
cached module can never be stale.  It is written by rename with a fixed modification time: processes that start
together write the same file and share numba's cache beside it.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import os
import re
import sys
import tempfile
import threading
from functools import cache, lru_cache
from pathlib import Path

HEADER = """import math

import numpy as np
from llvmlite import ir
from numba import config, njit, types
from numba.extending import intrinsic

"""
ROOM = Path(__file__).parent
SOURCES = (ROOM / "elementary.py", ROOM / "philox.py", ROOM.parent / "observables.py", ROOM / "drivers.py")
INNER = re.compile(
    r"@njit\((?![\"\n])"
)  # functions without a signature are called by kernels only: no wrappers, a quarter less time
_lock = threading.Lock()


@cache
def _definitions() -> dict[str, tuple[str, frozenset[str]]]:
    """Top-level name -> (its source, the names it uses), for all files that kernels are copied from."""
    found = {}
    for path in SOURCES:
        text = path.read_text()
        lines = text.splitlines()
        for node in ast.parse(text).body:
            names = _names(node)
            if not names:
                continue
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
            source = "\n".join(lines[first - 1 : node.end_lineno])
            uses = frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name))
            for name in names:
                found[name] = (source, uses - set(names))
    return found


def _names(node) -> list[str]:
    if isinstance(node, ast.FunctionDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [n.id for target in node.targets for n in ast.walk(target) if isinstance(n, ast.Name)]
    return []


def closure(source: str) -> str:
    """The source of every library function that a piece of source needs, in the order of the library files."""
    known = _definitions()
    wanted, todo = set(), {n.id for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Name)}
    own = {name for node in ast.parse(source).body for name in _names(node)}
    todo -= own
    while todo:
        name = todo.pop()
        if name in known and name not in wanted:
            wanted.add(name)
            todo |= known[name][1] - own
    pieces: list[str] = []
    for name, (text, _) in known.items():
        if name in wanted and text not in pieces:
            pieces.append(text)
    return "\n\n\n".join(pieces)


def complete(source: str, title: str) -> str:
    """The text of a self-contained module around some generated source."""
    body = f"{closure(source)}\n\n\n{source}\n"
    return f'"""{title}"""\n\n{HEADER}\n{INNER.sub("@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, ", body)}'


@lru_cache(maxsize=256)
def load(text: str):
    """The imported module of a text, compiled or from the cache."""
    import llvmlite
    import numba

    tag = f"1 {text}\n{numba.__version__} {llvmlite.__version__} {sys.version_info[:3]}"
    name = "kernel_" + hashlib.sha256(tag.encode()).hexdigest()[:24]
    with _lock:
        if name in sys.modules:
            return sys.modules[name]
        path = cache_folder() / f"{name}.py"
        if not path.exists():
            _write(path, text)
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # before it runs: numba's cache refers to functions by module name
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module


@cache
def cache_folder() -> Path:
    """Where compiled modules live: $PHYSIM_CACHE, else the user's cache folder, else a temporary one."""
    chosen = os.environ.get("PHYSIM_CACHE")
    folder = Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "physim"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError:
        folder = Path(tempfile.mkdtemp(prefix="physim-"))
    return folder


def _write(path: Path, text: str) -> None:
    partial = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
    partial.write_text(text)
    os.utime(partial, (1_000_000_000, 1_000_000_000))
    os.replace(partial, path)
