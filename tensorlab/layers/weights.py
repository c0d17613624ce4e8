"""`Weighted`: create, list, count, freeze and set the weights of a layer."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorlab import constraints, dtypes, initializers, regularizers
from tensorlab.arguments import check_name, misfit, named
from tensorlab.devices import only_cpu
from tensorlab.errors import ArgumentTypeError, ShapeError, StateError, levels_to_the_user, short_repr
from tensorlab.layers.tracking import Tracked, members, variables_in, walked
from tensorlab.loading import loading
from tensorlab.ops.dispatch import as_tensor, device_of
from tensorlab.shapes import Shape, as_shape
from tensorlab.tensor import Tensor
from tensorlab.variable import Variable

_BUILD = "call it on data, or call build(input_shape)"


class Weighted(Tracked):
    """The base of `Layer` for its weights: which exist, which are trained, and their values."""

    name: str
    built: bool
    dtype: dtypes.DType
    _trainable: bool

    @property
    def _who(self) -> str:
        return f"{type(self).__name__} {self.name!r}"

    @named
    def add_weight(
        self,
        shape: Any = (),
        initializer: Any = "glorot_uniform",
        dtype: Any = None,
        trainable: bool = True,
        regularizer: Any = None,
        name: str | None = None,
        constraint: Any = None,
    ) -> Variable:
        """Create a weight of this layer.

        Once it is in an attribute, it belongs to the layer only as long as it stays in one.

        Args:
            shape: the shape of the weight.
            initializer: a name, an `Initializer`, or a function of ``(shape, dtype)``.
            dtype: the dtype; the layer's if None.
            trainable: whether training changes the weight.
            regularizer: a penalty that is added to the loss: a name, a `Regularizer`, a function, or None.
            name: the name; numbered if None.
            constraint: what the weight is replaced by after each step of an optimizer: a `Constraint`, a function of
                the weight, or None.

        Raises:
            ShapeError: if the initializer returns another shape.
        """
        kind = self.dtype if dtype is None else dtypes.as_dtype(dtype, self._who)
        check_name(f"{self._who}.add_weight", name)
        label = f"{self.name}/{name or f'weight_{len(self._members()[0])}'}"
        wanted = as_shape(label, shape)
        reading = loading.get()
        if reading is not None and reading.take_weight(label, wanted, kind.name):  # so nothing is drawn
            initializer = "zeros"
        make = initializers.get(initializer)
        try:
            value = as_tensor(make(wanted, dtype=kind), label)
        except TypeError:
            error = _misfit(f"{label} initializer", make, wanted, dtype=kind)
            if error is None:
                raise
            raise error from None
        if value.shape != wanted:
            raise ShapeError(label, f"values of shape {wanted} from its initializer", str(value.shape))
        weight = Variable(value, trainable=trainable, dtype=kind, name=label)
        weight.regularizer, weight.constraint = regularizers.get(regularizer), constraints.get(constraint)
        object.__setattr__(self, "_added", [*self._added, weight])
        return weight

    def _add_configured(self, name: str, shape: Shape, arguments: str = "") -> Variable:
        """Create a weight from the constructor's arguments for it, such as ``kernel_initializer`` for the kernel.

        Args:
            name: the name of the weight.
            shape: its shape.
            arguments: how the names of the arguments begin, if not with that of the weight.
        """
        kinds = ("initializer", "regularizer", "constraint")
        options: dict[str, Any] = {kind: getattr(self, f"{arguments or name}_{kind}", None) for kind in kinds}
        weight: Variable = self.add_weight(shape, name=name, **options)
        return weight

    @property
    def weights(self) -> list[Variable]:
        """The weights: the layer's own in the order of its attributes, then those of each inner layer; each once."""
        return variables_in(self)

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights. Setting it also sets it for all inner layers.

        A weight is trained if it is ``trainable`` itself and all layers that contain it are.

        Source: Keras, ``keras.layers.Layer.trainable``.
        """
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        seen, waiting = {id(self)}, [self]
        while waiting:
            layer = waiting.pop()
            object.__setattr__(layer, "_trainable", bool(value))
            for inner in layer._members()[1]:
                # Skip references back to an enclosing layer.
                if id(inner) not in seen and all(each is not self for each, _ in members(inner)):
                    seen.add(id(inner))
                    waiting.append(inner)

    @property
    def trainable_weights(self) -> list[Variable]:
        """The floating-point weights that training changes; they and all layers that contain them are trainable."""
        if not self.trainable:
            return []
        found, each = walked(self)
        trained = [weight for weight in each if weight.trainable and weight.dtype.kind == "f"]
        if all([layer._trainable for layer, _ in found]):
            return trained
        frozen = _frozen(self)
        return [weight for weight in trained if id(weight) not in frozen]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training does not change."""
        trained = {id(weight) for weight in self.trainable_weights}
        return [weight for weight in self.weights if id(weight) not in trained]

    variables = weights
    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    _warned = False

    def _warn_of_missing_attributes(self, used: Sequence[Variable]) -> None:
        """Warn, once, about Variables that the outputs depend on but no attribute leads to; training ignores them."""
        known = {id(weight) for weight in self.weights}
        missing = [variable.name for variable in used if id(variable) not in known]
        if missing and not self._warned:
            object.__setattr__(self, "_warned", True)
            warnings.warn(
                f"{self._who}: expected an attribute for every Variable that the outputs depend on, received "
                f"{', '.join(map(repr, missing))}, which training does not change; keep the layer or the Variable in "
                "an attribute, or in a list, dict or other container in an attribute",
                stacklevel=levels_to_the_user(),
            )

    @property
    def losses(self) -> list[Tensor]:
        """The penalties of the regularizers of the trainable weights, one scalar each.

        Source: Keras, ``keras.layers.Layer.losses``.
        """
        regularized = [weight for weight in self.weights if weight.regularizer is not None]
        if not regularized:
            return []
        trained = {id(weight) for weight in self.trainable_weights}
        return [weight.regularizer(weight) for weight in regularized if id(weight) in trained]

    def count_params(self) -> int:
        """Return the number of elements of all weights.

        Raises:
            StateError: before the layer is built.
        """
        self._check_built("count_params")
        return sum(math.prod(weight.shape) for weight in self.weights)

    def _check_built(self, method: str) -> None:
        if not self.built:
            raise StateError(f"{self._who}.{method}", "the layer is not built", _BUILD)

    def get_weights(self) -> list[np.ndarray[Any, Any]]:
        """Return copies of all weights as NumPy arrays."""
        return [np.array(weight.numpy()) for weight in self.weights]

    @named
    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replace all weights, or none if one does not fit.

        Raises:
            StateError: before the layer is built.
            ArgumentTypeError: for something that is not a sequence of arrays.
            ShapeError: if the number of arrays or a shape differs.
        """
        who, targets = f"{self._who}.set_weights", self.weights
        self._check_built("set_weights")
        try:
            given = list(weights)
        except TypeError:
            raise ArgumentTypeError(
                who, "a list of arrays", short_repr(weights), "give what get_weights returns"
            ) from None
        if len(given) != len(targets):
            raise ShapeError(who, f"{len(targets)} arrays", str(len(given)))
        values = [as_tensor(value, who) for value in given]
        for weight, value in zip(targets, values, strict=True):
            if value.shape != weight.shape:
                raise ShapeError(who, f"{weight.name!r} of {weight.shape}", str(value.shape))
        for weight, value in zip(targets, values, strict=True):
            weight.assign(value.astype(weight.dtype).to_device(weight.device))


def device_of_weights(layer: Weighted) -> str | None:
    """Return the device of a layer's weights, to which inputs are moved; None, the current one, if there are none."""
    return "cpu" if only_cpu() else device_of(layer.weights)


def _frozen(root: Weighted) -> set[int]:
    """Return the ids of the Variables in layers that are not trainable, and in all layers inside of these.

    A layer that is reached through several paths is frozen if one of them is. A reference back to an enclosing layer
    does not freeze that layer.
    """
    stopped: set[int] = set()
    visited: dict[int, bool] = {}

    def visit(layer: Any, frozen: bool, around: frozenset[int]) -> None:
        frozen = frozen or not layer._trainable
        if visited.get(id(layer), -1) >= frozen:
            return
        visited[id(layer)] = frozen
        variables, inner = layer._members()
        if frozen:
            stopped.update(map(id, variables))
        for each in inner:
            if id(each) not in around:
                visit(each, frozen, around | {id(each)})

    visit(root, False, frozenset({id(root)}))
    return stopped


def _misfit(who: str, function: Any, *args: Any, **kwargs: Any) -> ArgumentTypeError | None:
    """Return the error for a function that cannot be called as an initializer, or None if it can."""
    try:
        found = misfit(who, inspect.signature(function), args, kwargs)
    except (TypeError, ValueError):  # no signature
        return None
    if found is None:
        return None
    return ArgumentTypeError(who, "a function of (shape, dtype)", found.received, "write def initializer(shape, dtype)")
