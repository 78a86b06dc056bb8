"""From source to compiled code: one self-contained module per kernel, named by its content, cached for every process.

The module's text holds everything it runs: the generated functions and, copied as source, the elementary functions
they call; the noise and the accumulators, the same in every kernel, are stubs of modules of their own
(`kernels/library.py`).  A name is a hash of the text and of the versions of numba and Python, so a cached module can
never be stale.  It is written by rename with a fixed modification time: processes that start
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

from physim.kernels.library import ONCE, signature_of

HEADER = """import math

import numpy as np
from llvmlite import ir
from numba import config, njit, types
from numba.core import cgutils, sigutils
from numba.extending import intrinsic

"""
ROOM = Path(__file__).parent
SOURCES = (
    *(ROOM / f"{name}.py" for name in ("elementary", "bessel", "philox", "library")),
    ROOM.parent / "observables.py",
    ROOM / "drivers.py",
    ROOM / "products.py",
)
# Functions without a signature are called by kernels only: no wrappers, a quarter less time.
INNER = re.compile(r"@njit\((?![\"\n])")
STUB = '''@intrinsic
def {name}(typingctx, {arguments}):
    """{doc}"""
    return linked("{symbol}", "{signature}")'''
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
    """The source of every function that a piece of source needs, in the order of the files; stubs of linked ones."""
    known, tree = _definitions(), ast.parse(source)
    own = {name for node in tree.body for name in _names(node)}
    wanted, todo = set(), {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} - own
    while todo:
        name = todo.pop()
        if name not in wanted and name.removeprefix(ONCE) in known:
            wanted.add(name)
            todo |= ({"linked"} if _signature(name) else known[name][1]) - own
    pieces = [_stub(name) for name in sorted(wanted) if _signature(name)]
    pieces += [text for name, (text, _) in known.items() if name in wanted and not _signature(name)]
    return "\n\n\n".join(dict.fromkeys(pieces))


def _definition(name: str) -> tuple[str, ast.AST]:
    """Source and syntax of a library function; of `once_exp` under that name."""
    text = _definitions()[name.removeprefix(ONCE)][0]
    text = text.replace(f"def {name.removeprefix(ONCE)}(", f"def {name}(")
    return text, ast.parse(text).body[0]


@cache
def _signature(name: str) -> str | None:
    """The signature of a function that is linked, not copied; without the compiler everything is copied."""
    from numba import config

    node = _definition(name)[1]
    if getattr(config, "DISABLE_JIT", False) or not isinstance(node, ast.FunctionDef):
        return None
    return signature_of(name, len(node.args.args))


@cache
def _stub(name: str) -> str:
    node = _definition(name)[1]
    assert isinstance(node, ast.FunctionDef)
    arguments, doc = ", ".join(a.arg for a in node.args.args), (ast.get_docstring(node) or "").splitlines()[0]
    symbol = f"{module_name(_library_text(name))}_{name}"
    return STUB.format(name=name, arguments=arguments, doc=doc, symbol=symbol, signature=_signature(name))


@cache
def _library_text(name: str) -> str:
    text = re.sub(
        r"@njit\((forceinline=True, )?", f'@njit("{_signature(name)}", cache=True, ', _definition(name)[0], count=1
    )
    return complete(text, "Compiled once for all kernels.")


@cache
def _link(name: str) -> None:
    """Compile or load a function of the library and make its symbol known."""
    import llvmlite.binding as llvm

    text = _library_text(name)
    (compiled,) = getattr(load(text), name).overloads.values()
    address = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
    llvm.add_symbol(f"{module_name(text)}_{name}", address)


def complete(source: str, title: str) -> str:
    """The text of a self-contained module around some generated source."""
    body = f"{closure(source)}\n\n\n{source}\n".replace("cache=True", "cache=True, no_cfunc_wrapper=True")
    return f'"""{title}"""\n\n{HEADER}\n{INNER.sub("@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, ", body)}'


def module_name(text: str) -> str:
    """The name of the module of a text."""
    import llvmlite
    import numba

    tag = f"1 {text}\n{numba.__version__} {llvmlite.__version__} {sys.version_info[:3]}"
    return "kernel_" + hashlib.sha256(tag.encode()).hexdigest()[:24]


@lru_cache(maxsize=256)
def load(text: str):
    """The imported module of a text, compiled or from the cache."""
    for function in re.findall(r'return linked\("kernel_[0-9a-f]+_(\w+)"', text):
        _link(function)
    name = module_name(text)
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
