"""Building blocks of the functions in this package: bit casts, fused multiply-add, select, and polynomials.

Everything here compiles to straight-line code. LLVM vectorizes a loop that calls functions made only of these; a single
call to libm or a remaining branch would prevent that.

Numba computes 32-bit integer arithmetic in 64 bits. The functions cast the result of each step back, so that LLVM uses
32-bit vectors instead of half as many 64-bit lanes.
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
"""The number of coefficients from which two dependency chains are 5 to 10 % faster than one."""

SAME_WIDTH: dict[Any, Any] = {types.float32: types.int32, types.float64: types.int64}


def scalar(function: Function) -> Function:
    """Decorate a scalar function for lazy compilation and inlining, with IEEE division and no fast-math flags.

    Several steps are exact only because a multiply-add is fused, or because it is not. So `fma` requests fusion
    explicitly, and the compiler must not contract other operations.
    """
    return cast(Function, numba.njit(error_model="numpy", forceinline=True, **PART)(function))


# `intrinsic` with a type for mypy: the returned function is called without the typing context.
emitter: Callable[[Callable[..., Any]], Callable[..., Any]] = intrinsic


@emitter
def bits(typing_context: Any, x: Any) -> Any:
    """Return the bits of a float as an integer of the same width."""
    integer = SAME_WIDTH.get(x)
    if integer is None:
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(signature.return_type))

    return integer(x), codegen


@emitter
def from_bits(typing_context: Any, i: Any) -> Any:
    """Return the float with these bits; the inverse of `bits`."""
    floating = {integer: real for real, integer in SAME_WIDTH.items()}.get(i)
    if floating is None:
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(signature.return_type))

    return floating(i), codegen


@emitter
def fma(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """Return `a * b + c`, rounded once; the arguments must have one type, so that nothing is promoted by accident."""
    if not (a == b == c and a in SAME_WIDTH):
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fma(*args)

    return a(a, a, a), codegen


@emitter
def multiply_add(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """Return `a * b + c`, rounded once if the processor has an instruction for it.

    On other processors `fma` is a call of a function, and a loop with it is not vectorized.
    """
    if not (a == b == c and a in SAME_WIDTH):
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(args[0].type, [args[0].type] * 3)
        return builder.call(builder.module.declare_intrinsic("llvm.fmuladd", [args[0].type], kind), args)

    return a(a, a, a), codegen


@emitter
def select(typing_context: Any, condition: Any, a: Any, b: Any) -> Any:
    """Return `a if condition else b` without a branch; both must have one type.

    LLVM converts most conditional expressions to a select. But if several share one condition, it may keep the branch,
    and then the loop is not vectorized.
    """
    if condition != types.boolean or a != b:
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(*args)

    return a(condition, a, a), codegen


@emitter
def floor(typing_context: Any, x: Any) -> Any:
    """Return the largest integer not above `x`, in the type of `x`."""
    if x not in SAME_WIDTH:
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        real = args[0].type
        declared = builder.module.declare_intrinsic("llvm.floor", [real], ir.FunctionType(real, [real]))
        return builder.call(declared, args)

    return x(x), codegen


@emitter
def copysign(typing_context: Any, magnitude: Any, sign: Any) -> Any:
    """Return `magnitude` with the sign of `sign`, in their type (`math.copysign` may call libm)."""
    if not (magnitude == sign and magnitude in SAME_WIDTH):
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        real = args[0].type
        declared = builder.module.declare_intrinsic("llvm.copysign", [real], ir.FunctionType(real, [real, real]))
        return builder.call(declared, args)

    return magnitude(magnitude, magnitude), codegen


@emitter
def look_up(typing_context: Any, table: Any, i: Any) -> Any:
    """Return `table[i]` for a constant table and a valid index, as a gather that allows vectorization.

    LLVM must know that the stores of the loop do not change the table. If the address of a store was converted from an
    integer, LLVM does not conclude this even for a constant table, but it does for a pointer that a `noalias` function
    returns.
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
            # Inline assembly hides from LLVM that the function returns its argument.
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
    """Return `coefficients[0] + coefficients[1] * x + ...` by Horner's rule, with one rounding per step.

    The long dependency chain of Horner's rule costs little here, because a vectorized loop processes many elements at
    once. No other scheme needs fewer operations.
    """
    if not (x in SAME_WIDTH and isinstance(coefficients, UniTuple) and coefficients.dtype == x):
        return None

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return horner(builder, args[0], cgutils.unpack_tuple(builder, args[1]))

    return x(x, coefficients), codegen


@emitter
def polynomial_in_halves(typing_context: Any, x: Any, coefficients: Any) -> Any:
    """Return a polynomial, as the sum of its even and its odd powers if it has at least `LONG` coefficients.

    Use it only if the terms do not alternate in sign. Otherwise the two halves, and so their rounding errors, are
    larger than the sum.
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
    """A binary floating-point format: the constants with which one source defines a function in every precision."""

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
        """1.5 · 2**fraction_bits. Adding it rounds a number to an integer, which the lowest bits of the sum contain."""
        return self.real(1.5 * 2.0**self.fraction_bits)

    @property
    def shifter_bits(self) -> Any:
        return self.integer(self.shifter.view(self.integer))

    @property
    def exponent_shifter(self) -> Any:
        """A shifter that adds the bias, so that the lowest bits of the sum are the biased exponent of a power of 2."""
        return self.shifter + self.real(self.bias)

    def constants(self, *values: float) -> tuple[Any, ...]:
        """Return the values rounded to this format."""
        return tuple(self.real(value) for value in values)

    def split(self, value: str) -> tuple[Any, Any]:
        """Split a decimal or fraction into its value rounded to this format and the remainder."""
        head = self.real(float(Fraction(value)))
        return head, self.real(float(Fraction(value) - Fraction(float(head))))


FLOAT32 = Format(np.float32, np.int32)
FLOAT64 = Format(np.float64, np.int64)
