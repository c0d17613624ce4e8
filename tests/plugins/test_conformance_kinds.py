"""The conformance kit for activations, losses, optimizers and layers: built-in objects pass, mistakes fail."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import pytest
from conformance_cases import guarded, why

import tensorlab as tl
from tensorlab.errors import ArgumentTypeError
from tensorlab.testing import plugin
from tensorlab.testing.activation import ActivationSubject
from tensorlab.testing.layer import LayerSubject
from tensorlab.testing.loss import LossSubject
from tensorlab.testing.optimizer import OptimizerSubject
from tensorlab.testing.report import Report

# Valid objects


@pytest.mark.parametrize(
    ("check", "thing"),
    [
        (tl.testing.check_activation, "relu"),
        (tl.testing.check_activation, tl.activations.softmax),
        (tl.testing.check_loss, "mse"),
        (tl.testing.check_loss, "sparse_categorical_crossentropy"),
        (tl.testing.check_optimizer, "rmsprop"),
        (tl.testing.check_optimizer, tl.optimizers.Adam),
        (tl.testing.check_layer, "Dense"),
        (tl.testing.check_layer, tl.layers.Dense(4, activation="tanh", use_bias=False)),
    ],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", "made"),
)
def test_builtin_objects_pass(check: Callable[[Any], Report], thing: Any) -> None:
    report = check(thing)
    assert report.passed
    assert sum(result.outcome == "passed" for result in report) >= 7


@pytest.mark.parametrize(
    ("check", "thing", "said"),
    [
        (
            tl.testing.check_activation,
            3,
            "check_activation: expected a registered activation, or an Activation, or a function from a tensor to a "
            "tensor, received 3",
        ),
        (
            tl.testing.check_activation,
            math.tanh,
            "received a function of numbers, <built-in function tanh>; wrap it: Activ",
        ),
        (
            tl.testing.check_loss,
            max,
            "check_loss: expected a registered loss, or a LossRule, or a subclass of Loss, received <built-in function",
        ),
        (tl.testing.check_optimizer, None, "or an OptimizerRule, or a subclass of Optimizer, received None"),
        (
            tl.testing.check_layer,
            dict,
            "check_layer: expected a registered layer, or a subclass of Layer, received <class 'dict'>; make "
            "dict a subclass of Layer",
        ),
        (tl.testing.check_plugin, 3, "check-plugin: expected the name of an installed plugin, received 3"),
    ],
)
def test_objects_of_another_kind_are_rejected(check: Callable[[Any], Report], thing: Any, said: str) -> None:
    with pytest.raises(ArgumentTypeError) as caught:
        check(thing)
    assert said in str(caught.value)


# Objects with one mistake each


def wrong_slope(x: Any) -> Any:
    return tl.custom_gradient(lambda x: (x * x, lambda upstream: upstream * x))(x)


def random_activation(x: Any) -> Any:
    return x + np.random.default_rng().normal()


def in_float64(x: Any) -> Any:
    return tl.astype(x, "float64") * 2.0


def flattening(x: Any) -> Any:
    return tl.reshape(x, (-1,))


@pytest.mark.parametrize(
    ("thing", "heading", "words"),
    [
        (wrong_slope, "gradients", "check_gradients: order 1, input 0, the gradient at"),
        (random_activation, "determinism", "as the first time, bit for bit, received"),
        (in_float64, "dtypes", "activation 'in_float64' in float32: expected results of float32, received float64"),
        (flattening, "shapes", "of an input empty: expected the input's shape (0, 3), received (0,)"),
    ],
)
def test_wrong_activation_fails(thing: Any, heading: str, words: str) -> None:
    assert words in why(ActivationSubject(thing), heading)


def test_surrogate_derivative_skips_the_gradient_check() -> None:
    def step(x: float) -> float:
        return 1.0 if x > 0 else 0.0

    def slope(x: float) -> float:
        return 1.0 / (1.0 + x * x)

    (check,) = [c for c in ActivationSubject(tl.Activation(step, slope)).checks() if c.heading == "gradients"]
    assert check.result().outcome == "skipped"
    assert "its slope is a surrogate" in check.result().why


def careless(y_true: float, y_pred: float) -> float:
    return -y_true * math.log(y_pred)


class Mixed(tl.losses.Loss):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return tl.mean((y_true - y_pred) ** 2 + tl.mean(y_pred), axis=-1)


class Summed(tl.losses.Loss):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return tl.sum((y_true - y_pred) ** 2)


@pytest.mark.parametrize(
    ("thing", "heading", "words"),
    [
        (
            tl.LossRule(careless),
            "special values",
            "in float32 for outputs of 0 and 1: expected finite losses, received",
        ),
        (Mixed, "shapes", "loss 'Mixed' of one sample at (0,): expected "),
        (Summed, "shapes", "loss 'Summed'.call: expected one number for each of 8 samples, received the shape ()"),
    ],
)
def test_wrong_loss_fails(thing: Any, heading: str, words: str) -> None:
    assert words in why(LossSubject(thing), heading)


def uphill(w: float, g: float, learning_rate: float = 0.01) -> float:
    return w + learning_rate * g


def undamped(w: float, g: float, s: float, learning_rate: float = 0.01) -> tuple[float, float]:
    s = 0.9 * s + 0.1 * g * g
    return w - learning_rate * g / math.sqrt(s), s


class Forgetful(tl.optimizers.Adam):
    def get_state(self) -> dict[str, Any]:
        return {"iterations": 0, "slots": []}


@pytest.mark.parametrize(
    ("thing", "heading", "words"),
    [
        (tl.OptimizerRule(uphill), "learns", "a step must go against the gradient"),
        (
            tl.OptimizerRule(undamped),
            "special values",
            "in float32, gradients of 0: expected finite weights, received nan",
        ),
        (Forgetful, "state", "optimizer 'Forgetful' resumed at ("),
    ],
)
def test_wrong_optimizer_fails(thing: Any, heading: str, words: str) -> None:
    assert words in why(OptimizerSubject(thing), heading)


class WrongSlope(tl.layers.Layer):
    def call(self, inputs: Any) -> Any:
        return wrong_slope(inputs)


class AcrossTheBatch(tl.layers.Layer):
    def call(self, inputs: Any) -> Any:
        return inputs - tl.mean(inputs, axis=0)


class Norm(tl.layers.Layer):
    def call(self, inputs: Any) -> Any:
        return inputs / tl.sqrt(tl.sum(inputs * inputs, axis=-1, keepdims=True))


class NoInputs(tl.layers.Layer):
    def call(self, inputs: Any) -> Any:
        raise tl.errors.ShapeError("NoInputs", "nothing", "something")


@pytest.mark.parametrize(
    ("thing", "heading", "words"),
    [
        (WrongSlope, "gradients", "check_gradients: order 1, input 0, the gradient at"),
        (AcrossTheBatch, "shapes", "layer 'AcrossTheBatch' of one sample at (0, "),
        (Norm, "special values", "for inputs of 0: expected finite outputs, received nan"),
        (NoInputs, "dtypes", "received NoInputs: expected nothing, received something; give check_layer inputs"),
    ],
)
def test_wrong_layer_fails(thing: Any, heading: str, words: str) -> None:
    assert words in why(LayerSubject(thing), heading)


def test_wrong_gradient_of_a_weight_fails() -> None:
    class Scale(tl.layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.factor = self.add_weight((input_shape[-1],), "ones")

        def call(self, inputs: Any) -> Any:
            return inputs * wrong_slope(self.factor)

    assert "order 1, input 1, the gradient at" in why(LayerSubject(Scale), "gradients")


def test_layer_that_cannot_be_constructed_is_skipped() -> None:
    (check,) = LayerSubject(tl.layers.Dropout).checks()
    assert check.heading == "made"
    result = check.result()
    assert result.outcome == "skipped"
    assert "cannot construct Dropout automatically (tried Dropout(rate=3): " in result.why
    assert result.why.endswith("pass an object instead of the class, or pass examples to plugin_test")
    assert [c.heading for c in LayerSubject(tl.layers.Dropout(0.3)).checks()] == list(LayerSubject.headings)


def test_example_replaces_the_class() -> None:
    def of_dropout(examples: Mapping[str, Any] | None) -> list[str]:
        found = plugin.checks("tensorlab", examples)
        return [check.heading for check in found if check.subject == "layer 'Dropout'"]

    assert of_dropout(None) == ["made"]
    assert of_dropout({"Dropout": tl.layers.Dropout(0.3)}) == list(LayerSubject.headings)


class Lookup(tl.layers.Layer):
    def __init__(self, count: int, length: int, **options: Any) -> None:
        super().__init__(**options)
        self.count, self.length = count, length

    def build(self, input_shape: Any) -> None:
        self.table = self.add_weight((self.count, self.length))

    def call(self, inputs: Any) -> Any:
        if inputs.dtype.kind == "f":
            raise tl.errors.DTypeError("Lookup", "indices", str(inputs.dtype))
        rows = tl.take(self.table, tl.reshape(inputs, (inputs.size,)), axis=0)
        return tl.reshape(rows, (*inputs.shape, self.length))


def test_layer_with_integer_inputs() -> None:
    with tl.device("reference"):
        report = tl.testing.check_layer(Lookup)
    outcomes = {result.heading: result.outcome for result in report}
    assert outcomes["gradients"] == outcomes["shapes"] == outcomes["backends"] == "passed"
    assert outcomes["special values"] == "skipped"


def test_optimizer_in_use_is_not_changed() -> None:
    with tl.device("reference"):
        optimizer = tl.optimizers.SGD(0.25, momentum=0.5)
        optimizer.apply_gradients([(np.ones(2), tl.Variable(np.zeros(2), dtype="float64"))])
        report = tl.testing.check_optimizer(optimizer)
    assert report.title == "optimizer 'sgd'"
    assert (optimizer.iterations, len(optimizer.variables)) == (1, 1)


def test_rule_is_named_after_its_function() -> None:
    assert OptimizerSubject(tl.OptimizerRule(uphill)).who == "optimizer 'uphill'"
    assert LossSubject(tl.LossRule(careless)).who == "loss 'careless'"
    assert ActivationSubject(tl.Activation(guarded)).who == "activation 'guarded'"


class Unrepeatable(tl.layers.Layer):
    def call(self, inputs: Any, training: bool = False) -> Any:
        return inputs * float(np.random.default_rng().uniform()) if training else inputs


class Careless(tl.layers.Layer):
    def call(self, inputs: Any, training: bool = False) -> Any:
        return wrong_slope(inputs) if training else inputs


class Widening(tl.layers.Layer):
    def call(self, inputs: Any, training: bool = False) -> Any:
        return tl.astype(inputs, "float64") if training else inputs


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (Unrepeatable, "as the first time, bit for bit, received"),
        (Careless, "check_gradients: order 1, input 0, the gradient at"),
        (Widening, "in training, in float32: expected results of float32, received float64; convert the random"),
    ],
)
def test_layer_that_is_wrong_only_in_training_fails(thing: Any, words: str) -> None:
    with tl.device("reference"):
        report = Report("layer", LayerSubject(thing).checks())
    assert [result.heading for result in report.failures] == ["training"]
    assert words in report.failures[0].why


class Counted(tl.layers.Layer):
    calls: ClassVar[Counter[tuple[str, bool]]] = Counter()

    def call(self, inputs: Any, training: bool = False) -> Any:
        self.calls[inputs.device, training] += 1
        return tl.tanh(inputs)


def test_differences_are_computed_by_compiled_code_and_once_if_training_changes_nothing() -> None:
    subject = LayerSubject(Counted())
    Counted.calls.clear()
    subject.check_gradients()
    elements = subject.inputs()[:2].size
    assert Counted.calls["cpu", False] >= 2 * 4 * elements, "of two orders, with four values for each element"
    assert Counted.calls["reference", False] < 4 * elements
    Counted.calls.clear()
    subject.check_training()
    assert 0 < Counted.calls["cpu", True] < 4 * elements


def test_layers_without_training_have_no_training_check() -> None:
    assert "training" not in {check.heading for check in LayerSubject("Flatten").checks()}


def test_loss_that_accepts_no_batch_fails() -> None:
    class Picky(tl.losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            raise tl.errors.ShapeError("Picky", "images", str(y_pred.shape))

    said = why(LossSubject(Picky), "shapes")
    assert "expected a finite loss for targets that are 0 or 1, one-hot rows, labels or real numbers, received" in said
    assert said.endswith("ShapeError: Picky: expected images, received (8, 3); pass y_true and y_pred to check_loss")
