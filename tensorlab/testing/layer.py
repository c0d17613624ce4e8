"""The checks of a layer."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
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
from tensorlab.testing.examples import again, arguments, example
from tensorlab.testing.gradients import check_gradients
from tensorlab.testing.report import Check, NotApplicableError, Report, refuse
from tensorlab.testing.subject import CLOSE, DTYPES, REPEATS, Array, Subject, arrays, available_backends, finite, same
from tensorlab.variable import Variable

_SHAPES = ((4, 6), (3, 4, 6), (2, 6, 6, 3), (4,))
"""Shapes of inputs: the first that a layer takes is used; integers, such as indices, if it takes none."""

_TRIES = 3
"""A layer may have kinks anywhere: a slope that is off for this many inputs is wrong."""

_RULES = (1e-6, 1e-9)


class LayerSubject(Subject):
    """A layer, or a subclass of `Layer`."""

    kind = "layer"
    headings = ("backends", "dtypes", "gradients", "special values", "shapes", "training", "config", "determinism")

    def __init__(self, thing: Any, label: str | None = None, inputs: Any = None) -> None:
        super().__init__(thing, label)
        self._given = thing if isinstance(thing, Layer) else None
        self._class = type(thing) if self._given else self.thing
        self._inputs = None if inputs is None else np.asarray(inputs)

    def checks(self) -> list[Check]:
        """Those of training only if its `call` takes ``training``."""
        takes = self._class._takes_training()
        return [check for check in super().checks() if check.heading != "training" or takes]

    def make(self, dtype: str | None = None) -> Layer:
        """A new one, not built, with the arguments of the layer that was given or with others than its defaults."""
        made: Layer = example(self.thing, moved=True) if self._given is None else again(self._given)
        return made if dtype is None else _in_dtype(made, dtype)

    def inputs(self, seed: int = 0) -> Array:
        """What it is called with."""
        rng = np.random.default_rng(seed)
        if self._inputs is not None:
            return self._inputs
        refused: list[TensorlabError] = []
        for array in (*(rng.normal(0, 1, shape) for shape in _SHAPES), rng.integers(0, 3, (4, 6))):
            try:
                with device("reference"):
                    self.make()(_as(array, "float32"))
            except TensorlabError as error:
                refused.append(error)
                continue
            return array
        if not any(isinstance(error, ShapeError) for error in refused):  # so the inputs are not why
            raise refused[0]
        expected = f"a layer of inputs of a shape among {_SHAPES}, or of integers from 0 to 2"
        return refuse(self.who, expected, str(refused[0]), "give check_layer inputs")

    def ready(self, dtype: str, array: Array) -> Layer:
        """A new one, built on the current device, with weights that are the same on every one."""
        utils.set_random_seed(0)
        with device("reference"):
            model = self.make("float64")
            model(_as(array, "float64"))
        utils.set_random_seed(0)  # names and random numbers begin again, whatever was made before
        layer = self.make(dtype)
        layer(_as(array, dtype))
        self._check_precision(layer, dtype)
        rng = np.random.default_rng(1)
        layer.set_weights([w + np.asarray(rng.uniform(0.05, 0.5, w.shape), w.dtype) for w in model.get_weights()])
        return layer

    def _check_precision(self, layer: Layer, dtype: str) -> None:
        """Refuse layers inside and real weights of another dtype than the layer's: they lose digits, or add none."""
        for inner, weights in members(layer):
            who = f"{self.who} in {dtype}"
            if inner.dtype.kind == "f" and inner.dtype.name != dtype and inner.built:
                hint = "leave dtype out where it is made, so that it takes that of the layer around it"
                refuse(who, f"layers inside of it of {dtype}", f"{inner!r} of {inner.dtype}", hint)
            for weight in weights:
                if weight.dtype.kind == "f" and weight.dtype.name != dtype:
                    hint = "make it with self.add_weight in build, which takes the layer's dtype"
                    refuse(who, f"weights of {dtype}", f"{weight.name!r} of {weight.dtype}", hint)

    def compute(self, dtype: str, count: int, training: bool = False) -> list[Tensor]:
        """Outputs, and the gradients by inputs and weights."""
        array = self.inputs()
        copies = max(1, count // max(1, array.size))
        layer = self.ready(dtype, array)
        inputs = asarray(_as(np.concatenate([array] * copies), dtype))
        real = [inputs] if array.dtype.kind == "f" else []
        watched = [*real, *layer.trainable_weights]
        with Tape(watch_variables=True) as tape:
            tape.track(real)
            result = _called(layer, inputs, training)
        seed = ops.ones(result.shape, dtype=result.dtype)
        found = tape.backward([(result.key, seed)], [tensor.key for tensor in watched], keep=False)
        return [result, *(found[tensor.key] for tensor in watched if tensor.key in found)]

    def check_gradients(self, training: bool = False) -> None:
        """By inputs and weights, to the second order, against central differences."""
        for seed in range(_TRIES):
            try:
                self._check_gradients(seed, training)
            except GradientError:
                if seed == _TRIES - 1:
                    raise
            else:
                return

    def _check_gradients(self, seed: int, training: bool) -> None:
        with device("reference"):
            array = self.inputs(seed)[:2]
            layer = self.ready("float64", array)
            weights = [w for w in layer.trainable_weights if any(w is x for _, _, x in _holders(layer))]
            values = [np.array(weight.numpy()) for weight in weights]
            real = array.dtype.kind == "f"
            if not real and not weights:
                raise NotApplicableError("it has no weights, and its inputs are integers")

            def call(*tensors: Tensor) -> Tensor:
                inputs, given = (tensors[0], tensors[1:]) if real else (asarray(array), tensors)
                with _in_place_of(layer, weights, given):
                    return _called(layer, inputs, training)

            check_gradients(call, [array, *values] if real else values, seed=seed)

    def check_special_values(self) -> None:
        """Finite outputs and gradients for inputs of 0; infinite and NaN inputs raise nothing."""
        array = self.inputs()
        if array.dtype.kind != "f":
            raise NotApplicableError("its inputs are integers")
        for dtype in DTYPES:
            layer = self.ready(dtype, array)
            inputs = asarray(np.zeros(array.shape, dtype))
            with Tape(watch_variables=False) as tape:
                tape.track([inputs])
                result = layer(inputs)
            found = tape.backward([(result.key, ops.ones_like(result))], [inputs.key], keep=False)
            hint = "0 is divided by 0, or its logarithm taken: give it a branch or an epsilon"
            for what, tensor in (("outputs", result), *(("gradients", found[key]) for key in found)):
                finite(f"{self.who} in {dtype} for inputs of 0", what, tensor, hint)
            for value in (np.inf, -np.inf, np.nan):
                layer(np.full(array.shape, value, dtype))

    def check_shapes(self) -> None:
        """No sample, one, every other one: each is what it is within the batch."""
        array = self.inputs()
        layer = self.ready("float64", array)
        batch = asarray(_as(array, "float64"))
        whole = np.array(layer(batch).numpy())
        if whole.shape[:1] != array.shape[:1]:
            refuse(self.who, f"outputs for {array.shape[0]} samples", f"the shape {whole.shape}", "keep the first axis")
        cuts = {"one sample": slice(0, 1), "every other sample": slice(None, None, 2), "no sample": slice(0, 0)}
        for words, cut in cuts.items():
            part = np.array(layer(batch[cut]).numpy())
            hint = "what a sample gives depends on the other samples: reduce along the axes after the first"
            same(f"{self.who} of {words}", [part], [whole[cut]], "within the batch", *_RULES, hint)

    def _varies(self) -> str:
        found = super()._varies()
        if found:
            return found
        try:
            array = self.inputs()
            with device("reference"):
                layer = self.ready("float32", array)
                first, second = (np.array(layer(_as(array, "float32")).numpy()) for _ in range(2))
        except Exception:  # it cannot be told
            return ""
        return "" if np.array_equal(first, second, equal_nan=True) else f"a second call gives other numbers: {REPEATS}"

    def check_training(self) -> None:
        """With ``training=True``: from a seed the same twice and on every backend, finite, and with its slopes."""
        for dtype in DTYPES:
            who = f"{self.who} in training, in {dtype}"
            with device("reference"):
                first, second = (self.compute(dtype, 60, training=True) for _ in range(2))
            expected = arrays(first)
            hint = "draw from tl.random, which a seed repeats, and not from other generators"
            same(f"{who} a second time", arrays(second), expected, "the first time, bit for bit", 0, 0, hint)
            for result in first:
                finite(who, "outputs and gradients", result, "0 is divided by 0: give it a branch or an epsilon")
                if result.dtype.name != dtype:
                    refuse(who, f"results of {dtype}", str(result.dtype), "convert what is drawn with .astype(x.dtype)")
            for name in available_backends():
                with device(name):
                    received = arrays(self.compute(dtype, 60, training=True))
                same(f"{who} on {name!r}", received, expected, "the reference backend", *CLOSE[dtype])
        self.check_gradients(training=True)

    def request(self) -> dict[str, Any]:
        """The layer's config, inputs and weights."""
        array = self.inputs()
        with device("reference"):
            layer = self.ready("float32", array)
            config = layer.get_config()
        self._check_arguments(layer, config)
        return {"kind": "layer", "config": serialize(layer), "arrays": [_as(array, "float32"), *layer.get_weights()]}

    def _check_arguments(self, layer: Layer, config: dict[str, Any]) -> None:
        if inspect.getattr_static(layer, "from_config") is not inspect.getattr_static(Layer, "from_config"):
            return
        named = [parameter.name for parameter in arguments(type(layer))]
        lost = [name for name in named if name not in config]
        if lost:
            hint = "leave get_config out: what the constructor is given is kept by itself"
            refuse(f"{self.who}.get_config()", f"{', '.join(map(repr, named))}", f"none of {', '.join(lost)}", hint)

    def built(self) -> Any:
        """That layer."""
        return self.make("float32")


def _called(layer: Layer, inputs: Tensor, training: bool) -> Tensor:
    """What it computes; in training each time with the same random numbers."""
    if training:
        utils.set_random_seed(0)
    outputs: Any = layer(inputs, training=training)
    if not isinstance(outputs, Tensor):
        refuse(layer._who, "one tensor as its output", f"a {type(outputs).__name__}", "the kit checks no other layers")
    return outputs


def _as(array: Array, dtype: str) -> Array:
    return array.astype(dtype) if array.dtype.kind == "f" else array


def _in_dtype(made: Layer, dtype: str) -> Layer:
    """Make a layer of this dtype with the same arguments; if its constructor takes no dtype, give it one afterwards."""
    try:
        layer: Layer = again(made, dtype=dtype)
    except TypeError:
        layer = made
    if layer.dtype.name != dtype:
        for each, _ in members(layer):
            each._set_dtype(dtypes.as_dtype(dtype, "check_layer"))
    return layer


def _holders(layer: Layer) -> Iterator[tuple[Layer, str, Variable]]:
    """Each attribute of the layer, and of those inside of it, that is a weight."""
    for each, _ in members(layer):
        for name, value in list(vars(each).items()):
            if isinstance(value, Variable):
                yield each, name, value


@contextmanager
def _in_place_of(layer: Layer, weights: list[Variable], tensors: tuple[Tensor, ...]) -> Iterator[None]:
    """Tensors where the layer has weights, so that the gradients by those can be differentiated too."""
    held = list(_holders(layer))
    try:
        for owner, name, value in held:
            for weight, tensor in zip(weights, tensors, strict=True):
                if value is weight:
                    object.__setattr__(owner, name, tensor)
        yield
    finally:
        for owner, name, value in held:
            object.__setattr__(owner, name, value)


def check_layer(layer: Any, *, inputs: Any = None) -> Report:
    """Check a layer for everything that tensorlab's own are checked for.

    On every backend there is and in float32 and float64: the same numbers; gradients by inputs and weights to the
    second order; finite for inputs of 0; no sample, one, strided ones; the same in training, with random numbers that a
    seed repeats; config and weights carried into another process; the same bits each time, on any number of threads.

    Args:
        layer: a layer, made with other arguments than the defaults so that one that gets lost is missed; or a
            registered name or a class, which is then made with 3 for each argument that has no default.
        inputs: what it is called with; an array that suits it is found if None.

    Returns:
        the report.

    Raises:
        ConformanceError: (an AssertionError) if a check failed: it says which, what was expected, and what to do.
        UnknownNameError: for a name that nothing is registered by.
        ArgumentTypeError: for what is no layer.
    """
    return LayerSubject(layer, inputs=inputs).report()
