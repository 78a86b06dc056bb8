"""Functions that are the same in every kernel: compiled once, each in a module of its own, and called by symbol.

What a kernel module needs of them is a stub of a few lines; so a kernel compiles its own equations and the loop around
them, and nothing else.  The symbol contains the hash of everything the function is made of, so that a kernel can never
meet another version of it.  Only functions that work on whole blocks are here, where a call costs nothing beside the
work, and scalar functions as the tables use them, once a step: `once_exp` is `exp`, not inlined.
"""

from numba.core import cgutils, sigutils

# `real` is the precision of the lanes, float64 or float32
SIGNATURES = {
    "vector": "float64[::1](int64)",
    "matrix": "float64[:, ::1](int64, int64)",
    "cube": "float64[:, :, ::1](int64, int64, int64)",
    "lane_vector": "real[::1](int64)",
    "lane_matrix": "real[:, ::1](int64, int64)",
    "lane_cube": "real[:, :, ::1](int64, int64, int64)",
    "rows_of": "real[:, ::1](real[:, :, ::1])",
    "flags": "uint8[::1](int64)",
    "begin": "void(float64[:, ::1], int64, int64, real[:, ::1], real[::1])",
    "load_sites": "void(float64[:, ::1], int64, int64, real[:, ::1])",
    "keep": "void(real[:, ::1], int64, int64, float64[:, ::1])",
    "fill_bits": "void(float64[:, ::1], uint64, uint64, uint64, uint64, uint64)",
    "fill_noise": "void(real[:, :, ::1], uint64, uint64, uint64, uint64, uint64)",
    "fill_uniforms": "void(real[:, :, ::1], uint64, uint64, uint64, uint64, uint64)",
    "keep_living": "void(real[:, ::1], int64, real[::1])",
    "add_cells": "void(real[:, ::1], int64, real[::1], float64[:, ::1], float64[:, :, ::1], int64)",
    "add_pairs": "void(real[:, ::1], int64, int64, real[::1], float64[::1])",
    "add_histograms": "void(real[:, ::1], int64, real[::1], float64[::1], int64[:, ::1], int64[::1])",
    "merge_nodes": "void(float64[:, ::1], float64[:, ::1], int64)",
    "merge_pairs": "void(float64[::1], float64[::1], int64)",
    "carry": "void(float64[:, :, ::1], uint8[::1], float64[:, ::1], int64)",
    "collapse": "void(float64[:, :, ::1], uint8[::1], float64[:, ::1], int64)",
    "mean_of": "float64(float64[::1], int64, float64[::1])",
}
ONCE = "once_"


def signature_of(name: str, arguments: int, real: str) -> str | None:
    """The signature of a linked function; None for one that is copied as source."""
    if name.startswith(ONCE):
        return f"float64({', '.join(['float64'] * arguments)})"
    return SIGNATURES[name].replace("real", real) if name in SIGNATURES else None


def linked(symbol, text):
    """What an intrinsic returns that calls a compiled function by its symbol: signature and code."""
    arguments, result = sigutils.normalize_signature(text)

    def codegen(context, builder, signature, values):
        kind = context.call_conv.get_function_type(result, arguments)
        function = cgutils.get_or_insert_function(builder.module, kind, symbol)
        status, value = context.call_conv.call_function(builder, function, result, arguments, values)
        with cgutils.if_unlikely(builder, status.is_error):
            context.call_conv.return_status_propagate(builder, status)
        return value

    return result(*arguments), codegen
