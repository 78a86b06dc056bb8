"""The instructions that elementary functions are made of, each with a plain twin for NUMBA_DISABLE_JIT=1.

They take float64, or float32 where every argument is float32.  Bits travel as unsigned 64-bit integers.
"""

import math

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.extending import intrinsic

PLAIN = bool(getattr(config, "DISABLE_JIT", False))
F4, F8, U8 = types.float32, types.float64, types.uint64


def real_of(*arguments):
    """The type of a result: float32 when all arguments are."""
    return F4 if all(a == F4 for a in arguments) else F8


def fma_plain(a, b, c):
    """Return a b + c, rounded once."""
    a, b, c = float(a), float(b), float(c)
    result = a * b + c
    if not math.isfinite(result) or not (a and b and c):
        return result
    (an, ad), (bn, bd), (cn, cd) = a.as_integer_ratio(), b.as_integer_ratio(), c.as_integer_ratio()
    exact = an * bn * cd + cn * ad * bd
    return exact / (ad * bd * cd) if exact else result


@intrinsic
def fma_lane(typingctx, a, b, c):
    """Return a b + c, rounded once."""
    real = real_of(a, b, c)
    return real(real, real, real), lambda context, builder, signature, values: builder.fma(*values)


def bits_of_plain(x):
    """Return the 64 bits of a float64 as an unsigned integer."""
    return np.float64(x).view(np.uint64)


@intrinsic
def bits_of_lane(typingctx, x):
    """Return the bits of a float as an unsigned integer."""
    real = real_of(x)

    def codegen(context, builder, signature, values):
        u = builder.bitcast(values[0], ir.IntType(real.bitwidth))
        return u if real == F8 else builder.zext(u, ir.IntType(64))

    return U8(real), codegen


def float_of_plain(u):
    """Return the float64 that has the given 64 bits."""
    return float(np.uint64(u).view(np.float64))


@intrinsic
def float_of_lane(typingctx, u):
    """Return the float64 that has the given 64 bits."""
    return F8(U8), lambda context, builder, signature, values: builder.bitcast(values[0], ir.DoubleType())


def single_of_plain(u):
    """Return the float32 that has the 32 low bits."""
    return np.uint32(int(u) & 0xFFFFFFFF).view(np.float32)


@intrinsic
def single_of_lane(typingctx, u):
    """Return the float32 that has the 32 low bits."""

    def codegen(context, builder, signature, values):
        return builder.bitcast(builder.trunc(values[0], ir.IntType(32)), ir.FloatType())

    return F4(U8), codegen


def select_plain(condition, a, b):
    """Return a where the condition holds and b elsewhere."""
    return a if condition else b


@intrinsic
def select_lane(typingctx, condition, a, b):
    """Return a where the condition holds and b elsewhere, without a jump."""
    real = real_of(a, b)
    return real(types.boolean, real, real), lambda context, builder, signature, values: builder.select(*values)


def square_root_plain(x):
    """Return the square root, nan below zero."""
    return np.float64(math.sqrt(x) if x >= 0.0 else math.nan)


@intrinsic
def square_root_lane(typingctx, x):
    """Return the square root, nan below zero; NumPy's may call libm for the sake of errno."""

    return unary_call("llvm.sqrt", x)


def absolute_plain(x):
    """Return |x|."""
    return float_of_plain(bits_of_plain(x) & np.uint64(0x7FFFFFFFFFFFFFFF))


@intrinsic
def absolute_lane(typingctx, x):
    """Return |x|."""
    return unary_call("llvm.fabs", x)


def with_sign_plain(magnitude, x):
    """Return a number with the sign of x."""
    return math.copysign(magnitude, x)


@intrinsic
def with_sign_lane(typingctx, magnitude, x):
    """Return a number with the sign of x."""
    real = real_of(magnitude, x)

    def codegen(context, builder, signature, values):
        kind = values[0].type
        function = builder.module.declare_intrinsic("llvm.copysign", [kind], ir.FunctionType(kind, [kind, kind]))
        return builder.call(function, values)

    return real(real, real), codegen


def unary_call(name, x):
    """Signature and code of an LLVM intrinsic of one argument."""
    real = real_of(x)

    def codegen(context, builder, signature, values):
        return builder.call(builder.module.declare_intrinsic(name, [values[0].type]), values)

    return real(real), codegen


def horner_plain(x, c):
    """Return c[0] + c[1] x + c[2] x^2 + ... by Horner's rule with fused steps."""
    value = c[-1]
    for coefficient in c[-2::-1]:
        value = fma_plain(value, x, coefficient)
    return value


def horner_emit(builder, x, c):
    """Emit Horner's rule for a list of LLVM values."""
    value = c[-1]
    for coefficient in c[-2::-1]:
        value = builder.fma(value, x, coefficient)
    return value


@intrinsic
def horner_lane(typingctx, x, c):
    """Return c[0] + c[1] x + c[2] x^2 + ... by Horner's rule with fused steps, unrolled."""

    def codegen(context, builder, signature, values):
        c = [builder.extract_value(values[1], i) for i in range(signature.args[1].count)]
        return horner_emit(builder, values[0], c)

    real = real_of(x, c.dtype)
    return real(real, c if c.dtype == real else types.UniTuple(real, c.count)), codegen


def poly_plain(x, c):
    """Return c[0] + c[1] x + c[2] x^2 + ... as even part + x odd part: half the latency of `horner`."""
    return fma_plain(x, horner_plain(x * x, c[1::2]), horner_plain(x * x, c[0::2]))


@intrinsic
def poly_lane(typingctx, x, c):
    """Return c[0] + c[1] x + c[2] x^2 + ... as even part + x odd part, unrolled."""

    def codegen(context, builder, signature, values):
        c = [builder.extract_value(values[1], i) for i in range(signature.args[1].count)]
        z = builder.fmul(values[0], values[0])
        return builder.fma(values[0], horner_emit(builder, z, c[1::2]), horner_emit(builder, z, c[0::2]))

    real = real_of(x, c.dtype)
    return real(real, c if c.dtype == real else types.UniTuple(real, c.count)), codegen


def wide_vectors_plain():
    """Do nothing."""


@intrinsic
def wide_vectors_lane(typingctx):
    """Let LLVM use 512-bit vectors for the loops of the calling function, on processors that have them.

    The function stays a function: inlined into a long one its constants would leave the registers.
    """

    def codegen(context, builder, signature, values):
        attributes = builder.function.attributes
        set.add(attributes, '"prefer-vector-width"="512"')
        if "alwaysinline" not in attributes:
            attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), codegen


fma = fma_plain if PLAIN else fma_lane
bits_of = bits_of_plain if PLAIN else bits_of_lane
float_of = float_of_plain if PLAIN else float_of_lane
single_of = single_of_plain if PLAIN else single_of_lane
select = select_plain if PLAIN else select_lane
absolute = absolute_plain if PLAIN else absolute_lane
with_sign = with_sign_plain if PLAIN else with_sign_lane
square_root = square_root_plain if PLAIN else square_root_lane
horner = horner_plain if PLAIN else horner_lane
poly = poly_plain if PLAIN else poly_lane
wide_vectors = wide_vectors_plain if PLAIN else wide_vectors_lane
