"""Losses: values and gradients against NumPy's formulas in float64, and the targets that are refused."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, DeviceError, DTypeError, ShapeError, UnknownNameError
from tensorlab.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Loss,
    LossRule,
    MeanAbsoluteError,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)

Array = np.ndarray[Any, Any]
EPSILON = 1e-7  # Keras's


def clipped(p: Array) -> Array:
    return np.clip(p, EPSILON, 1.0 - EPSILON)


def log_softmax(x: Array) -> Array:
    shifted = x - x.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def softmax(x: Array) -> Array:
    return np.exp(log_softmax(x))


def central_difference(function: Callable[[Array], float], x: Array, step: float = 1e-5) -> Array:
    """The gradient, with an error of the fourth order in the step."""
    result = np.empty_like(x)
    for place in np.ndindex(x.shape):
        values = []
        for offset in (-2, -1, 1, 2):
            moved = x.copy()
            moved[place] += offset * step
            values.append(function(moved))
        result[place] = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * step)
    return result


# A loss, and the loss of each sample by the formula; targets and outputs are made below.
def binary(t: Array, p: Array) -> Array:
    p = clipped(p)
    return -(t * np.log(p) + (1.0 - t) * np.log(1.0 - p)).mean(axis=-1)


def binary_from_logits(t: Array, x: Array) -> Array:
    p = 1.0 / (1.0 + np.exp(-x))
    return -(t * np.log(p) + (1.0 - t) * np.log(1.0 - p)).mean(axis=-1)


def categorical(t: Array, p: Array) -> Array:
    return -(t * np.log(clipped(p / p.sum(axis=-1, keepdims=True)))).sum(axis=-1)


def categorical_from_logits(t: Array, x: Array) -> Array:
    return -(t * log_softmax(x)).sum(axis=-1)


def sparse(t: Array, p: Array) -> Array:
    return -np.log(clipped(np.take_along_axis(p, t.astype(int)[..., None], axis=-1)[..., 0]))


def sparse_from_logits(t: Array, x: Array) -> Array:
    return -np.take_along_axis(log_softmax(x), t.astype(int)[..., None], axis=-1)[..., 0]


Sampler = Callable[[np.random.Generator, tuple[int, ...]], Array]


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.normal(size=shape)


def apart(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """On either side of all probabilities, and so away from the kink of an absolute value."""
    return rng.choice([-1.0, 1.0], shape) * rng.uniform(1.1, 3.0, shape)


def shares(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """None of them below 0.002, where a logarithm would be too bent for the steps of a difference."""
    return softmax(rng.uniform(-2.0, 2.0, shape))


def probabilities(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.uniform(0.02, 0.98, shape)


def labels(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.integers(0, shape[-1], shape[:-1])


CASES: dict[str, tuple[Loss, Callable[[Array, Array], Array], Sampler, Sampler]] = {
    "mse": (MeanSquaredError(), lambda t, p: ((t - p) ** 2).mean(axis=-1), normal, normal),
    "mae": (MeanAbsoluteError(), lambda t, p: np.abs(t - p).mean(axis=-1), probabilities, apart),
    "binary": (BinaryCrossentropy(), binary, probabilities, probabilities),
    "binary logits": (BinaryCrossentropy(from_logits=True), binary_from_logits, probabilities, normal),
    "categorical": (CategoricalCrossentropy(), categorical, shares, probabilities),
    "categorical logits": (CategoricalCrossentropy(from_logits=True), categorical_from_logits, shares, normal),
    "sparse": (SparseCategoricalCrossentropy(), sparse, labels, shares),
    "sparse logits": (SparseCategoricalCrossentropy(from_logits=True), sparse_from_logits, labels, normal),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("shape", [(5, 3), (1, 7), (2, 3, 4)])
def test_value_and_gradient_are_those_of_the_formula(
    case: str, shape: tuple[int, ...], rng: np.random.Generator
) -> None:
    loss, formula, sample_targets, sample_outputs = CASES[case]
    targets, outputs = sample_targets(rng, shape), sample_outputs(rng, shape)
    source = tl.Variable(outputs)
    with tl.GradientTape() as tape:
        value = loss(targets, source)
    assert value.shape == ()
    assert value.dtype == tl.float64
    np.testing.assert_allclose(value.numpy(), formula(targets, outputs).mean(), rtol=1e-11, atol=1e-13)
    expected = central_difference(lambda array: formula(targets, array).mean(), outputs)
    np.testing.assert_allclose(tape.gradient(value, source).numpy(), expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("case", CASES)
def test_single_precision_is_near(case: str, rng: np.random.Generator) -> None:
    loss, formula, sample_targets, sample_outputs = CASES[case]
    targets, outputs = sample_targets(rng, (33, 10)), sample_outputs(rng, (33, 10)).astype("float32")
    value = loss(targets, outputs)
    assert value.dtype == tl.float32
    np.testing.assert_allclose(value.numpy(), formula(targets, outputs.astype("float64")).mean(), rtol=2e-6)


@pytest.mark.parametrize("case", CASES)
def test_reductions(case: str, rng: np.random.Generator) -> None:
    loss, formula, sample_targets, sample_outputs = CASES[case]
    targets, outputs = sample_targets(rng, (5, 3)), sample_outputs(rng, (5, 3))
    each = formula(targets, outputs)
    config = loss.get_config()
    for reduction, expected in (
        ("sum_over_batch_size", each.mean()),
        ("mean", each.mean()),
        ("sum", each.sum()),
        ("none", each),
        (None, each),
    ):
        value = type(loss).from_config({**config, "reduction": reduction})(targets, outputs)
        assert value.shape == expected.shape
        np.testing.assert_allclose(value.numpy(), expected, rtol=1e-11)


def test_reduction_that_is_none_is_refused() -> None:
    with pytest.raises(ArgumentError) as error:
        MeanSquaredError(reduction="average")
    assert str(error.value).startswith("MeanSquaredError reduction: expected one of ('sum_over_batch_size', 'mean',")
    assert str(error.value).endswith("received 'average'")


def test_certainty_costs_what_keras_says() -> None:
    # -log(1e-7) for what was thought impossible, -log(1 - 1e-7) for what was thought certain.
    outputs = np.array([[0.0, 1.0]])
    for loss, target in (
        (SparseCategoricalCrossentropy(), np.array([0])),
        (CategoricalCrossentropy(), np.array([[1.0, 0.0]])),
        (BinaryCrossentropy(), np.array([[1.0, 0.0]])),
    ):
        assert float(loss(target, outputs)) == pytest.approx(16.11809565095832, rel=1e-7)
    assert float(SparseCategoricalCrossentropy()(np.array([1]), outputs)) == pytest.approx(1e-7, rel=1e-6)


def test_gradient_of_what_is_clipped_is_zero() -> None:
    source = tl.Variable(np.array([[0.0, 1.0]]))
    with tl.GradientTape() as tape:
        value = SparseCategoricalCrossentropy()(np.array([0]), source)
    assert tape.gradient(value, source).tolist() == [[0.0, 0.0]]


def test_logits_of_any_size_give_finite_losses() -> None:
    x = np.array([[1e4, -1e4, 0.0]])
    assert float(SparseCategoricalCrossentropy(from_logits=True)(np.array([1]), x)) == pytest.approx(2e4)
    assert float(SparseCategoricalCrossentropy(from_logits=True)(np.array([0]), x)) == 0.0
    assert float(CategoricalCrossentropy(from_logits=True)(np.array([[0.0, 1.0, 0.0]]), x)) == pytest.approx(2e4)
    value = BinaryCrossentropy(from_logits=True)(np.array([[0.0, 1.0, 1.0]]), x)
    assert float(value) == pytest.approx((2e4 + np.log(2.0)) / 3.0)


def test_kerass_numbers() -> None:
    # The examples in the documentation of keras.losses.
    probabilities = np.array([[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]])
    assert float(SparseCategoricalCrossentropy()(np.array([1, 2]), probabilities)) == pytest.approx(1.177, abs=5e-4)
    one_hot = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert float(CategoricalCrossentropy()(one_hot, probabilities)) == pytest.approx(1.177, abs=5e-4)
    each = CategoricalCrossentropy(reduction="none")(one_hot, probabilities)
    np.testing.assert_allclose(each.numpy(), [0.0513, 2.303], atol=5e-4)
    logits = np.array([[-18.6], [0.51], [2.94], [-12.8]])
    targets = np.array([[0.0], [1.0], [0.0], [0.0]])
    assert float(BinaryCrossentropy(from_logits=True)(targets, logits)) == pytest.approx(0.865, abs=5e-4)
    pairs = np.array([[0.0, 1.0], [0.0, 0.0]]), np.array([[1.0, 1.0], [1.0, 0.0]])
    assert float(MeanSquaredError()(*pairs)) == 0.5
    assert MeanAbsoluteError(reduction="sum")(*pairs).item() == 1.0


@pytest.mark.parametrize("kind", ["uint8", "int64", "float32", "float64"])
@pytest.mark.parametrize("column", [False, True])
def test_sparse_labels_may_be_of_any_number_type_and_a_column(
    kind: str, column: bool, rng: np.random.Generator
) -> None:
    targets, outputs = rng.integers(0, 3, 6).astype(kind), shares(rng, (6, 3))
    given = targets[:, None] if column else targets
    value = SparseCategoricalCrossentropy()(given, outputs)
    np.testing.assert_allclose(value.numpy(), sparse(targets, outputs).mean(), rtol=1e-11)


def test_sparse_is_categorical_of_one_hot(rng: np.random.Generator) -> None:
    targets, x = rng.integers(0, 3, 6), rng.normal(size=(6, 3))
    value = SparseCategoricalCrossentropy(from_logits=True)(targets, x)
    one_hot = CategoricalCrossentropy(from_logits=True)(np.eye(3)[targets], x)
    np.testing.assert_allclose(value.numpy(), one_hot.numpy(), rtol=1e-12)


@pytest.mark.parametrize("loss", [MeanSquaredError(), MeanAbsoluteError(), BinaryCrossentropy()])
@pytest.mark.parametrize(
    ("target_shape", "output_shape"), [((6,), (6, 1)), ((6, 1), (6, 1)), ((6, 1), (6,)), ((1,), (1, 1))]
)
def test_a_column_and_a_row_of_targets_are_the_same(
    loss: Loss, target_shape: tuple[int, ...], output_shape: tuple[int, ...], rng: np.random.Generator
) -> None:
    targets = rng.uniform(0.1, 0.9, target_shape)
    outputs = rng.uniform(0.1, 0.9, output_shape)
    expected = loss(targets.reshape(-1, 1), outputs.reshape(-1, 1)).numpy()
    np.testing.assert_allclose(loss(targets, outputs).numpy(), expected, rtol=1e-12)


# What is refused


def refused(loss: Loss, targets: Any, outputs: Any, kind: type[Exception]) -> str:
    with pytest.raises(kind) as error:
        loss(targets, outputs)
    return str(error.value)


@pytest.mark.parametrize(
    ("label", "more", "words"),
    [(10, 0, "10 at position 3"), (-1, 0, "-1 at position 3"), (11, 2, "11 at position 3, and 2 more")],
)
def test_sparse_refuses_labels_out_of_range(label: int, more: int, words: str) -> None:
    targets = np.zeros(8, "int64")
    targets[3 : 4 + more] = label
    message = refused(SparseCategoricalCrossentropy(), targets, np.full((8, 10), 0.1), ArgumentError)
    assert message == (
        f"SparseCategoricalCrossentropy: expected labels from 0 to 9 for 10 outputs, received {words}; "
        "correct the labels, or give the last layer more units"
    )


@pytest.mark.parametrize(
    ("targets", "kind"),
    [(np.array([0.0, 1.5]), "float64"), (np.array([True, False]), "bool"), (np.array([0.0, np.nan]), "float64")],
)
def test_sparse_refuses_labels_that_are_not_whole(targets: Array, kind: str) -> None:
    message = refused(SparseCategoricalCrossentropy(), targets, np.full((2, 3), 0.3), DTypeError)
    assert message == f"SparseCategoricalCrossentropy: expected labels that are whole numbers, received {kind}"


def test_sparse_refuses_one_hot_rows() -> None:
    message = refused(SparseCategoricalCrossentropy(), np.eye(3), np.full((3, 3), 0.3), ShapeError)
    assert message == (
        "SparseCategoricalCrossentropy: expected labels of shape (3,), received (3, 3); "
        "for one-hot targets use categorical_crossentropy"
    )


@pytest.mark.parametrize("shape", [(4,), (3, 2), (3, 1, 1), ()])
def test_sparse_refuses_labels_of_another_shape(shape: tuple[int, ...]) -> None:
    message = refused(SparseCategoricalCrossentropy(), np.zeros(shape, "int64"), np.full((3, 3), 0.3), ShapeError)
    assert message == f"SparseCategoricalCrossentropy: expected labels of shape (3,), received {shape}"


def test_categorical_refuses_labels() -> None:
    message = refused(CategoricalCrossentropy(), np.array([0, 1, 2]), np.full((3, 3), 0.3), ShapeError)
    assert message == (
        "CategoricalCrossentropy: expected targets of the outputs' shape (3, 3), received (3,); "
        "for labels that are integers use sparse_categorical_crossentropy"
    )
    message = refused(CategoricalCrossentropy(), np.zeros((3, 2)), np.full((3, 3), 0.3), ShapeError)
    assert message == "CategoricalCrossentropy: expected targets of the outputs' shape (3, 3), received (3, 2)"


@pytest.mark.parametrize(
    ("target_shape", "output_shape"),
    [((4,), (4, 2)), ((3, 2), (4, 2)), ((1, 4), (4, 1)), ((4,), (1, 4)), ((), (4,)), ((4, 2), (4,))],
)
@pytest.mark.parametrize("loss", [MeanSquaredError(), BinaryCrossentropy()])
def test_targets_that_would_broadcast_are_refused(
    loss: Loss, target_shape: tuple[int, ...], output_shape: tuple[int, ...]
) -> None:
    message = refused(loss, np.zeros(target_shape), np.full(output_shape, 0.5), ShapeError)
    name = type(loss).__name__
    assert message == f"{name}: expected targets of the outputs' shape {output_shape}, received {target_shape}"


# Losses of others


def huber(y_true: float, y_pred: float, delta: float = 1.0) -> float:
    error = abs(y_true - y_pred)
    return 0.5 * error * error if error <= delta else delta * (error - 0.5 * delta)


def numpy_huber(t: Array, p: Array, delta: float) -> Array:
    error = np.abs(t - p)
    return np.where(error <= delta, 0.5 * error**2, delta * (error - 0.5 * delta)).mean(axis=-1)


def test_rule_becomes_a_loss(rng: np.random.Generator) -> None:
    targets, outputs = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    rule = LossRule(huber)
    for loss, delta in ((rule(), 1.0), (rule(delta=0.3), 0.3), (tl.losses.get(rule), 1.0)):
        source = tl.Variable(outputs)
        with tl.GradientTape() as tape:
            value = loss(targets, source)
        np.testing.assert_allclose(value.numpy(), numpy_huber(targets, outputs, delta).mean(), rtol=1e-12)
        error = outputs - targets
        expected = np.clip(error, -delta, delta) / error.size
        np.testing.assert_allclose(tape.gradient(value, source).numpy(), expected, rtol=1e-10, atol=1e-14)
    each = rule(reduction="none", delta=0.3)(targets, outputs)
    np.testing.assert_allclose(each.numpy(), numpy_huber(targets, outputs, 0.3), rtol=1e-12)


def test_rules_survive_json_by_the_name_that_they_are_registered_by(rng: np.random.Generator) -> None:
    made = LossRule(huber)
    plugin = SimpleNamespace(hook=tl.hookimpl(lambda: {"smooth": made}, specname="tensorlab_register_losses"))
    tl.plugins.register(plugin, "mine")
    try:
        loss = made(reduction="sum", delta=2)
        plain = json.loads(json.dumps(tl.losses.serialize(loss)))
        assert plain == {"class_name": "smooth", "kind": "loss", "config": {"reduction": "sum", "delta": 2.0}}
        y_true, y_pred = rng.normal(0, 3, (2, 5, 4))
        for again in (tl.losses.get(plain), tl.losses.deserialize(plain), made.from_config(plain["config"])):
            assert again is not loss
            assert tl.losses.serialize(again) == plain
            assert float(again(y_true, y_pred)) == float(loss(y_true, y_pred))
        assert tl.losses.get("smooth").get_config() == {"reduction": "sum_over_batch_size", "delta": 1.0}
    finally:
        tl.plugins.unregister("mine")


def test_rule_refuses_other_hyperparameters_and_functions() -> None:
    with pytest.raises(ArgumentError) as error:
        LossRule(huber)(dleta=2.0)
    assert str(error.value) == (
        "loss 'huber': expected hyperparameters among: delta, received dleta; did you mean 'delta'?"
    )
    for wrong in (float("nan"), "2", True):
        with pytest.raises(ArgumentError, match="loss 'huber' delta: expected a finite number, received "):
            LossRule(huber)(delta=wrong)

    def lonely(y_true: float) -> float:
        return y_true

    with pytest.raises(ArgumentTypeError) as type_error:
        LossRule(lonely)
    assert str(type_error.value) == (
        "LossRule of 'lonely': expected a function of y_true and y_pred, and of parameters with default values, "
        "with one value, received (y_true) with 1"
    )


FUNCTIONS: dict[str, Callable[[Any, Any], tl.Tensor]] = {
    "mse": tl.losses.mean_squared_error,
    "mae": tl.losses.mean_absolute_error,
    "binary": tl.losses.binary_crossentropy,
    "binary logits": functools.partial(tl.losses.binary_crossentropy, from_logits=True),
    "categorical": tl.losses.categorical_crossentropy,
    "categorical logits": functools.partial(tl.losses.categorical_crossentropy, from_logits=True),
    "sparse": tl.losses.sparse_categorical_crossentropy,
    "sparse logits": functools.partial(tl.losses.sparse_categorical_crossentropy, from_logits=True),
}


@pytest.mark.parametrize("case", CASES)
def test_functions_give_the_loss_of_each_sample(case: str, rng: np.random.Generator) -> None:
    _, formula, sample_targets, sample_outputs = CASES[case]
    targets, outputs = sample_targets(rng, (5, 3)), sample_outputs(rng, (5, 3))
    value = FUNCTIONS[case](targets, outputs)
    assert value.shape == (5,)
    np.testing.assert_allclose(value.numpy(), formula(targets, outputs), rtol=1e-11)


def test_functions_refuse_what_their_classes_refuse() -> None:
    with pytest.raises(ArgumentError, match="expected labels from 0 to 2 for 3 outputs, received 3 at position 1"):
        tl.losses.sparse_categorical_crossentropy([0, 3], np.full((2, 3), 1 / 3))


def test_a_function_trains_a_model_as_its_name_does(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(40, 3)).astype("float32"), rng.integers(0, 4, 40)

    def losses(loss: Any) -> list[float]:
        tl.utils.set_random_seed(0)
        model = tl.Sequential([tl.layers.Dense(4, activation="softmax")])
        model.compile(optimizer="sgd", loss=loss)
        return model.fit(x, y, epochs=2, batch_size=16, verbose=0).history["loss"]

    assert losses(tl.losses.sparse_categorical_crossentropy) == losses("sparse_categorical_crossentropy")


def test_function_of_tensors_is_a_loss(rng: np.random.Generator) -> None:
    def cubed(y_true: tl.Tensor, y_pred: tl.Tensor) -> tl.Tensor:
        return tl.mean(tl.abs(y_true - y_pred) ** 3, axis=-1)

    targets, outputs = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    loss = tl.losses.get(cubed)
    assert loss.name == "cubed"
    value = loss(targets, outputs)
    np.testing.assert_allclose(value.numpy(), (np.abs(targets - outputs) ** 3).mean(), rtol=1e-11)
    with pytest.raises(ShapeError) as error:
        loss(targets[:4], outputs)
    assert str(error.value) == "cubed: expected as many targets as outputs, 5, received (4, 3)"


def test_subclass_needs_only_call(rng: np.random.Generator) -> None:
    class Scaled(Loss):
        def __init__(self, factor: float, **options: Any) -> None:
            super().__init__(**options)
            self.factor = factor

        def call(self, y_true: tl.Tensor, y_pred: tl.Tensor) -> tl.Tensor:
            return tl.mean(tl.abs(y_true - y_pred), axis=-1) * self.factor

    targets, outputs = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    loss = Scaled.from_config(Scaled(3.0, reduction="sum").get_config())
    expected = 3.0 * np.abs(targets - outputs).mean(axis=-1).sum()
    np.testing.assert_allclose(loss(targets, outputs).numpy(), expected, rtol=1e-12)
    with pytest.raises(NotImplementedError, match=r"Loss has no call\(y_true, y_pred\)"):
        Loss()(targets, outputs)


def test_get_takes_names_classes_objects_and_configs() -> None:
    ready = MeanSquaredError(reduction="sum")
    assert tl.losses.get(ready) is ready
    assert isinstance(tl.losses.get("sparse_categorical_crossentropy"), SparseCategoricalCrossentropy)
    assert isinstance(tl.losses.get("SparseCategoricalCrossentropy"), SparseCategoricalCrossentropy)
    assert isinstance(tl.losses.get("mse"), MeanSquaredError)
    assert isinstance(tl.losses.get("mae"), MeanAbsoluteError)
    assert isinstance(tl.losses.get(CategoricalCrossentropy), CategoricalCrossentropy)
    made = tl.losses.get({"class_name": "binary_crossentropy", "kind": "loss", "config": {"from_logits": True}})
    assert made.from_logits is True
    with pytest.raises(UnknownNameError) as error:
        tl.losses.get("categorical_crossentrpy")
    assert str(error.value).startswith(
        "loss: expected the name of a registered loss, received 'categorical_crossentrpy'; "
        "did you mean 'categorical_crossentropy'"
    )
    with pytest.raises(ArgumentTypeError) as type_error:
        tl.losses.get(3)
    assert str(type_error.value) == "loss: expected a name, a Loss, or a function of (y_true, y_pred), received 3"


@pytest.mark.parametrize("name", ["mean_squared_error", "categorical_crossentropy", "sparse_categorical_crossentropy"])
def test_targets_on_another_device_are_refused_and_arrays_go_there(name: str) -> None:
    loss = tl.losses.get(name)
    outputs = tl.asarray(np.array([[0.25, 0.75]], np.float32), device="reference")
    targets = np.array([1]) if name.startswith("sparse") else np.array([[0.0, 1.0]], np.float32)
    with pytest.raises(
        DeviceError,
        match=rf"^{loss.name}: expected tensors on one device, received 'reference' and 'cpu'; move one of them, "
        r"e\.g\. x\.to_device\('reference'\)$",
    ):
        loss(tl.asarray(targets), outputs)
    value = loss(targets, outputs)
    assert value.device == "reference"
    assert float(value) == pytest.approx(float(loss(tl.asarray(targets), outputs.to_device("cpu"))))
