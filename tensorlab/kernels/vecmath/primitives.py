"""What the functions of this package are made of: floats seen as bits, fused multiply-add, polynomials.

Everything here compiles to straight-line vector code. A loop that calls a function built from these and nothing else is
vectorised by LLVM; one call of libm, or one branch that survives, and it is not.

Numba does 32-bit integer arithmetic in 64 bits: the functions cast each step back, for LLVM to narrow it again instead
of halving the lanes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numba.types import UniTuple

from tensorlab.kernels.runtime.parts import PART

Function = TypeVar("Function", bound=Callable[..., Any])

LONG = 9
"""From this many coefficients on, two chains are faster than one by 5 to 10 %."""

SAME_WIDTH: dict[Any, Any] = {types.float32: types.int32, types.float64: types.int64}


def scalar(function: Function) -> Function:
    """Compile a scalar function for inlining: lazily, with IEEE division, and with no licence to reorder anything.

    Several steps are exact only because a multiply-add is fused, or because it is not, so that too is said by `fma` and
    not left to the compiler.
    """
    return cast(Function, numba.njit(error_model="numpy", forceinline=True, **PART)(function))


# What `intrinsic` returns is called without the typing context that its argument is defined with.
emitter: Callable[[Callable[..., Any]], Callable[..., Any]] = intrinsic


@emitter
def bits(typing_context: Any, x: Any) -> Any:
    """The bits of a float as an integer of the same width."""
    integer = SAME_WIDTH.get(x)
    if integer is None:
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(signature.return_type))

    return integer(x), codegen


@emitter
def from_bits(typing_context: Any, i: Any) -> Any:
    """The float that has these bits: the inverse of `bits`."""
    floating = {integer: real for real, integer in SAME_WIDTH.items()}.get(i)
    if floating is None:
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(signature.return_type))

    return floating(i), codegen


@emitter
def fma(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """`a * b + c`, rounded once. The three are of one type: nothing is promoted by accident."""
    if not (a == b == c and a in SAME_WIDTH):
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fma(*args)

    return a(a, a, a), codegen


@emitter
def select(typing_context: Any, condition: Any, a: Any, b: Any) -> Any:
    """`a if condition else b`, without a branch. The two are of one type.

    LLVM turns most conditional expressions into this by itself. Of several with one condition it may keep the branch,
    and the loop stays scalar.
    """
    if condition != types.boolean or a != b:
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(*args)

    return a(condition, a, a), codegen


@emitter
def floor(typing_context: Any, x: Any) -> Any:
    """The largest whole number that is not above `x`, in its own type."""
    if x not in SAME_WIDTH:
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        real = args[0].type
        declared = builder.module.declare_intrinsic("llvm.floor", [real], ir.FunctionType(real, [real]))
        return builder.call(declared, args)

    return x(x), codegen


@emitter
def copysign(typing_context: Any, magnitude: Any, sign: Any) -> Any:
    """`magnitude` with the sign of `sign`, in their own type (`math.copysign` may go through libm)."""
    if not (magnitude == sign and magnitude in SAME_WIDTH):
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        real = args[0].type
        declared = builder.module.declare_intrinsic("llvm.copysign", [real], ir.FunctionType(real, [real, real]))
        return builder.call(declared, args)

    return magnitude(magnitude, magnitude), codegen


@emitter
def look_up(typing_context: Any, table: Any, i: Any) -> Any:
    """`table[i]` for a constant table and an index inside it, as a gather that does not stop a loop's vectorisation.

    LLVM has to know that what the loop stores does not change the table. Of a constant that is not enough for it where
    the address stored to was an integer before; of what a function declared `noalias` returns, it is.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(table)(context, builder, args[0]).data
        name, module = f"tensorlab.table.{table.dtype}", builder.module
        fresh = module.globals.get(name)
        if fresh is None:
            fresh = ir.Function(module, ir.FunctionType(data.type, [data.type]), name)
            fresh.linkage = "internal"
            fresh.return_value.add_attribute("noalias")
            for attribute in ("noinline", "nounwind", "readnone"):
                fresh.attributes.add(attribute)
            body = ir.IRBuilder(fresh.append_basic_block())
            # An instruction that no optimiser looks into, for it not to find that this is the argument
            body.ret(body.asm(ir.FunctionType(data.type, [data.type]), "", "=r,0", [fresh.args[0]], side_effect=False))
        return builder.load(builder.gep(builder.call(fresh, [data]), [args[1]]))

    return table.dtype(table, i), codegen


def horner(builder: Any, point: Any, terms: Any) -> Any:
    *lower, value = terms
    for coefficient in reversed(lower):
        value = builder.fma(value, point, coefficient)
    return value


@emitter
def polynomial(typing_context: Any, x: Any, coefficients: Any) -> Any:
    """`coefficients[0] + coefficients[1] * x + ...` by Horner's rule, each step rounded once.

    Horner's long chain costs little here: a vectorised loop has many elements in flight, and no rule has fewer steps.
    """
    if not (x in SAME_WIDTH and isinstance(coefficients, UniTuple) and coefficients.dtype == x):
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return horner(builder, args[0], cgutils.unpack_tuple(builder, args[1]))

    return x(x, coefficients), codegen


@emitter
def polynomial_in_halves(typing_context: Any, x: Any, coefficients: Any) -> Any:
    """A polynomial as the sum of its even and its odd powers, if it is long enough for two chains to be faster.

    For terms that do not alternate in sign: the halves of an alternating sum are larger than it, and so their rounding.
    """
    if not (x in SAME_WIDTH and isinstance(coefficients, UniTuple) and coefficients.dtype == x):
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        point, terms = args[0], cgutils.unpack_tuple(builder, args[1])
        if len(terms) < LONG:
            return horner(builder, point, terms)
        square = builder.fmul(point, point)
        return builder.fma(horner(builder, square, terms[1::2]), point, horner(builder, square, terms[::2]))

    return x(x, coefficients), codegen


@dataclass(frozen=True)
class Format:
    """A binary floating-point format: the constants from which one text makes the function of every precision."""

    real: type[Any]
    """The scalar type."""
    integer: type[Any]
    """The signed integer of the same width."""

    @property
    def fraction_bits(self) -> int:
        return int(np.finfo(self.real).nmant)

    @property
    def bias(self) -> int:
        return int(np.finfo(self.real).maxexp) - 1

    @property
    def shifter(self) -> Any:
        """1.5 · 2**fraction_bits: adding it rounds to an integer, which then stands in the lowest bits of the sum."""
        return self.real(1.5 * 2.0**self.fraction_bits)

    @property
    def shifter_bits(self) -> Any:
        return self.integer(self.shifter.view(self.integer))

    @property
    def exponent_shifter(self) -> Any:
        """A shifter that leaves in the lowest bits the biased exponent of the power of two."""
        return self.shifter + self.real(self.bias)

    def constants(self, *values: float) -> tuple[Any, ...]:
        """The values rounded to this format, as the coefficients of a `polynomial`."""
        return tuple(self.real(value) for value in values)

    def split(self, value: str) -> tuple[Any, Any]:
        """A decimal as an unevaluated sum of two: what rounding it to this format gives, and what that leaves."""
        head = self.real(float(Fraction(value)))
        return head, self.real(float(Fraction(value) - Fraction(float(head))))


FLOAT32 = Format(np.float32, np.int32)
FLOAT64 = Format(np.float64, np.int64)
