"""Typed pointers with which kernels read and write memory, without checks of indices."""

from __future__ import annotations

import functools
from typing import Any

from tensorlab_cuda import driver, simulator


@functools.cache
def access() -> dict[str, Any]:
    """Return functions that give access to elements without checks for negative indices.

    ``pointer(address, kind)`` gives the elements of a type at an address, ``elements(array, start)`` those of a shared
    array from an index on. Indices of an array may be negative, which costs a comparison at every access and hides from
    the compiler that four adjacent elements can be read as a vector.
    """
    if driver.simulated():
        return {"pointer": simulator.Pointer, "elements": lambda array, start: array[start:]}
    types, intrinsic = driver.extending()

    @intrinsic
    def pointer(typingctx: Any, address: Any, kind: Any) -> Any:
        target = types.CPointer(kind.instance_type)

        def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return builder.inttoptr(values[0], context.get_value_type(target))

        return target(types.int64, kind), codegen

    @intrinsic
    def elements(typingctx: Any, array: Any, start: Any) -> Any:
        target = types.CPointer(array.dtype)

        def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return builder.gep(context.make_array(signature.args[0])(context, builder, values[0]).data, [values[1]])

        return target(array, types.int64), codegen

    return {"pointer": pointer, "elements": elements}
