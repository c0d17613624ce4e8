"""`KerasTensor`: a tensor without values, and `Node`: the call of a layer on such tensors."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, NoReturn

import numpy as np

from tensorlab import autodiff, dtypes, ops
from tensorlab.errors import ArgumentTypeError, ShapeError, StateError, short_repr
from tensorlab.layers.arguments import computed_on_samples, map_leaves
from tensorlab.loading import loading
from tensorlab.tensor import Tensor

Lengths = tuple[int | None, ...]


class KerasTensor:
    """A tensor of which only shape and dtype are known: what `Input` returns, and a layer that is called on one.

    The calls of layers on such tensors are recorded, so that `Model` finds the layers between inputs and outputs.
    Operators, such as ``x + y`` and ``x[:, 0]``, become layers too.

    Args:
        node: the call that computes it.
        index: which of the results of that call it is.

    Attributes:
        shape: the shape, with None for lengths that vary, such as the number of samples.
        dtype: the dtype.
        name: the name of the layer that computes it.

    Raises:
        ArgumentTypeError: for anything but a call and the index of one of its results.

    Source: Keras, ``keras.KerasTensor``.

    Example:
        >>> x = tl.Input((4,))
        >>> y = tl.layers.Dense(3)(x)
        >>> y.shape
        (None, 3)
    """

    __slots__ = ("__weakref__", "dtype", "index", "node", "shape")
    __array_ufunc__ = None  # so that ``array + tensor`` is an operation of this class

    def __init__(self, node: Node, index: int) -> None:
        results = node.results if isinstance(node, Node) else ()
        if not isinstance(index, int) or not 0 <= index < len(results):
            received, hint = (
                f"{short_repr(node, 80)} and {short_repr(index, 80)}",
                "write tl.Input(...), or call a layer",
            )
            raise ArgumentTypeError("KerasTensor", "a call of a layer and the index of a result", received, hint)
        self.node, self.index = node, index
        self.shape, self.dtype = results[index]

    @property
    def name(self) -> str:
        """The name of the layer that computes it."""
        return str(self.node.layer.name)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def key(self) -> tuple[int, int]:
        """What distinguishes it from other tensors, as several objects may stand for one result."""
        return id(self.node), self.index

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"

    def __array__(self, *arguments: Any, **options: Any) -> NoReturn:
        raise _valueless(self, "put the operation into a layer: a class with call(self, inputs)")

    def __iter__(self) -> NoReturn:
        raise _valueless(self, "index it, e.g. x[:, 0]")

    def __bool__(self) -> NoReturn:
        raise _valueless(self, "put the condition into a layer: a class with call(self, inputs)")

    __float__ = __int__ = __index__ = __bool__

    def numpy(self) -> NoReturn:
        """Raise ArgumentTypeError, as there are no values."""
        raise _valueless(self, "make a model, and call its predict")


def _valueless(tensor: KerasTensor, hint: str) -> ArgumentTypeError:
    return ArgumentTypeError("KerasTensor", "a tensor with values", repr(tensor), hint)


class Node:
    """One call of a layer on symbolic tensors.

    Args:
        layer: the layer.
        args: the positional arguments of the call, with `KerasTensor` objects in nested lists, tuples and dicts.
        kwargs: the keyword arguments.
        training: the argument ``training`` of the call; None if the call around it decides.
        structure: nested lists, tuples and dicts with the index of each result.
        results: the shape and the dtype of each result.
    """

    __slots__ = ("__weakref__", "args", "kwargs", "layer", "results", "structure", "training")

    def __init__(
        self,
        layer: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        training: bool | None,
        structure: Any,
        results: list[tuple[Lengths, dtypes.DType]],
    ) -> None:
        self.layer, self.args, self.kwargs, self.training = layer, args, kwargs, training
        self.structure, self.results = structure, results
        layer._calls.add(self)

    @property
    def declares(self) -> bool:
        """Whether it stands for data, which an `Input` declares, and not for what a layer computes."""
        return not self.args

    @property
    def inputs(self) -> list[KerasTensor]:
        """The tensors among the arguments."""
        return symbolic_leaves((self.args, self.kwargs))

    @property
    def outputs(self) -> Any:
        """The results, in the structure that the layer returns."""
        return map_leaves(lambda index: index if index is None else KerasTensor(self, index), self.structure)


class Calls:
    """The symbolic calls of a layer, as long as a model or a symbolic tensor refers to them.

    Copies and pickles start without any; a model that is copied records its own calls again.
    """

    __slots__ = ("_nodes",)

    def __init__(self) -> None:
        self._nodes: list[weakref.ref[Node]] = []

    def add(self, node: Node) -> None:
        """Add a call."""
        self._nodes = [known for known in self._nodes if known() is not None]
        self._nodes.append(weakref.ref(node))

    def __iter__(self) -> Iterator[Node]:
        return iter([node for known in self._nodes if (node := known()) is not None])

    def only(self, who: str) -> Node:
        """Return the first call.

        Raises:
            StateError: if there is none.
        """
        for node in self:
            return node
        hint = "call it on an Input, or put it into a Sequential that is built"
        raise StateError(who, "the layer has not been called on a symbolic tensor", hint)

    def __reduce__(self) -> Any:
        return Calls, ()


def symbolic_leaves(value: Any) -> list[KerasTensor]:
    """Return the symbolic tensors in nested lists, tuples and dicts."""
    if isinstance(value, KerasTensor):
        return [value]
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in symbolic_leaves(item)]
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in symbolic_leaves(item)]
    return []


def symbolic_call(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any], training: bool | None) -> Any:
    """Record the call of a layer on symbolic tensors, which builds it, and return its symbolic results.

    The layer computes on zeros to find the shapes, as in inference.

    Raises:
        ArgumentTypeError: if there are tensors with values among the arguments.
    """
    leaves = symbolic_leaves((args, kwargs))
    for leaf in autodiff.flatten([list(args), kwargs]):
        if isinstance(leaf, (Tensor, np.ndarray)):
            received = f"a {type(leaf).__name__} of shape {tuple(leaf.shape)} beside {leaves[0]!r}"
            hint = "declare it as an Input, or keep it in an attribute of a layer"
            raise ArgumentTypeError(layer._who, "symbolic tensors only", received, hint)

    def sample(dtype: Any, unknown: int) -> Any:
        return map_leaves(lambda leaf: _zeros(leaf, dtype, unknown), (args, kwargs))

    def compute(zeros: Any) -> Any:
        arguments, options = zeros
        return layer(*arguments, **options)

    shapes = [leaf.shape for leaf in leaves]
    with autodiff.no_grad():
        several = computed_on_samples(layer, sample, compute, shapes[0] if len(shapes) == 1 else shapes)
    batch = leaves[0].shape[0] if leaves[0].shape else None
    count = iter(range(1 << 30))
    structure = map_leaves(lambda leaf: leaf if leaf is None else next(count), several[0])
    found = [[leaf for leaf in autodiff.flatten(each) if leaf is not None] for each in several]
    results = [(_shape(parts, batch), parts[0].dtype) for parts in zip(*found, strict=True)]
    return Node(layer, args, kwargs, training, structure, results).outputs


_LENGTH = 16
"""The length for axes whose length is not known: longer than most windows, so that convolutions have a result."""


def _zeros(leaf: Any, dtype: Any, unknown: int) -> Any:
    if not isinstance(leaf, KerasTensor):
        return leaf
    lengths = [_LENGTH * unknown if length is None else length for length in leaf.shape[1:]]
    reading = loading.get()
    if reading is not None:
        reading.check_sample(tuple(lengths))
    declared = leaf.node.declares  # by the user, who may have meant integers; what a layer returns is certain
    kind = dtype if dtype is not None and declared and leaf.dtype.kind == "f" else leaf.dtype
    return ops.zeros((1, *lengths) if leaf.shape else (), dtype=kind)


def _shape(results: tuple[Tensor, ...], batch: int | None) -> Lengths:
    """Return the shape of a result: lengths that differ between two samples are not known."""
    first, *others = [result.shape for result in results]
    if any(len(other) != len(first) for other in others):
        raise ShapeError("layer", "results of one rank", " and ".join(map(str, (first, *others))))
    lengths = [length if all(other[axis] == length for other in others) else None for axis, length in enumerate(first)]
    return (batch, *lengths[1:]) if lengths else ()


def check_symbolic(who: str, value: Any) -> list[KerasTensor]:
    """Return the symbolic tensors in a structure.

    Raises:
        ArgumentTypeError: for anything else in it, or if there are none.
    """
    leaves: list[Any] = autodiff.flatten(value)
    for leaf in leaves or [value]:
        if not isinstance(leaf, KerasTensor):
            hint = "begin with x = tl.Input(shape=(784,)), and call layers on it"
            raise ArgumentTypeError(who, "symbolic tensors", short_repr(leaf), hint)
    return leaves


class described:  # noqa: N801 (used like property)
    """A property of layers and models that an attribute of a subclass's objects may replace, unlike `property`."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function, self.__doc__ = function, function.__doc__

    def __get__(self, layer: Any, kind: type | None = None) -> Any:
        return self if layer is None else self._function(layer)


class Described:
    """The base of `Layer` for calls on symbolic tensors."""

    _calls: Calls
    _who: Any
    _training_of_call: ClassVar[Any]

    def _symbolic(self, inputs: Any, args: tuple[Any, ...], kwargs: dict[str, Any], training: bool | None) -> Any:
        """Record a call on symbolic tensors."""
        position, _ = self._training_of_call()
        if position and len(args) >= position:
            training, args = args[position - 1], args[: position - 1] + args[position:]
        return symbolic_call(self, (inputs, *args), kwargs, training)

    @described
    def input(self) -> Any:
        """The symbolic tensor, or the structure of several, that the layer was called on first.

        Raises:
            StateError: if it was not called on any.

        Source: Keras, ``keras.layers.Layer.input``.
        """
        return self._calls.only(f"{self._who}.input").args[0]

    @described
    def output(self) -> Any:
        """The symbolic result of the first call on a symbolic tensor.

        Raises:
            StateError: if there was no such call.

        Source: Keras, ``keras.layers.Layer.output``.
        """
        return self._calls.only(f"{self._who}.output").outputs
