"""Operations on symbolic tensors, which become layers: ``x + y``, ``2.0 * x``, ``x[:, 0]``, ``tl.relu(x)``.

`KerasTensor` knows no layers, as they are defined above it. So this module assigns its operators, as
`tensorlab.ops.methods` does those of `Tensor`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tensorlab import ops
from tensorlab.errors import ArgumentError, ArgumentTypeError, nearest, short_repr
from tensorlab.layers.activation import Activation
from tensorlab.layers.base import Layer
from tensorlab.layers.symbolic import KerasTensor, symbolic_leaves
from tensorlab.ops.lift import Elementwise
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

FUNCTIONS = frozenset(
    """
    abs absolute acos acosh add all amax amin any arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin
    asin asinh atan atan2 atanh cast ceil clip concat concatenate copysign cos cosh cumprod cumsum cumulative_prod
    cumulative_sum divide equal exp expand_dims expm1 flip floor floor_divide greater greater_equal hstack hypot
    isclose isfinite isinf isnan less less_equal log log10 log1p log2 log_softmax logaddexp logical_and logical_not
    logical_or logical_xor logsumexp matmul matrix_transpose max maximum mean min minimum mod moveaxis multiply
    negative not_equal permute_dims positive pow power prod ravel reciprocal relu remainder reshape roll round rsqrt
    sigmoid sign sin sinh softmax sqrt square squeeze stack std stop_gradient subtract sum swapaxes tan tanh
    tensordot transpose true_divide trunc var vstack where zeros_like
    """.split()  # noqa: SIM905
)
"""The names in `tensorlab.ops` of the functions that take symbolic tensors. They make no more elements than they get,
so that a file cannot ask for much memory with them."""


class Operation(Layer):
    """Apply an operation to one tensor or more, with further arguments.

    Operators on symbolic tensors make such layers, and so do functions of `tensorlab.ops` that are called on them.

    Args:
        operation: the name of the operation.
        reflected: whether the second argument is the left operand.

    Raises:
        ArgumentError: for an unknown name.

    Source: Keras, ``keras.src.ops.numpy``.
    """

    def __init__(self, operation: str, reflected: bool = False, name: str | None = None, **options: Any) -> None:
        if operation not in OPERATIONS and operation not in FUNCTIONS:
            known = nearest(str(operation), [*OPERATIONS, *FUNCTIONS])
            raise ArgumentError("Operation", "the name of an operator", short_repr(operation), known)
        super().__init__(name=name or unique_name(operation), **options)
        self.operation, self.reflected = operation, reflected

    def call(self, inputs: Any, *others: Any, **keywords: Any) -> Tensor:
        """Return the result."""
        operands = (*others, inputs) if self.reflected else (inputs, *others)
        function = OPERATIONS.get(self.operation) or getattr(ops, self.operation)
        result: Tensor = function(*operands, **keywords)
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


def _record_operation(
    self: KerasTensor, name: str, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Add a layer that calls the operation ``name`` on symbolic tensors, and return its output.

    Raises:
        ArgumentTypeError: for an operation that only works in a layer.
    """
    leaves = symbolic_leaves((args, kwargs))
    dtype = _dtype(*leaves)
    if name in FUNCTIONS and getattr(ops, name, None) is function and args:
        if symbolic_leaves(args[0]):
            return Operation(name, dtype=dtype)(*args, **kwargs)
        if len(args) == 2:
            return Operation(name, reflected=True, dtype=dtype)(args[1], args[0], **kwargs)
    elif isinstance(function, Elementwise) and len(args) == 1:
        return Activation(function, dtype=dtype)(*args)
    hint = "put the operation into a layer: a class with call(self, inputs)"
    raise ArgumentTypeError(name, "a tensor with values", repr(self), hint)


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
setattr(KerasTensor, "record_operation", _record_operation)  # noqa: B010 (as below)
setattr(KerasTensor, "__getitem__", _getitem)  # noqa: B010 (the class has no such method for a type checker)


def _made(cls: type[Layer]) -> Callable[[Mapping[str, Any]], Any]:
    return lambda config: cls(**check_config(cls.__name__, config))


for _class in (Operation, GetItem):
    add_value(_class, Value(_class.__name__, _class.get_config, _made(_class)))
