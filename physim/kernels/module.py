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

from physim.kernels import single
from physim.kernels.library import ONCE, SIGNATURES, signature_of

HEADER = """import math

import numpy as np
from llvmlite import ir
from numba import config, njit, types
from numba.core import cgutils, sigutils
from numba.extending import intrinsic

"""
ROOM = Path(__file__).parent
SOURCES = (
    *(ROOM / f"{name}.py" for name in ("intrinsics", "elementary", "bessel", "philox", "library", "single")),
    ROOM.parent / "observables.py",
    ROOM / "drivers.py",
    ROOM / "products.py",
)
# Functions without a signature are called by kernels only: no wrappers, a quarter less time.
INNER = re.compile(r"@njit\((?![\"\n])")
DOUBLE, SINGLE = "float64", "float32"
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


def closure(source: str, real: str = DOUBLE) -> str:
    """The source of every function that a piece of source needs, in the order of the files; stubs of linked ones."""
    tree = ast.parse(source)
    own = {name for node in tree.body for name in _names(node)}
    wanted: dict[str, str] = {}
    todo = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} - own
    while todo:
        name = todo.pop()
        if name not in wanted and (found := _definition(name, real)):
            wanted[name] = found[0] if _signature(name, real) is None else _stub(name, real)
            todo |= (found[1] if _signature(name, real) is None else {"linked"}) - own
    return "\n\n\n".join(dict.fromkeys(wanted[name] for name in sorted(wanted, key=_place)))


def _place(name: str) -> tuple[int, str]:
    """Numbers and plain functions in the order of the files, then what is derived from them."""
    order = list(_definitions())
    return (order.index(name), name) if name in order else (len(order), name)


@cache
def _definition(name: str, real: str) -> tuple[str, frozenset[str]] | None:
    """Source of a library function and the names it uses; of `once_exp` and `exp_f` made from those of `exp`."""
    known, twin = _definitions(), name + single.SUFFIX
    if real != DOUBLE and name in SIGNATURES and twin in known:
        return known[twin][0].replace(f"def {twin}(", f"def {name}("), known[twin][1]
    if name in known:
        text, uses = known[name]
        return (text.replace("np.float64)", f"np.{real})") if name in SIGNATURES else text), uses
    base = name.removeprefix(ONCE).removesuffix(single.SUFFIX)
    if base not in known or base == name:
        return None
    if name.startswith(ONCE):
        return known[base][0].replace(f"def {base}(", f"def {name}("), known[base][1]
    text = single.derived(base, known[base][0], _elementary())
    return text, frozenset(n.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name))


@cache
def _elementary() -> frozenset[str]:
    """The names of the elementary functions and their numbers."""
    rooms = (ast.parse((ROOM / f"{name}.py").read_text()) for name in ("elementary", "bessel"))
    return frozenset(n for room in rooms for node in room.body for n in _names(node))


def in_single(source: str) -> str:
    """The float32 form of generated lane functions."""
    return single.translate(source, _elementary())


@cache
def _signature(name: str, real: str) -> str | None:
    """The signature of a function that is linked, not copied; without the compiler everything is copied."""
    from numba import config

    found = _definition(name, real)
    node = ast.parse(found[0]).body[0] if found else None
    if getattr(config, "DISABLE_JIT", False) or not isinstance(node, ast.FunctionDef):
        return None
    return signature_of(name, len(node.args.args), real)


@cache
def _stub(name: str, real: str) -> str:
    text, signature = _library_text(name, real), _signature(name, real)
    (node,) = (n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef) and n.name == name)
    arguments, doc = ", ".join(a.arg for a in node.args.args), (ast.get_docstring(node) or "").splitlines()[0]
    return STUB.format(
        name=name, arguments=arguments, doc=doc, symbol=f"{module_name(text)}_{name}", signature=signature
    )


@cache
def _library_text(name: str, real: str) -> str:
    found = _definition(name, real)
    assert found is not None
    head = f'@njit("{_signature(name, real)}", cache=True, '
    text = re.sub(r"@njit\((forceinline=True, )?", head, found[0], count=1)
    return complete(text, "Compiled once for all kernels.", real)


@cache
def _link(name: str, real: str) -> None:
    """Compile or load a function of the library and make its symbol known."""
    import llvmlite.binding as llvm

    text = _library_text(name, real)
    (compiled,) = getattr(load(text), name).overloads.values()
    address = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
    llvm.add_symbol(f"{module_name(text)}_{name}", address)


def complete(source: str, title: str, real: str = DOUBLE, contract: bool = False) -> str:
    """The text of a self-contained module around some generated source; with `contract` LLVM may fuse a b + c."""
    body = f"{closure(source, real)}\n\n\n{source}\n".replace("cache=True", "cache=True, no_cfunc_wrapper=True")
    if contract:
        body = body.replace("nogil=True", 'nogil=True, fastmath={"contract"}')
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
    for function, signature in re.findall(r'return linked\("kernel_[0-9a-f]+_(\w+)", "(.*)"\)', text):
        _link(function, SINGLE if SINGLE in signature else DOUBLE)
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
