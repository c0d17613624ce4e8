"""Elements and parts of matrices: their addresses, and the columns of a chunk."""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tensorlab.kernels.matmul.job import Matrix
from tensorlab.kernels.runtime.compiler import jit


def _element(context: Any, builder: Any, signature: Any, values: Any) -> tuple[Any, Any, Any]:
    """Emit the address of element (i, j) of a matrix, and return it with the strides of the matrix."""
    matrix, size, i, j = values
    kind = signature.args[0]
    address, row, column = (
        context.get_getattr(kind, name)(context, builder, kind, matrix, name) for name in Matrix._fields
    )
    offset = builder.add(builder.mul(i, row), builder.mul(j, column))
    return builder.add(address, builder.mul(offset, size)), row, column


# Intrinsics, because Numba would compile a function again for every literal argument.


@intrinsic
def element(typingctx: Any, matrix: Any, size: Any, i: Any, j: Any) -> Any:
    """Return the address of element (i, j) of a `Matrix` whose elements have ``size`` bytes."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _element(context, builder, signature, values)[0]

    return types.int64(matrix, types.int64, types.int64, types.int64), codegen


@intrinsic
def submatrix(typingctx: Any, matrix: Any, size: Any, i: Any, j: Any) -> Any:
    """Return the part of a `Matrix` that begins at element (i, j)."""
    part = types.NamedUniTuple(types.int64, len(Matrix._fields), Matrix)

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return cgutils.pack_array(builder, _element(context, builder, signature, values))

    return part(matrix, types.int64, types.int64, types.int64), codegen


@jit
def chunk_columns(chunk, chunks, n, width):
    """Return the first column of a chunk of panels of ``width`` columns, and the column after its last one.

    The panels are divided into as equal chunks as possible.
    """
    panels, share = (n + width - 1) // width, chunk % chunks
    return panels * share // chunks * width, min(panels * (share + 1) // chunks * width, n)
