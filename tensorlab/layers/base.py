"""`Layer`: weights, and a function of tensors that uses them."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from tensorlab import activations, autodiff, dtypes, initializers, regularizers
from tensorlab.errors import ArgumentTypeError, ShapeError, StateError
from tensorlab.ops.dispatch import as_tensor, device_of
from tensorlab.serialization import Configured
from tensorlab.shapes import Shape, as_shape
from tensorlab.tensor import Tensor
from tensorlab.utils import unique_name
from tensorlab.variable import Variable


def _whole(build: Callable[..., None]) -> Callable[..., None]:
    """A `build` that does nothing the second time, marks the layer as built, and leaves nothing behind if it fails."""

    @functools.wraps(build)
    def wrapper(self: Layer, input_shape: Any) -> None:
        if self.built:
            return
        weights, layers = len(self._weights), list(self._layers)
        fresh = [layer for layer in layers if not layer.built]

        def made() -> tuple[list[Variable], list[Layer], list[Layer]]:
            return self._weights[weights:], [layer for layer in self._layers if layer not in layers], fresh

        try:
            with autodiff.no_grad():
                build(self, input_shape)
        except Exception:
            object.__setattr__(self, "_made", made())
            self.unbuild()
            raise
        object.__setattr__(self, "_made", made())
        self.built = True

    return wrapper


class Layer(Configured):
    """The base of every layer. A subclass implements `call`, and `build` if it has weights.

    Weights that `add_weight` makes, and layers that are attributes, belong to the layer. The constructor's arguments
    are kept by themselves, so that `get_config` and `from_config` work for every subclass.

    Args:
        name: what it is called in messages; made of the class's name if None.
        dtype: of its weights and of the real inputs that it is called with.
        trainable: whether its weights are changed by training.

    Source: Keras, ``keras.layers.Layer``.

    Example:
        >>> class Scale(tl.layers.Layer):
        ...     def build(self, input_shape):
        ...         self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones")
        ...     def call(self, inputs):
        ...         return inputs * self.factor
    """

    _kind = "layer"

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        # The state is here before any __init__, so that a subclass may set attributes in any order.
        self = super().__new__(cls)
        object.__setattr__(self, "_weights", [])
        object.__setattr__(self, "_layers", [])
        object.__setattr__(self, "_made", ([], [], []))
        object.__setattr__(self, "built", False)
        object.__setattr__(self, "dtype", dtypes.default_float)
        object.__setattr__(self, "trainable", True)
        object.__setattr__(self, "name", "")
        return self

    def __init__(self, *, name: str | None = None, dtype: Any = None, trainable: bool = True) -> None:
        if name is not None and not isinstance(name, str):
            raise ArgumentTypeError(f"{type(self).__name__} name", "a string", repr(name))
        self.name = name or unique_name(type(self).__name__)
        self.dtype = dtypes.default_float if dtype is None else dtypes.as_dtype(dtype, self._who)
        self.trainable = trainable

    _weights: list[Variable]
    _layers: list[Layer]
    _made: tuple[list[Variable], list[Layer], list[Layer]]  # by build: weights, layers, and layers that it built
    built: bool
    name: str
    trainable: bool
    _training_argument: ClassVar[bool]  # whether the `call` of this very class takes ``training``

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "build" in cls.__dict__:
            cls.build = _whole(cls.build)  # type: ignore[method-assign]

    def __setattr__(self, attribute: str, value: Any) -> None:
        if attribute == "activation" and isinstance(value, str):  # so that every layer takes the name of one
            value = activations.get(value)
        if isinstance(value, Layer) and value not in self._layers:
            self._layers.append(value)
        elif isinstance(value, (list, tuple)) and value and all(isinstance(item, Layer) for item in value):
            self._layers.extend(item for item in value if item not in self._layers)
        elif isinstance(value, Variable) and not any(value is weight for weight in self._weights):
            self._weights.append(value)
        object.__setattr__(self, attribute, value)

    @property
    def _who(self) -> str:
        return f"{type(self).__name__} {self.name!r}"

    # What a subclass implements

    @_whole
    def build(self, input_shape: Shape) -> None:
        """Make the weights, once the shape of the inputs is known. The first axis is the batch.

        A second call does nothing. What it has made is dropped if it raises.
        """

    def call(self, inputs: Tensor) -> Tensor:
        """What the layer computes. It may take ``training``, which is true while it is being trained."""
        raise StateError(self._who, "a method call(self, inputs)", "a class without one", "implement it")

    # What a user calls

    def __call__(self, inputs: Any, training: bool = False) -> Tensor:
        """Build the layer if that has not been done, and compute it.

        Real inputs are converted to the layer's dtype. Integers, which may be indices, come to `call` as they are.
        Arrays go to the device of the weights.
        """
        tensor = as_tensor(inputs, self._who, device_of(self.weights))
        if tensor.dtype != self.dtype and tensor.dtype.kind == "f":
            tensor = tensor.astype(self.dtype)
        self._ensure_built(tensor.shape)
        if type(self)._takes_training():
            return self.call(tensor, training=training)  # type: ignore[call-arg]
        return self.call(tensor)

    def _ensure_built(self, input_shape: Shape) -> None:
        if not self.built:
            self.build(input_shape)

    def unbuild(self) -> None:
        """Drop what `build` made, so that the layer can be built for another shape."""
        weights, layers, built = self._made
        for layer in built:
            layer.unbuild()
        self._weights[:] = [weight for weight in self._weights if not any(weight is made for made in weights)]
        self._layers[:] = [layer for layer in self._layers if layer not in layers]
        self._made = ([], [], [])
        self.built = False

    @classmethod
    def _takes_training(cls) -> bool:
        found = cls.__dict__.get("_training_argument")
        if found is None:
            found = "training" in inspect.signature(cls.call).parameters
            cls._training_argument = found
        return bool(found)

    def add_weight(
        self,
        shape: Any = (),
        initializer: Any = "glorot_uniform",
        dtype: Any = None,
        trainable: bool = True,
        regularizer: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Make a weight that belongs to this layer.

        Args:
            shape: of the weight.
            initializer: a name, an `Initializer`, or a function of ``(shape, dtype)``.
            dtype: the layer's if None.
            trainable: whether training changes it.
            regularizer: what it adds to the loss: a name, a `Regularizer`, a function of the weight, or None.
            name: what it is called; numbered if None.
        """
        kind = self.dtype if dtype is None else dtypes.as_dtype(dtype, self._who)
        label = f"{self.name}/{name or f'weight_{len(self._weights)}'}"
        value = initializers.get(initializer)(as_shape(label, shape), dtype=kind)
        weight = Variable(value, trainable=trainable, dtype=kind, name=label)
        weight.regularizer = regularizers.get(regularizer)
        self._weights.append(weight)
        return weight

    # Weights

    @property
    def weights(self) -> list[Variable]:
        """Its weights and those of the layers inside of it."""
        return [*self._weights, *(weight for layer in self._layers for weight in layer.weights)]

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training changes."""
        if not self.trainable:
            return []
        own = [weight for weight in self._weights if weight.trainable]
        return [*own, *(weight for layer in self._layers for weight in layer.trainable_weights)]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training leaves as they are."""
        trained = {id(weight) for weight in self.trainable_weights}
        return [weight for weight in self.weights if id(weight) not in trained]

    variables = weights
    trainable_variables = trainable_weights

    @property
    def losses(self) -> list[Tensor]:
        """What the regularizers of its trainable weights add to the loss, each a number.

        Source: Keras, ``keras.layers.Layer.losses``.
        """
        return [weight.regularizer(weight) for weight in self.trainable_weights if weight.regularizer is not None]

    def count_params(self) -> int:
        """The number of elements of all weights.

        Raises:
            StateError: before the layer is built.
        """
        if not self.built:
            raise StateError(f"{self._who}.count_params", "a layer that is built", "one that is not", _BUILD)
        return sum(math.prod(weight.shape) for weight in self.weights)

    def get_weights(self) -> list[np.ndarray[Any, Any]]:
        """Copies of all weights, as NumPy arrays."""
        return [np.array(weight.numpy()) for weight in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replace all weights; none is replaced if one does not fit.

        Raises:
            StateError: before the layer is built.
            ShapeError: if the number of arrays or the shape of one differs.
        """
        targets = self.weights
        if not self.built:
            raise StateError(f"{self._who}.set_weights", "a layer that is built", "one that is not", _BUILD)
        if len(weights) != len(targets):
            raise ShapeError(f"{self._who}.set_weights", f"{len(targets)} arrays", str(len(weights)))
        values = [as_tensor(value, f"{self._who}.set_weights") for value in weights]
        for weight, value in zip(targets, values, strict=True):
            if value.shape != weight.shape:
                raise ShapeError(f"{self._who}.set_weights", f"{weight.name!r} of {weight.shape}", str(value.shape))
        for weight, value in zip(targets, values, strict=True):
            weight.assign(value.astype(weight.dtype).to_device(weight.device))

    def __repr__(self) -> str:
        return f"<{self._who}{', built' if self.built else ''}>"


_BUILD = "call it on data, or call build(input_shape)"
