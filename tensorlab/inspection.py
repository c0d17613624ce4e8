"""`inspect`: what tensorlab makes of a scalar function, from its source to the inner loop in machine code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from tensorlab import activations, dtypes, markup
from tensorlab.errors import ArgumentTypeError, ScalarError, short_repr
from tensorlab.ops.lift import Elementwise
from tensorlab.scalars import ScalarFunction, derivative, scalar_function

__all__ = ["Inspection", "inspect"]

_MAP = "loops.map.map_kernel"


@dataclass(frozen=True, repr=False)
class Inspection:
    """What `inspect` found. Its text, which Python's prompt shows, has all of it.

    Attributes:
        name: the name of the function.
        dtype: the dtype of its arguments.
        source: the function as tensorlab understands it.
        derivatives: the source of the derivative in each parameter that has one.
        vector_width: how many elements a vector has; 1 if the loop is not vectorized.
        elements: how many elements a pass through the loop computes, in one or more vectors.
        instructions: the number of machine instructions an element; None if the loop has branches.
        bytes: how many bytes the loop reads and writes an element; None if it has branches.
        assembly: the loop in the assembly language of this processor; an empty text if it has branches.
    """

    name: str
    dtype: dtypes.DType
    source: str
    derivatives: dict[str, str]
    vector_width: int
    elements: int
    instructions: float | None
    bytes: float | None
    assembly: str

    def _repr_html_(self) -> str:
        return markup.text(str(self))

    def __str__(self) -> str:
        parts = [f"{self.name} of {self.dtype}", _indented(self.source)]
        for parameter, source in self.derivatives.items():
            parts += [f"its derivative in {parameter}", _indented(source)]
        if self.assembly:
            parts += [
                f"its loop: {self.elements} elements in vectors of {self.vector_width}, "
                f"{self.instructions:.2g} instructions and {self.bytes:.3g} bytes an element",
                _indented(self.assembly),
            ]
        else:
            parts.append("its loop has branches, so it is not vectorized")
        return "\n".join(parts)

    __repr__ = __str__


def inspect(function: Callable[..., Any] | str, dtype: Any = "float32") -> Inspection:
    """Return the source of a scalar function, that of its derivatives, and the loop that computes it.

    The loop is the innermost one of the kernel that applies the function elementwise to dense arrays. The kernel is
    compiled anew, in less than a second.

    Args:
        function: a function of numbers, an operation such as `exp`, an activation, or the name of one.
        dtype: the dtype of the arguments.

    Raises:
        ArgumentTypeError: for anything that is no function of numbers, such as a softmax, which needs whole rows.
        ScalarError: if the function cannot be lifted; the message shows the unsupported code and its line.
        UnknownNameError: for an unknown name of an activation.
        DTypeError: for a dtype that the operation does not take.
        StateError: if the compiler is not installed.

    Source: Numba's ``inspect_asm``, Julia's ``@code_native``.

    Example:
        >>> def squared_error(prediction, target):
        ...     return (prediction - target) ** 2
        >>> found = tl.inspect(squared_error)
        >>> print(found.derivatives["prediction"])
        def squared_error_d_prediction(prediction, target):
            return 2 * (prediction - target)
        <BLANKLINE>
        >>> found.bytes, found.elements % found.vector_width
        (12.0, 0)
    """
    from_name = activations.get(function) if isinstance(function, str) else function
    plain = getattr(from_name, "__wrapped__", from_name)
    kind = dtypes.as_dtype(dtype, "inspect dtype")
    if isinstance(plain, Elementwise):
        arguments = plain.loop(plain.compute(kind))
        scalar = arguments[0]
    elif isinstance(plain, (FunctionType, ScalarFunction)) and not _is_of_tensors(plain):
        scalar = scalar_function(plain)
        arguments = (scalar, kind, (kind,) * scalar.arity, (kind,) * scalar.n_outputs)
    else:
        hint = "give a Python function of numbers, an operation such as tl.exp, or the name of an activation"
        raise ArgumentTypeError("inspect", "a function of numbers", short_repr(function), hint)
    own, compute, inputs, outputs = arguments
    names = tuple(each.name for each in inputs), tuple(each.name for each in outputs)
    from tensorlab.kernels.runtime import library

    with library.needing_compiler(_MAP):
        from tensorlab.kernels.runtime.assembly import inner_loop

        loop = inner_loop(library.lowering(_MAP)(own, compute.name, *names), len(outputs))
    return Inspection(
        getattr(plain, "__name__", scalar.name), compute, scalar.source, _derivatives(plain, scalar), *loop
    )


def _is_of_tensors(function: Any) -> bool:
    """Return whether a function is one of tensorlab's own functions of tensors."""
    return str(getattr(function, "__module__", "")).startswith(("tensorlab.activations", "tensorlab.ops"))


def _derivatives(function: Any, scalar: ScalarFunction) -> dict[str, str]:
    given = getattr(function, "_slope", None)  # of an activation whose author gave its derivative
    found = {}
    for index, parameter in enumerate(scalar.parameters):
        try:
            found[parameter] = (given or derivative(scalar, index)).source
        except ScalarError:
            continue
    return found


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.strip("\n").splitlines())
