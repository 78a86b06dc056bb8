"""Single precision: the same functions on float32 lanes, with other constants; and float32 normals.

A float32 kernel is the float64 one rewritten (`translate`): numbers are rounded, and a library function f becomes f_f.
That is, for the functions in NATIVE, the source of f under the same rewriting, with the constants below where they
differ; for the others f in float64, rounded.  Noise has the words of the float64 run: radius from the 31 highest of its
40 bits, |z| <= sqrt(64 log 2) = 6.66, the same angle, so that both precisions follow one Brownian path.
Tables, moments and stored paths stay float64.
"""

import ast

import numpy as np
from numba import njit

from physim.kernels.intrinsics import bits_of, fma, horner, select, single_of, square_root, wide_vectors

SUFFIX = "_f"
NATIVE = frozenset({"clip", "quotient", "reduce_exp", "one_plus", "power_of_two", "scale", "sqrt", "rsqrt"})
NATIVE |= {"exp", "tanh", "sigmoid", "sech2"}

MANTISSA_f, BIAS_f = 23, 127
MAGIC_EXPONENT_f = np.float32(12583039.0)  # 1.5 2^23 + 127
MAGIC_HALF_f = np.float32(6291582.0)  # 1.5 2^22 + 126
LN2_HIGH_f, LN2_LOW_f = np.float32(0.693359375), np.float32(-2.1219444e-04)
EXP_LOW_f, EXP_ZERO_f, EXP_HIGH_f = np.float32(-105.0), np.float32(-103.98), np.float32(89.0)
SECH_LOW_f, SECH_ZERO_f = np.float32(-107.0), np.float32(-105.36)
TANH_ONE_f = np.float32(9.5)
MINUS_TWO_LN2_f, FOUR_LN_3_HALVES_f = np.float32(-1.3862943611198906), np.float32(1.6218604324326575)
# fmt: off
EXP_f = tuple(map(np.float32, (
    0.5000000100986981, 0.16666512890683594, 0.041666187254092636, 0.00836959820236583, 0.0013951719360984305,
)))
COTH_f = tuple(map(np.float32, (0.33333332143963945, -0.022221154659244898, 0.002089123719278572)))
RADIUS_f = tuple(map(np.float32, (
    -1.999999969214352, 0.9999982323654714, -0.6666919751530256, 0.5003952266377295, -0.39611214401078054,
    0.31906092568875516, -0.45538444376854914,
)))
SINE_f = tuple(map(np.float32, (1.5707963219668073, -0.6459634786417284, 0.07968022806736665, -0.00460217699711222)))
COSINE_f = tuple(map(np.float32, (0.9999999724233233, -1.2336970142479673, 0.25359864411198946, -0.02040835254143896)))
# fmt: on
ONE_f, HALF_f = np.float32(1.0), np.float32(1.5)
UNIT_f, MIDDLE_f, LARGEST_f = np.float32(2.0**-31), np.float32(2.0**-32), np.float32(1 - 2.0**-24)
EXPONENT_f = np.float32(8388734.0)  # 2^23 + 126


def translate(source: str, library) -> str:
    """The float32 form of generated source or of a library function; `library` holds the names that are rewritten."""

    class Rewrite(ast.NodeTransformer):
        def visit_Constant(self, node):
            return ast.parse(f"np.float32({node.value!r})").body[0].value if isinstance(node.value, float) else node

        def visit_Name(self, node):
            name = "single_of" if node.id == "float_of" else node.id + SUFFIX if node.id in library else node.id
            return ast.copy_location(ast.Name(name, node.ctx), node)

        def visit_Subscript(self, node):
            if isinstance(node.value, ast.Name) and node.value.id == "columns":
                return ast.parse(f"np.float32({ast.unparse(node)})").body[0].value
            return self.generic_visit(node)

        def visit_FunctionDef(self, node):
            node.body = [self.visit(line) for line in node.body]
            return node

    return "\n\n\n".join(ast.unparse(Rewrite().visit(node)) for node in ast.parse(source).body)


def derived(name: str, source: str, library) -> str:
    """The source of name_f from that of a library function or number."""
    if name.isupper():
        return f"{name}{SUFFIX} = np.float32({name})"
    node = ast.parse(source).body[0]
    assert isinstance(node, ast.FunctionDef)
    arguments = [a.arg for a in node.args.args]
    head = '@njit(forceinline=True, error_model="numpy", nogil=True)'
    if name in NATIVE:
        body = translate(ast.unparse(node).split("\n", 1)[1], library)
        return f"{head}\n{body.replace(f'def {name}(', f'def {name}{SUFFIX}(', 1)}"
    given = ", ".join(f"np.float64({a})" for a in arguments)
    lines = f'    """Return {name} as computed in float64, rounded."""\n    return np.float32({name}({given}))'
    return f"{head}\ndef {name}{SUFFIX}({', '.join(arguments)}):\n{lines}"


@njit(forceinline=True, error_model="numpy", nogil=True)
def radius_f(low, high):
    """Return sqrt(-2 log u), u = (i + 1/2) / 2^31, i = bits 9 to 39 of two words; see `philox.radius`."""
    i = (low >> np.uint64(9)) | ((high << np.uint64(23)) & np.uint64(0x7F800000))
    u = fma(np.float32(np.int32(i)), UNIT_f, MIDDLE_f)
    u = bits_of(select(u > LARGEST_f, LARGEST_f, u))
    k = single_of((u >> np.uint64(23)) | np.uint64(0x4B000000)) - EXPONENT_f
    m = single_of((u & np.uint64(0x007FFFFF)) | np.uint64(0x3F000000))
    c = single_of((~u & np.uint64(0x00400000)) | np.uint64(0x3F800000))
    f = fma(m, c, -ONE_f)
    tail = fma(f, horner(f, RADIUS_f), fma(c, FOUR_LN_3_HALVES_f, -FOUR_LN_3_HALVES_f))
    return square_root(fma(k, MINUS_TWO_LN2_f, tail))


@njit(forceinline=True, error_model="numpy", nogil=True)
def box_muller_f(low, high):
    """Return two standard normals from two words of 32 bits; see `philox.box_muller`."""
    r = radius_f(low, high)
    j = (high >> np.uint64(7)) & np.uint64(0x007FFFFE)
    y = single_of(j | np.uint64(0x3F800001)) - HALF_f
    z = y * y
    s = (r * y) * horner(z, SINE_f)
    c = r * horner(z, COSINE_f)
    c = single_of(bits_of(c) ^ (high & np.uint64(0x80000000)))
    swap = (high & np.uint64(0x40000000)) != np.uint64(0)
    return select(swap, s, c), select(swap, c, s)


@njit(error_model="numpy", nogil=True)
def normals_f(words, out):
    """Normals from the words of `philox.fill_bits`, two rows of them."""
    wide_vectors()
    for i in range(out.shape[1]):
        z0, z1 = box_muller_f(bits_of(words[0, 2 * i]), bits_of(words[0, 2 * i + 1]))
        out[0, i], out[1, i] = z0, z1
    for i in range(out.shape[1]):
        z2, z3 = box_muller_f(bits_of(words[2, 2 * i]), bits_of(words[2, 2 * i + 1]))
        out[2, i], out[3, i] = z2, z3
