"""PTX instructions that Numba does not offer, as functions that kernels call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tensorlab_cuda import driver


def assembly(instruction: str, result: str, results: int, operands: Sequence[Sequence[str]]) -> Callable[..., Any]:
    """Return an instruction as a function of numbers.

    Args:
        instruction: its name in PTX.
        result: the type of its results, "float32" or "uint32".
        results: the number of results; several are returned as a tuple.
        operands: the types in each operand vector, in order; a vector of one number is written as a scalar.
    """
    from llvmlite import ir

    types, intrinsic = driver.extending()
    kinds = {"float32": (types.float32, ir.FloatType(), "f"), "uint32": (types.uint32, ir.IntType(32), "r")}
    returned, given = results * [kinds[result]], [kinds[name] for vector in operands for name in vector]
    places, vectors = iter(range(len(returned) + len(given))), []
    for vector in [returned, *operands]:
        registers = ", ".join(f"${next(places)}" for _ in vector)
        vectors.append(registers if len(vector) == 1 else f"{{{registers}}}")
    text = f"{instruction} {', '.join(vectors)};"
    constraints = ",".join([*(f"={letter}" for *_, letter in returned), *(letter for *_, letter in given)])

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        low = [kind for _, kind, _ in returned]
        together = ir.LiteralStructType(low) if len(low) > 1 else low[0]
        function = ir.FunctionType(together, [kind for _, kind, _ in given])
        # All lanes of a warp execute it together, so the compiler must not move it into a branch.
        call = builder.call(ir.InlineAsm(function, text, constraints, side_effect=True), values, attrs=("convergent",))
        if len(low) == 1:
            return call
        parts = [builder.extract_value(call, place) for place in range(len(low))]
        return context.make_tuple(builder, signature.return_type, parts)

    high = [kind for kind, *_ in returned]
    signature = (types.UniTuple(high[0], len(high)) if len(high) > 1 else high[0])(*(kind for kind, *_ in given))
    names = ", ".join(f"x{place}" for place in range(len(given)))
    namespace: dict[str, Any] = {"made": (signature, codegen), "__name__": __name__}
    exec(f"def instruction(typing, {names}):\n    return made\n", namespace)  # Numba needs a parameter for each operand
    made: Callable[..., Any] = intrinsic(namespace["instruction"])
    return made
