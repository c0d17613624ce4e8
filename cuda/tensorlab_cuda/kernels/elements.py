"""Typed pointers with which kernels access memory, without checks for negative indices."""

from __future__ import annotations

import functools
from typing import Any

from tensorlab_cuda import driver, simulator


@functools.cache
def access() -> dict[str, Any]:
    """Return the functions that create typed pointers.

    ``pointer(address, kind)`` points to elements of a type at an address, ``elements(array, start)`` to those of a
    shared array from an index on. Indexing an array would compare each index with 0, and prevent the compiler from
    reading four adjacent elements as a vector.
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
