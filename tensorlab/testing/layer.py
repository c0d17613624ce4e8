"""Conformance checks of layers."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tensorlab import dtypes, ops, utils
from tensorlab.autodiff import Tape
from tensorlab.devices import device
from tensorlab.errors import GradientError, ShapeError, TensorlabError
from tensorlab.layers import Layer
from tensorlab.layers.tracking import members
from tensorlab.serialization import serialize
from tensorlab.tensor import Tensor, asarray
from tensorlab.testing.examples import arguments, as_inputs, example, reconstruct
from tensorlab.testing.gradients import compare_gradients
from tensorlab.testing.report import Check, NotApplicableError, Report, fail
from tensorlab.testing.subject import (
    CLOSE,
    DTYPES,
    REPEATS,
    Array,
    Subject,
    arrays,
    available_backends,
    require_close,
    require_finite,
)
from tensorlab.variable import Variable

_SHAPES = ((4, 6), (3, 4, 6), (2, 6, 6, 3), (4,))
"""Candidate shapes of inputs. The first that the layer accepts is used; if it accepts none, integers are tried."""

_COUNTS = (None, 2)
"""How many inputs a layer is given: a tensor, or a list of tensors if it takes no single one."""

_TRIES = 3
"""A layer may have kinks anywhere. Only a gradient that is wrong for this many inputs is an error."""

_TOLERANCES = (1e-6, 1e-9)
"""The relative and absolute tolerance between results that differ only by rounding."""


class LayerSubject(Subject):
    """Check a layer or a subclass of `Layer`."""

    kind = "layer"
    headings = ("backends", "dtypes", "gradients", "special values", "shapes", "training", "config", "determinism")

    def __init__(self, thing: Any, label: str | None = None, inputs: Any = None) -> None:
        super().__init__(thing, label)
        self._given = thing if isinstance(thing, Layer) else None
        self._class = type(thing) if self._given else self.thing
        self._inputs = None if inputs is None else np.asarray(inputs)
        self._count: int | None = None  # of the inputs that the layer takes in a list

    def checks(self) -> list[Check]:
        """Return the checks of the headings; "training" only if `call` accepts ``training``."""
        takes = self._class._takes_training()
        return [check for check in super().checks() if check.heading != "training" or takes]

    def make(self, dtype: str | None = None) -> Layer:
        """Return a new layer that is not built, with the arguments of the given layer or other than the defaults."""
        made: Layer = example(self.thing, changed=True) if self._given is None else reconstruct(self._given)
        return made if dtype is None else _in_dtype(made, dtype)

    def inputs(self, seed: int = 0) -> Array:
        """Return an input that the layer accepts."""
        rng = np.random.default_rng(seed)
        if self._inputs is not None:
            return self._inputs
        refused: list[TensorlabError] = []
        arrays = [*(rng.normal(0, 1, shape) for shape in _SHAPES), rng.integers(0, 3, (4, 6))]
        for array, count in [(array, count) for count in _COUNTS for array in arrays]:
            try:
                with device("reference"):
                    outputs: Any = self.make()(as_inputs(asarray(_as(array, "float32")), count))
            except Exception as error:
                if not isinstance(error, TensorlabError):
                    if count is None:
                        raise
                    continue  # a layer of one tensor may do anything with a list
                refused.append(error)
                continue
            if not isinstance(outputs, Tensor):
                raise NotApplicableError(
                    f"its output is a {type(outputs).__name__}; layers whose output is not one tensor are not checked"
                )
            self._count = count
            return array
        of_one = refused[: len(arrays)]
        if not any(isinstance(error, ShapeError) for error in of_one):  # so the inputs are not the reason
            raise refused[0]
        expected = f"a layer of inputs of a shape among {_SHAPES}, or of integers from 0 to 2"
        return fail(self.who, expected, str(refused[0]), "give check_layer inputs")

    def ready(self, dtype: str, array: Array) -> Layer:
        """Return a new layer, built on the current device, with weights that are equal on every device."""
        utils.set_random_seed(0)
        with device("reference"):
            model = self.make("float64")
            model(self._given_to(array, "float64"))
        utils.set_random_seed(0)  # reset names and random numbers
        layer = self.make(dtype)
        layer(self._given_to(array, dtype))
        self._check_precision(layer, dtype)
        rng = np.random.default_rng(1)
        layer.set_weights([w + np.asarray(rng.uniform(0.05, 0.5, w.shape), w.dtype) for w in model.get_weights()])
        return layer

    def _given_to(self, array: Array, dtype: str) -> Any:
        return as_inputs(asarray(_as(array, dtype)), self._count)

    def _called(self, layer: Layer, inputs: Tensor, training: bool) -> Tensor:
        """Call a layer; in training with the same random numbers each time."""
        if training:
            utils.set_random_seed(0)
        outputs: Any = layer(as_inputs(inputs, self._count), training=training)
        if not isinstance(outputs, Tensor):
            hint = "layers with other outputs are not checked"
            fail(layer._who, "one tensor as its output", f"a {type(outputs).__name__}", hint)
        return outputs

    def _check_precision(self, layer: Layer, dtype: str) -> None:
        """Reject inner layers and real weights whose dtype differs from the layer's."""
        for inner, weights in members(layer):
            who = f"{self.who} in {dtype}"
            if inner.dtype.kind == "f" and inner.dtype.name != dtype and inner.built:
                hint = "construct it without dtype, so that it takes that of the outer layer"
                fail(who, f"inner layers of {dtype}", f"{inner!r} of {inner.dtype}", hint)
            for weight in weights:
                if weight.dtype.kind == "f" and weight.dtype.name != dtype:
                    hint = "make it with self.add_weight in build, which takes the layer's dtype"
                    fail(who, f"weights of {dtype}", f"{weight.name!r} of {weight.dtype}", hint)

    def compute(self, dtype: str, count: int, training: bool = False) -> list[Tensor]:
        """Compute outputs, and gradients with respect to inputs and weights."""
        array = self.inputs()
        copies = max(1, count // max(1, array.size))
        layer = self.ready(dtype, array)
        inputs = asarray(_as(np.concatenate([array] * copies), dtype))
        real = [inputs] if array.dtype.kind == "f" else []
        watched = [*real, *layer.trainable_weights]
        with Tape(watch_variables=True) as tape:
            tape.track(real)
            result = self._called(layer, inputs, training)
        seed = ops.ones(result.shape, dtype=result.dtype)
        found = tape.backward([(result.key, seed)], [tensor.key for tensor in watched], keep=False)
        return [result, *(found[tensor.key] for tensor in watched if tensor.key in found)]

    def check_gradients(self, training: bool = False) -> None:
        """Compare gradients with respect to inputs and weights with central differences, to second order."""
        for seed in range(_TRIES):
            try:
                self._check_gradients(seed, training)
            except GradientError:
                if seed == _TRIES - 1:
                    raise
            else:
                return

    def _check_gradients(self, seed: int, training: bool) -> None:
        """Compare the gradients of the reference backend with differences of compiled code, which takes less time."""
        with device("reference"):
            array = self.inputs(seed)[:2]
            call, values = self._of_inputs_and_weights(array, training)
            with device("cpu"):
                compiled, _ = self._of_inputs_and_weights(array, training)
            compare_gradients(call, compiled, "cpu", values, seed=seed)

    def _of_inputs_and_weights(self, array: Array, training: bool) -> tuple[Callable[..., Tensor], list[Array]]:
        """Return a layer on the current device as a function of what it can be differentiated by, and the values."""
        layer = self.ready("float64", array)
        weights = [w for w in layer.trainable_weights if any(w is x for _, _, x in _weight_attributes(layer))]
        values = [np.array(weight.numpy()) for weight in weights]
        real = array.dtype.kind == "f"
        if not real and not weights:
            raise NotApplicableError("it has no weights, and its inputs are integers")

        def call(*tensors: Tensor) -> Tensor:
            inputs, given = (tensors[0], tensors[1:]) if real else (asarray(array), tensors)
            with _replaced_by(layer, weights, given):
                return self._called(layer, inputs, training)

        return call, [array, *values] if real else values

    def check_special_values(self) -> None:
        """Require finite outputs and gradients for inputs of 0, and no exception for infinite and NaN inputs."""
        array = self.inputs()
        if array.dtype.kind != "f":
            raise NotApplicableError("its inputs are integers")
        for dtype in DTYPES:
            layer = self.ready(dtype, array)
            inputs = asarray(np.zeros(array.shape, dtype))
            with Tape(watch_variables=False) as tape:
                tape.track([inputs])
                result = layer(as_inputs(inputs, self._count))
            found = tape.backward([(result.key, ops.ones_like(result))], [inputs.key], keep=False)
            hint = "0 is divided by 0, or its logarithm is taken: add a branch or an epsilon"
            for what, tensor in (("outputs", result), *(("gradients", found[key]) for key in found)):
                require_finite(f"{self.who} in {dtype} for inputs of 0", what, tensor, hint)
            for value in (np.inf, -np.inf, np.nan):
                layer(as_inputs(asarray(np.full(array.shape, value, dtype)), self._count))

    def check_shapes(self) -> None:
        """Compare no sample, one sample and every other sample with their results within the batch."""
        array = self.inputs()
        layer = self.ready("float64", array)
        batch = asarray(_as(array, "float64"))
        whole = np.array(layer(as_inputs(batch, self._count)).numpy())
        if whole.shape[:1] != array.shape[:1]:
            fail(self.who, f"outputs for {array.shape[0]} samples", f"the shape {whole.shape}", "keep the first axis")
        cuts = {"one sample": slice(0, 1), "every other sample": slice(None, None, 2), "no sample": slice(0, 0)}
        for words, cut in cuts.items():
            part = np.array(layer(as_inputs(batch[cut], self._count)).numpy())
            hint = "the result of a sample depends on other samples: reduce only along the axes after the first"
            require_close(f"{self.who} of {words}", [part], [whole[cut]], "within the batch", *_TOLERANCES, hint)

    def _varies(self) -> str:
        found = super()._varies()
        if found:
            return found
        try:
            array = self.inputs()
            with device("reference"):
                layer = self.ready("float32", array)
                first, second = (np.array(layer(self._given_to(array, "float32")).numpy()) for _ in range(2))
        except Exception:  # unknown
            return ""
        return (
            "" if np.array_equal(first, second, equal_nan=True) else f"a second call gives different results: {REPEATS}"
        )

    def check_training(self) -> None:
        """With ``training=True``, require repeatable, finite and correct results and gradients on every backend."""
        for dtype in DTYPES:
            who = f"{self.who} in training, in {dtype}"
            with device("reference"):
                first, second = (self.compute(dtype, 60, training=True) for _ in range(2))
            expected = arrays(first)
            hint = "draw from tl.random, whose seed makes runs repeatable, and not from other generators"
            require_close(f"{who} a second time", arrays(second), expected, "the first time, bit for bit", 0, 0, hint)
            for result in first:
                require_finite(who, "outputs and gradients", result, "0 is divided by 0: add a branch or an epsilon")
                if result.dtype.name != dtype:
                    fail(
                        who,
                        f"results of {dtype}",
                        str(result.dtype),
                        "convert the random numbers with .astype(x.dtype)",
                    )
            for name in available_backends():
                with device(name):
                    received = arrays(self.compute(dtype, 60, training=True))
                require_close(f"{who} on {name!r}", received, expected, "the reference backend", *CLOSE[dtype])
        if self._differs_in_training():  # otherwise the check of gradients outside of training suffices
            self.check_gradients(training=True)

    def _differs_in_training(self) -> bool:
        """Return whether an output or a gradient has other bits in training, as with a dropout."""
        with device("reference"):
            outside, inside = (arrays(self.compute("float64", 60, training=each)) for each in (False, True))
        return not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(outside, inside, strict=True))

    def request(self) -> dict[str, Any]:
        """Return the config of the layer, inputs and weights."""
        array = self.inputs()
        with device("reference"):
            layer = self.ready("float32", array)
            config = layer.get_config()
        self._check_arguments(layer, config)
        arrays = [_as(array, "float32"), *layer.get_weights()]
        return {"kind": "layer", "config": serialize(layer), "arrays": arrays, "count": self._count}

    def _check_arguments(self, layer: Layer, config: dict[str, Any]) -> None:
        if inspect.getattr_static(layer, "from_config") is not inspect.getattr_static(Layer, "from_config"):
            return
        named = [parameter.name for parameter in arguments(type(layer))]
        lost = [name for name in named if name not in config]
        if lost:
            hint = "remove get_config: the arguments of the constructor are recorded automatically"
            fail(f"{self.who}.get_config()", f"{', '.join(map(repr, named))}", f"none of {', '.join(lost)}", hint)

    def built(self) -> Any:
        """Return the layer that `request` describes."""
        return self.make("float32")


def _as(array: Array, dtype: str) -> Array:
    return array.astype(dtype) if array.dtype.kind == "f" else array


def _in_dtype(made: Layer, dtype: str) -> Layer:
    """Construct a layer of this dtype with the same arguments. If its constructor takes no dtype, set it afterwards."""
    try:
        layer: Layer = reconstruct(made, dtype=dtype)
    except TypeError:
        layer = made
    if layer.dtype.name != dtype:
        for each, _ in members(layer):
            each._set_dtype(dtypes.as_dtype(dtype, "check_layer"))
    return layer


def _weight_attributes(layer: Layer) -> Iterator[tuple[Layer, str, Variable]]:
    """Yield each attribute of the layer and its inner layers that is a weight."""
    for each, _ in members(layer):
        for name, value in list(vars(each).items()):
            if isinstance(value, Variable):
                yield each, name, value


@contextmanager
def _replaced_by(layer: Layer, weights: list[Variable], tensors: tuple[Tensor, ...]) -> Iterator[None]:
    """Replace the weights by tensors in a block, so that gradients with respect to them can be differentiated."""
    attributes = list(_weight_attributes(layer))
    try:
        for owner, name, value in attributes:
            for weight, tensor in zip(weights, tensors, strict=True):
                if value is weight:
                    object.__setattr__(owner, name, tensor)
        yield
    finally:
        for owner, name, value in attributes:
            object.__setattr__(owner, name, value)


def check_layer(layer: Any, *, inputs: Any = None) -> Report:
    """Run all checks that tensorlab's own layers pass.

    - Every available backend gives the results of the reference backend, in float32 and float64, also in training.
    - Gradients with respect to inputs and weights agree with central differences, to second order.
    - Results are finite for inputs of 0, and correct for no sample, one sample and strided samples.
    - Results are the same in another process, from repeated calls, and for one and two threads.

    Args:
        layer: a layer with arguments other than the defaults, so that a lost argument is noticed; or a registered name
            or a class, which is called with 3 for each required argument.
        inputs: an input of the layer; if None, one that it accepts is searched for.

    Returns:
        the report.

    Raises:
        ConformanceError: (an AssertionError) if a check failed. It names the check, what was expected, and what to do.
        UnknownNameError: for a name that is not registered.
        ArgumentTypeError: for anything that is not a layer.

    Example:
        >>> tl.testing.check_layer(tl.layers.Dense(3)).passed
        True
    """
    return LayerSubject(layer, inputs=inputs).report()
