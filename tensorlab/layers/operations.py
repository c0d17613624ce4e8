"""Operators on symbolic tensors, which become layers: ``x + y``, ``2.0 * x``, ``x[:, 0]``.

`KerasTensor` knows no layers, as they are defined above it. So this module assigns its operators, as
`tensorlab.ops.methods` does those of `Tensor`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tensorlab import ops
from tensorlab.errors import ArgumentError, nearest, short_repr
from tensorlab.layers.base import Layer
from tensorlab.layers.symbolic import KerasTensor
from tensorlab.serialization import Value, add_value, check_config
from tensorlab.tensor import Tensor
from tensorlab.utils import unique_name

OPERATIONS: dict[str, Callable[..., Any]] = {
    "abs": ops.abs,
    "add": ops.add,
    "floor_divide": ops.floor_divide,
    "greater": ops.greater,
    "greater_equal": ops.greater_equal,
    "less": ops.less,
    "less_equal": ops.less_equal,
    "matmul": ops.matmul,
    "multiply": ops.multiply,
    "negative": ops.negative,
    "pow": ops.pow,
    "remainder": ops.remainder,
    "subtract": ops.subtract,
    "true_divide": ops.divide,
}
"""The operations behind operators, by their names in configs."""


class Operation(Layer):
    """Apply an operation to one tensor, or to two tensors or a tensor and a number.

    Operators on symbolic tensors make such layers.

    Args:
        operation: the name of the operation.
        reflected: whether the second argument is the left operand.

    Raises:
        ArgumentError: for an unknown name.

    Source: Keras, ``keras.src.ops.numpy``.
    """

    def __init__(self, operation: str, reflected: bool = False, name: str | None = None, **options: Any) -> None:
        if operation not in OPERATIONS:
            known = nearest(str(operation), OPERATIONS)
            raise ArgumentError("Operation", "the name of an operator", short_repr(operation), known)
        super().__init__(name=name or unique_name(operation), **options)
        self.operation, self.reflected = operation, reflected

    def call(self, inputs: Tensor, *others: Any) -> Tensor:
        """Return the result."""
        operands = (*others, inputs) if self.reflected else (inputs, *others)
        result: Tensor = OPERATIONS[self.operation](*operands)
        return result


class GetItem(Layer):
    """Index a tensor: ``x[:, 0]``.

    Args:
        index: for each axis an integer, "newaxis", "..." or the start, stop and step of a slice in a list.

    Source: Keras, ``keras.src.ops.numpy.GetItem``.
    """

    def __init__(self, index: Any, name: str | None = None, **options: Any) -> None:
        super().__init__(name=name or unique_name("GetItem"), **options)
        self.index = list(index)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the part."""
        return inputs[tuple([_MARKS[part] if isinstance(part, str) else _index(part) for part in self.index])]


_MARKS: dict[str, Any] = {"newaxis": None, "...": ...}


def _index(part: Any) -> Any:
    return slice(*part) if isinstance(part, (list, tuple)) else part


def _marked(part: Any) -> Any:
    """Return a part of an index as plain data.

    Raises:
        ArgumentError: for an index by an array.
    """
    if part is None or part is ...:
        return "newaxis" if part is None else "..."
    if isinstance(part, slice):
        return [part.start, part.stop, part.step]
    if isinstance(part, int):
        return part
    raise ArgumentError("KerasTensor index", "integers and slices", short_repr(part), "use a layer for other indices")


def _dtype(*operands: Any) -> Any:
    """Return the dtype of the first tensor of real numbers, which the layer must not change."""
    kinds = [each.dtype for each in operands if isinstance(each, KerasTensor) and each.dtype.kind == "f"]
    return kinds[0] if kinds else None


def _operator(name: str, reflected: bool = False) -> Callable[..., Any]:
    def operator(self: KerasTensor, *others: Any) -> Any:
        return Operation(name, reflected, dtype=_dtype(self, *others))(self, *others)

    return operator


def _getitem(self: KerasTensor, index: Any) -> Any:
    parts = index if isinstance(index, tuple) else (index,)
    return GetItem([_marked(part) for part in parts], dtype=_dtype(self))(self)


_BINARY = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "true_divide",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "pow": "pow",
    "matmul": "matmul",
}
for _name, _operation in _BINARY.items():
    setattr(KerasTensor, f"__{_name}__", _operator(_operation))
    setattr(KerasTensor, f"__r{_name}__", _operator(_operation, reflected=True))
for _name, _operation in {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}.items():
    setattr(KerasTensor, f"__{_name}__", _operator(_operation))
for _name, _operation in {"neg": "negative", "abs": "abs"}.items():
    setattr(KerasTensor, f"__{_name}__", _operator(_operation))
setattr(KerasTensor, "__getitem__", _getitem)  # noqa: B010 (the class has no such method for a type checker)


def _made(cls: type[Layer]) -> Callable[[Mapping[str, Any]], Any]:
    return lambda config: cls(**check_config(cls.__name__, config))


for _class in (Operation, GetItem):
    add_value(_class, Value(_class.__name__, _class.get_config, _made(_class)))
