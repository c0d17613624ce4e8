"""What kernels read and write memory with: typed pointers, whose indices nothing looks at."""

from __future__ import annotations

import functools
from typing import Any

from tensorlab_cuda import driver, simulator


@functools.cache
def access() -> dict[str, Any]:
    """``pointer(address, kind)``, the elements of a type that begin at an address, and ``elements(array)``, those of a
    shared array.

    An array's own indices may be negative, which costs a comparison at every access, and hides from the compiler that
    four elements lie next to each other and can be read as a vector.
    """
    if driver.simulated():
        return {"pointer": simulator.Pointer, "elements": lambda array: array}
    types, intrinsic = driver.extending()

    @intrinsic
    def pointer(typingctx: Any, address: Any, kind: Any) -> Any:
        target = types.CPointer(kind.instance_type)

        def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return builder.inttoptr(values[0], context.get_value_type(target))

        return target(types.int64, kind), codegen

    @intrinsic
    def elements(typingctx: Any, array: Any) -> Any:
        target = types.CPointer(array.dtype)

        def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return context.make_array(signature.args[0])(context, builder, values[0]).data

        return target(array), codegen

    return {"pointer": pointer, "elements": elements}
