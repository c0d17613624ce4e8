"""`Layer`: weights, and a function of tensors that uses them."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any, ClassVar

from tensorlab import activations, autodiff, dtypes
from tensorlab.errors import ArgumentTypeError, StateError, TensorlabError, levels_to_the_user
from tensorlab.forks import Lock
from tensorlab.layers.arguments import (
    arrays_to_tensors,
    check_outputs,
    computed_on_zeros,
    describe,
    in_precision,
    inputs_to_tensors,
    sample_shape,
    shapes_of,
)
from tensorlab.layers.calling import Block, Call, call_around, context
from tensorlab.layers.tracking import Change, changes_since, members, snapshot, undo
from tensorlab.layers.weights import Weighted
from tensorlab.ops.dispatch import device_of
from tensorlab.ops.probabilities import Probabilities
from tensorlab.tensor import Tensor
from tensorlab.utils import unique_name


def _whole(build: Callable[..., None]) -> Callable[..., None]:
    """Wrap a `build`: it runs once, in one thread, marks the layer as built, and leaves nothing behind if it fails."""

    @functools.wraps(build)
    def wrapper(self: Layer, input_shape: Any = None) -> None:
        with self._lock:
            if self.built:
                return
            if self._building:  # a subclass's build has called super().build
                build(self, input_shape)
                return
            outer = context.call
            # Its own call builds what build does not.
            called = outer is not None and outer.layer is self and not isinstance(outer, Block)
            before = snapshot(self)
            object.__setattr__(self, "_building", True)
            try:
                with Call(self, training=False), autodiff.no_grad():
                    self._take_dtype()
                    build(self, input_shape)
                    self.built = True
                    if not called:
                        self._build_inner(input_shape)
                self._members()
                changes = changes_since(before)
            except BaseException:
                undo(changes_since(before))
                raise
            finally:
                object.__setattr__(self, "_building", False)
            object.__setattr__(self, "_made", changes)
            if outer is not None:
                outer.built += changes

    return wrapper


class Layer(Weighted):
    """The base of every layer. A subclass implements `call`, and `build` if it has weights.

    Variables and layers that are attributes belong to the layer, also inside of lists, tuples, dicts, sets, deques and
    dataclasses; so do weights that `add_weight` makes. The constructor's arguments are kept by themselves, so that
    `get_config` and `from_config` work for every subclass.

    Args:
        name: what it is called in messages; made of the class's name if None.
        dtype: of its weights and of the real inputs that it is called with. If None, a layer that is built inside of
            one with a dtype takes that one's; any other is float32.
        trainable: whether its weights are changed by training.
        input_shape: the shape of one sample, for the first layer of a `Sequential`. Give that an `Input` instead.
        input_dim: the same for a sample of one axis.
        batch_input_shape: the same with the batch in front.

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
        self = super().__new__(cls)
        vars(self).update(
            built=False,
            dtype=dtypes.default_float,
            name="",
            _building=False,
            _called=False,
            _dtype_given=False,
            _lock=Lock(),
            _made=[],
            _trainable=True,
        )
        return self

    def __init__(
        self,
        *,
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
        input_shape: Any = None,
        input_dim: Any = None,
        batch_input_shape: Any = None,
    ) -> None:
        if name is not None and not isinstance(name, str):
            raise ArgumentTypeError(f"{type(self).__name__} name", "a string", repr(name))
        self.name = name or unique_name(type(self).__name__)
        if dtype is not None:
            self._set_dtype(dtypes.as_dtype(dtype, self._who))
        if not trainable:
            self.trainable = False
        if batch_input_shape is not None:
            input_shape = tuple(batch_input_shape)[1:]
        elif input_dim is not None:
            input_shape = (input_dim,)
        if input_shape is not None:
            self._take_input_shape(input_shape)

    _building: bool
    _called: bool  # whether a call has been completed
    _dtype_given: bool  # by the constructor, or by the layer inside of which it was built
    _lock: Lock  # held while it is built and while it is called for the first time
    _made: list[Change]  # by build
    _input_shape_given: tuple[int | None, ...] | None = None
    _takes_one: ClassVar[bool] = False  # whether it refuses several tensors at once
    _call_signature: ClassVar[tuple[int, Any] | None] = None  # of this very class: see `_training_of_call`

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._call_signature = None
        if "build" in cls.__dict__:
            cls.build = _whole(cls.build)  # type: ignore[method-assign]

    def __setattr__(self, attribute: str, value: Any) -> None:
        if attribute == "activation" and isinstance(value, str):  # so that every layer takes the name of one
            value = activations.get(value)
        super().__setattr__(attribute, value)

    def _set_dtype(self, dtype: dtypes.DType) -> None:
        self.dtype, self._dtype_given = dtype, True

    def _take_dtype(self) -> None:
        """Take the dtype of the layer inside of which this one is built, unless it was given one."""
        call = call_around(self)
        if call is not None and not self._dtype_given and getattr(call.layer, "_dtype_given", False):
            self._set_dtype(call.layer.dtype)  # type: ignore[attr-defined]

    def _take_input_shape(self, input_shape: Any) -> None:
        warnings.warn(
            f"{self._who}: do not pass an `input_shape`/`input_dim` argument to a layer. When using Sequential models, "
            "prefer using an `Input(shape)` object as the first layer in the model instead.",
            stacklevel=levels_to_the_user(),
        )
        self._input_shape_given = sample_shape(f"{self._who} input_shape", input_shape)
        for argument in ("input_shape", "input_dim", "batch_input_shape"):  # the config of the model has an Input
            vars(self).get("_constructed_with", {}).pop(argument, None)

    # What a subclass implements

    @_whole
    def build(self, input_shape: Any) -> None:
        """Make the weights, once the shape of the inputs is known. The first axis is the batch.

        A layer that does not implement it is built by its `call`, on a batch of zeros. A second build does nothing.
        One that raises leaves nothing behind.

        Args:
            input_shape: the shape, in which the batch may be None; a list or a dict of shapes for several inputs.

        Raises:
            StateError: if `call` cannot compute a batch of zeros.
        """

    def call(self, inputs: Tensor) -> Tensor:
        """What the layer computes. It may take ``training``, which is true while it is being trained."""
        raise StateError(self._who, "the class has no method call", "implement call(self, inputs)")

    # What a user calls

    def __call__(self, inputs: Any, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """Build the layer if that has not been done, and compute it.

        Real inputs are converted to the layer's dtype. Integers, which may be indices, come to `call` as they are.
        Arrays go to the device of the weights. If it raises, what it has built is dropped.

        Args:
            inputs: a tensor, or a list, tuple or dict of tensors.
            args: further arguments of `call`.
            training: whether the layer is being trained; if None, what the layer whose `call` this is in was told.
            kwargs: further arguments of `call`, by name.

        Raises:
            ArgumentTypeError: if `call` does not return a tensor, or a list, tuple or dict of tensors.
        """
        outer = context.call
        # As `with Call(self, training) as call:`, in fewer Python calls.
        call = Call(self, outer.training if training is None and outer is not None else training)
        call.outer = outer
        try:
            context.call = call
            if self.built and self._called:
                outputs = self._compute(call, inputs, args, kwargs)
            else:
                with self._lock:
                    fresh = not self.built
                    outputs = self._compute(call, inputs, args, kwargs)
                    object.__setattr__(self, "_called", True)
                    if fresh:
                        object.__setattr__(self, "_made", call.built.copy())
        except BaseException:
            call.leave(failed=True)
            raise
        if call.built:
            call.leave(failed=False)
        else:
            context.call = outer
        return outputs

    def _compute(self, call: Call, inputs: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        one = isinstance(inputs, Tensor)
        if not one:
            if isinstance(inputs, Layer):
                hint = "put layers into tl.Sequential([...]), or write a Model whose call applies them"
                raise ArgumentTypeError(self._who, "a tensor or an array", repr(inputs), hint)
            inputs = inputs_to_tensors(self._who, inputs, device_of(self.weights))
            if self._takes_one and not isinstance(inputs, Tensor):
                hint = "join them first, e.g. with tl.concat"
                raise ArgumentTypeError(self._who, "one tensor", describe(inputs), hint)
        elif type(inputs) is not Probabilities:  # a layer that changes nothing keeps the logits of a softmax
            inputs = inputs.snapshot()  # a layer may return its inputs, and either side may assign to them
        if not self.built:
            self._ensure_built(shapes_of(inputs))
        if not one or inputs.dtype is not self.dtype:
            inputs = in_precision(inputs, self.dtype)
        if args or kwargs:
            args, kwargs = in_precision(arrays_to_tensors(self._who, (args, kwargs)), self.dtype)
        place, default = self._call_signature or self._training_of_call()
        if place:
            if len(args) >= place:
                call.training, args = args[place - 1], args[: place - 1] + args[place:]
            if call.training is None:
                call.training = default
            if call.training is not None:
                kwargs = {**kwargs, "training": call.training}
        outputs = self.call(inputs, *args, **kwargs)
        if not isinstance(outputs, Tensor):
            check_outputs(self._who, outputs)
        return outputs

    def _ensure_built(self, input_shape: Any) -> None:
        self.build(input_shape)

    def _build_inner(self, input_shape: Any) -> None:
        """Build the layers inside that `build` has not built, by computing a batch of zeros."""
        if all(layer.built for layer, _ in members(self)):
            return
        several = _arguments_needed(self.call)

        def compute(zeros: Any) -> None:
            self(*zeros) if isinstance(zeros, list) and len(zeros) == several else self(zeros)

        try:
            computed_on_zeros(self, input_shape, compute)
        except Exception as error:
            if type(self).build is not Layer.build:
                return  # its author has said how it is built; the rest is built by the first call
            if isinstance(error, TensorlabError):
                raise
            raise StateError(
                f"{self._who}.build",
                f"call raised {type(error).__name__} for a batch of zeros: {error}",
                "call the layer on data, or implement build",
            ) from error

    def building(self) -> Block:
        """Return a ``with`` block that undoes what was built inside of it if it raises."""
        return Block(self)

    def unbuild(self) -> None:
        """Drop what `build` and the first call made, so that the layer can be built for another shape."""
        undo(self._made)
        object.__setattr__(self, "_made", [])

    @classmethod
    def _takes_training(cls) -> bool:
        return bool(cls._training_of_call()[0])

    @classmethod
    def _training_of_call(cls) -> tuple[int, Any]:
        """Return the place of ``training`` among the arguments of `call` (0: it has none), and its default."""
        found = cls._call_signature
        if found is None:
            parameters = list(inspect.signature(cls.call).parameters.values())[1:]
            names = [parameter.name for parameter in parameters]
            found = 0, None
            if "training" in names:
                place = names.index("training")
                default = parameters[place].default
                found = max(place, 1), None if default is inspect.Parameter.empty else default
                if parameters[place].kind is inspect.Parameter.KEYWORD_ONLY:
                    found = len(names) + 1, found[1]
            cls._call_signature = found
        return found

    def __repr__(self) -> str:
        return f"<{self._who}{', built' if self.built else ''}>"


def _arguments_needed(call: Callable[..., Any]) -> int:
    """The number of arguments without a default."""
    parameters = inspect.signature(call).parameters.values()
    return sum(p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD and p.name != "training" for p in parameters)
