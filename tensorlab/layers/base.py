"""`Layer`: the base class of layers, which have weights and a function of tensors that uses them."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any, ClassVar

from tensorlab import activations, autodiff, dtypes, regularizers
from tensorlab.arguments import check_name
from tensorlab.checking import here
from tensorlab.errors import ArgumentTypeError, StateError, TensorlabError, levels_to_the_user, short_repr
from tensorlab.forks import Lock
from tensorlab.layers.added_losses import AddsLosses, CallLosses
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
from tensorlab.layers.calling import Block, Call, Trial, call_around, context
from tensorlab.layers.masks import pass_mask
from tensorlab.layers.signatures import arguments_needed, training_argument
from tensorlab.layers.symbolic import Calls, Described, symbolic_leaves
from tensorlab.layers.tracking import Change, changes_since, members, snapshot, undo
from tensorlab.layers.weights import device_of_weights
from tensorlab.loading import loading
from tensorlab.ops.probabilities import Probabilities
from tensorlab.tensor import Tensor, mask_of
from tensorlab.utils import unique_name


def _whole(build: Callable[..., None]) -> Callable[..., None]:
    """Wrap a `build` method so that it runs once, in one thread, and is undone completely if it fails."""

    @functools.wraps(build)
    def wrapper(self: Layer, input_shape: Any = None) -> None:
        with self._lock:
            if self.built:
                return
            if self._building:  # a subclass's build has called super().build
                build(self, input_shape)
                return
            outer = context.call
            # If the layer is being called, that call also builds the inner layers.
            called = outer is not None and outer.layer is self and not isinstance(outer, Block)
            before = snapshot(self)
            object.__setattr__(self, "_building", True)
            try:
                with Call(self, training=False), autodiff.no_grad():
                    self._take_dtype()
                    build(self, input_shape)
                    self.built = True
                    object.__setattr__(self, "_built_for", input_shape)
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


class Layer(Described, AddsLosses):
    """The base of every layer. A subclass implements `call`, and `build` if it has weights.

    Variables and layers in attributes belong to the layer, also if they are in lists, tuples, dicts, sets, deques or
    dataclasses there. So do weights that `add_weight` creates. The constructor's arguments are recorded automatically,
    so that `get_config` and `from_config` work for every subclass.

    Args:
        name: the name in messages; derived from the class name if None.
        dtype: the dtype of the weights; floating-point inputs are cast to it. If None, the dtype of the enclosing layer
            if that was given one, else float32.
        trainable: whether training changes the weights.
        input_shape: the shape of one sample, for the first layer of a `Sequential`. Prefer an `Input` layer.
        input_dim: the same for samples of one axis: their length.
        batch_input_shape: the same, including the batch axis.
        activity_regularizer: a penalty on the outputs that is added to the loss, divided by the number of samples: a
            name, a `Regularizer`, a function, or None.

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
            _built_for=None,
            _call_losses=CallLosses(),
            _called=False,
            _calls=Calls(),
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
        activity_regularizer: Any = None,
    ) -> None:
        check_name(type(self).__name__, name)
        self.name = name or unique_name(type(self).__name__)
        if dtype is not None:
            self._set_dtype(dtypes.as_dtype(dtype, self._who))
        if activity_regularizer is not None:
            self.activity_regularizer = regularizers.get(activity_regularizer)
        if not trainable:
            self.trainable = False
        if batch_input_shape is not None:
            input_shape = tuple(batch_input_shape)[1:]
        elif input_dim is not None:
            input_shape = (input_dim,)
        if input_shape is not None:
            self._take_input_shape(input_shape)

    _building: bool
    _built_for: Any  # the shape that build was given last
    _called: bool  # whether a call has been completed
    _dtype_given: bool  # by the constructor or by the enclosing layer
    _lock: Lock  # acquired to build the layer and for its first call
    _made: list[Change]  # changes made by build, which unbuild undoes
    _input_shape_given: tuple[int | None, ...] | None = None
    supports_masking: bool | None = False
    """Whether the outputs have a mask if the inputs have one, see `compute_mask`. None leaves it to inner layers."""
    _takes_mask: ClassVar[bool | None] = None  # whether `call` takes ``mask``; cached as the next but one
    _takes_one: ClassVar[bool] = False  # whether the layer accepts only a single tensor
    _call_signature: ClassVar[tuple[int, Any] | None] = None  # cached by `_training_of_call` for each class

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._call_signature = cls._takes_mask = None
        if "build" in cls.__dict__:
            cls.build = _whole(cls.build)  # type: ignore[method-assign]

    def __setattr__(self, attribute: str, value: Any) -> None:
        if attribute == "activation" and isinstance(value, str):  # every layer accepts the name of an activation
            value = activations.get(value)
        super().__setattr__(attribute, value)

    def _set_dtype(self, dtype: dtypes.DType) -> None:
        self.dtype, self._dtype_given = dtype, True

    def _take_dtype(self) -> None:
        """Take the dtype of the enclosing layer, unless this layer was given one."""
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
        for argument in ("input_shape", "input_dim", "batch_input_shape"):  # the model's config has an Input for it
            vars(self).get("_constructed_with", {}).pop(argument, None)

    # Methods that subclasses implement

    @_whole
    def build(self, input_shape: Any) -> None:
        """Create the weights, once the shape of the inputs is known. The first axis is the batch.

        A layer without a `build` method is built by running its `call` on a batch of zeros. A second build does
        nothing. A build that raises is undone.

        Args:
            input_shape: the shape of the inputs, in which the batch may be None; a list or dict of shapes for several
                inputs.

        Raises:
            StateError: if `call` cannot compute on a batch of zeros.
        """

    def call(self, inputs: Tensor) -> Tensor:
        """Compute the outputs. Subclasses may also take ``training``, which is true in training."""
        raise StateError(self._who, "the class has no method call", "implement call(self, inputs)")

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None) -> Tensor | None:
        """Return the mask of the outputs, if the layer ``supports_masking``.

        Args:
            inputs: the inputs of the call.
            previous_mask: their mask, bools of shape ``(batch, time)``, which are false for padding; None without one.

        Source: Keras, ``keras.layers.Layer.compute_mask``.
        """
        return previous_mask

    @property
    def is_trial_call(self) -> bool:
        """Whether the current call only builds layers and checks shapes. Such a call must not change a state."""
        call = context.call
        while call is not None and not isinstance(call, Trial):
            call = call.outer
        return call is not None

    @property
    def samplewise(self) -> bool:
        """Whether, outside of training, the outputs for a sample depend on that sample and the weights only.

        `Model.predict` chooses the batch size itself if all layers are samplewise. The built-in layers are, except with
        arguments that mix samples. Declare it with ``samplewise = True`` in the class body; a class that overrides
        `call` does not inherit the declaration.
        """
        return False

    # Methods that users call

    def __call__(self, inputs: Any, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """Build the layer if needed, and compute its outputs.

        Floating-point inputs are cast to the layer's dtype. Integers, which may be indices, are passed to `call`
        unchanged. Arrays are moved to the device of the weights. If the first call raises, the build is undone.

        Args:
            inputs: a tensor, or a list, tuple or dict of tensors. If they are symbolic (see `KerasTensor`), the call is
                recorded, and the results are symbolic too.
            args: further arguments of `call`.
            training: whether the layer is being trained; if None, the value of the enclosing layer's call.
            kwargs: further keyword arguments of `call`.

        Raises:
            ArgumentTypeError: if `call` does not return a tensor, or a list, tuple or dict of tensors.
        """
        if (args or kwargs or not isinstance(inputs, Tensor)) and symbolic_leaves((inputs, args, kwargs)):
            return self._symbolic(inputs, args, kwargs, training)
        if self._call_losses.values:
            self._call_losses.values = []
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

    def _check_outputs(self, inputs: Any) -> None:
        """Raise if this layer is read from a file, which asks for large outputs."""
        reading, shape = loading.get(), getattr(self, "compute_output_shape", None)
        if reading is not None and shape is not None and isinstance(inputs, Tensor):
            reading.check_sample(shape(inputs.shape))

    def _compute(self, call: Call, inputs: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        one, mask = isinstance(inputs, Tensor), mask_of(inputs)
        if not one:
            if isinstance(inputs, Layer):
                hint = "put layers into tl.Sequential([...]), or write a Model whose call applies them"
                raise ArgumentTypeError(self._who, "a tensor or an array", short_repr(inputs), hint)
            inputs = inputs_to_tensors(self._who, inputs, device_of_weights(self))
            one = isinstance(inputs, Tensor)
            if self._takes_one and not one:
                hint = "join them first, e.g. with tl.concat"
                raise ArgumentTypeError(self._who, "one tensor", describe(inputs), hint)
        elif type(inputs) is not Probabilities:  # an identity layer must keep the logits of a softmax
            inputs = inputs.snapshot()  # a layer may return its inputs, and caller and layer may write into them
        if not self.built:
            self._ensure_built(shapes_of(inputs))
            self._check_outputs(inputs)
        if not one or inputs.dtype is not self.dtype:
            inputs = in_precision(inputs, self.dtype)
        if args or kwargs:
            args, kwargs = in_precision(arrays_to_tensors(self._who, (args, kwargs)), self.dtype)
        position, default = self._call_signature or self._training_of_call()
        if position:
            if len(args) >= position:
                call.training, args = args[position - 1], args[: position - 1] + args[position:]
            if call.training is None:
                call.training = default
            if call.training is not None:
                kwargs = {**kwargs, "training": call.training}
        if mask is not None and self._call_takes_mask() and kwargs.get("mask") is None:
            kwargs = {**kwargs, "mask": mask}
        outputs = self.call(inputs, *args, **kwargs)
        if not isinstance(outputs, Tensor):
            check_outputs(self._who, outputs)
        if self.supports_masking or mask is not None:
            pass_mask(self, inputs, kwargs.get("mask", mask), outputs)
        if here.watchers:
            here.watchers[-1].outputs(self, inputs, outputs)
        if self.activity_regularizer is not None:
            self._penalize(outputs)
        return outputs

    def _ensure_built(self, input_shape: Any) -> None:
        self.build(input_shape)

    def _build_inner(self, input_shape: Any) -> None:
        """Build inner layers that `build` did not build, by computing on a batch of zeros."""
        if all(layer.built for layer, _ in members(self)):
            return
        several = arguments_needed(self.call)

        def compute(zeros: Any) -> None:
            self(*zeros) if isinstance(zeros, list) and len(zeros) == several else self(zeros)

        try:
            computed_on_zeros(self, input_shape, compute)
        except Exception as error:
            if type(self).build is not Layer.build:
                return  # the class has its own build; the first call builds the rest
            if isinstance(error, TensorlabError):
                raise
            raise StateError(
                f"{self._who}.build",
                f"call raised {type(error).__name__} for a batch of zeros: {error}",
                "call the layer on data, or implement build",
            ) from error

    def building(self) -> Block:
        """Return a ``with`` block that undoes all builds inside of it if it raises."""
        return Block(self)

    def unbuild(self) -> None:
        """Undo `build` and the first call, so that the layer can be built for another shape."""
        undo(self._made)
        object.__setattr__(self, "_made", [])

    @classmethod
    def _call_takes_mask(cls) -> bool:
        if cls._takes_mask is None:
            cls._takes_mask = "mask" in inspect.signature(cls.call).parameters
        return cls._takes_mask

    @classmethod
    def _takes_training(cls) -> bool:
        return bool(cls._training_of_call()[0])

    @classmethod
    def _training_of_call(cls) -> tuple[int, Any]:
        """Return the position of ``training`` among the arguments of `call` (0 if it has none), and its default."""
        if cls._call_signature is None:
            cls._call_signature = training_argument(cls.call)
        return cls._call_signature

    def __repr__(self) -> str:
        return f"<{self._who}{', built' if self.built else ''}>"
