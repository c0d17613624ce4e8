"""The transforms of Winograd's convolutions: small constant matrices times small matrices of vectors.

A tile of 2 × 2 outputs of a convolution with a kernel K of 3 × 3 is ``Aᵀ (G K Gᵀ ⊙ Bᵀ X B) A``, where X are the 4 × 4
pixels that the outputs see, and ⊙ multiplies elements: 16 products instead of 36. Each element of these matrices is a
vector over channels or filters, so the 16 products are 16 products of matrices. All coefficients are 0, ±1 and ½.

Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016, F(2 × 2, 3 × 3); Winograd,
Arithmetic Complexity of Computations, 1980.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from tensorlab.kernels.matmul.tile import Emitter
from tensorlab.kernels.runtime.compiler import jit
from tensorlab.kernels.runtime.memory import pointer

Coefficients = Sequence[Sequence[float]]

OF_IMAGES: Coefficients = ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1))
"""Bᵀ."""
OF_KERNEL: Coefficients = ((1, 0, 0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0, 0, 1))
"""G."""
OF_PRODUCTS: Coefficients = ((1, 1, 1, 0), (0, 1, -1, -1))
"""Aᵀ."""
VECTOR = 32
"""The bytes of a vector, so that the 16 vectors of a tile fit into the registers of most processors."""
_WORD = ir.IntType(64)


def transposed(matrix: Coefficients) -> Coefficients:
    """Return the transpose, which is the transform of gradients in the opposite direction."""
    return tuple(zip(*matrix, strict=True))


def transform(dtype: Any, matrix: Coefficients) -> Callable[..., None]:
    """Return ``apply(sources, targets, count, check)``, which computes ``M X Mᵀ`` for ``count`` matrices X.

    ``sources`` and ``targets`` point to the addresses of the elements of X and of the result, in C order; each is
    followed by those of the other matrices. There are at least `VECTOR` bytes of each. To ``check``, a vector, 0 times
    each element of the results is added, so it is not 0 if one of them is infinite or NaN.
    """
    lanes = VECTOR * 8 // dtype.bitwidth
    rows, length = len(matrix), len(matrix[0])
    word = types.CPointer(types.int64)
    kind = types.void(word, word, types.int64, types.CPointer(dtype))

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        sources, targets, at, check = values
        emit = Emitter(context, builder, dtype, lanes)

        def place(table: Any, index: int) -> Any:
            return emit.pointer(builder.load(builder.gep(table, [_WORD(index)])))

        x = [[emit.load(place(sources, i * length + j), at) for j in range(length)] for i in range(length)]
        half = [[_combined(emit, row, column) for row in matrix] for column in zip(*x, strict=True)]  # (M X)ᵀ
        zero = ir.Constant(emit.vector, [0.0] * lanes)
        found = emit.load(check, _WORD(0))
        for i in range(rows):
            for j in range(rows):
                element = _combined(emit, matrix[j], [column[i] for column in half])
                emit.store(element, place(targets, i * rows + j), at)
                found = builder.fadd(found, builder.fmul(element, zero))
        emit.store(found, check, _WORD(0))
        return context.get_dummy_value()

    @intrinsic
    def one(typingctx, sources, targets, at, check):
        return kind, codegen

    @jit
    def apply(sources, targets, count, check):
        for at in range(0, count, lanes):
            one(sources, targets, min(at, count - lanes), check)  # the last vector overlaps the one before

    return apply  # type: ignore[no-any-return]


def _combined(emit: Emitter, row: Sequence[float], vectors: Sequence[Any]) -> Any:
    """Return the sum of the vectors times the coefficients; one factor, 1 or ½, is common to several of them."""
    builder = emit.builder
    total = None
    for factor in sorted({abs(coefficient) for coefficient in row} - {0}):
        part = None
        for coefficient, vector in zip(row, vectors, strict=True):
            if abs(coefficient) == factor:
                if part is None:
                    part = vector if coefficient > 0 else builder.fneg(vector)
                else:
                    part = (builder.fadd if coefficient > 0 else builder.fsub)(part, vector)
        if factor != 1:
            part = builder.fmul(part, ir.Constant(emit.vector, [factor] * emit.vector.count))
        total = part if total is None else builder.fadd(total, part)
    return total


@jit
def spaced(table, count, first, apart):
    """Write ``count`` addresses that are ``apart`` bytes apart to a table."""
    for i in range(count):
        table[i] = first + i * apart


@jit
def patch(table, length, image, height, width, pixel, top, left, outside):
    """Write the addresses of ``length`` × ``length`` pixels of an image to a table.

    Args:
        table: a pointer to the addresses.
        length: the rows and columns of the patch.
        image: the address of the image.
        height: its height.
        width: its width.
        pixel: the bytes of a pixel.
        top: the first row of the patch, which may be outside of the image, as any of its pixels.
        left: its first column.
        outside: the address for pixels outside of the image.
    """
    for i in range(length):
        for j in range(length):
            inside = 0 <= top + i < height and 0 <= left + j < width
            table[i * length + j] = image + ((top + i) * width + left + j) * pixel if inside else outside


@jit
def cleared(address, count, dtype):
    """Set ``count`` elements to 0."""
    elements = pointer(address, dtype)
    for i in range(count):
        elements[i] = 0
