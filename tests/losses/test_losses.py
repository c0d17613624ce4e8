"""Losses: values and gradients against NumPy's formulas in float64."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from loss_cases import CASES, Array, shares, sparse

import tensorlab as tl
from tensorlab.errors import ArgumentError
from tensorlab.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)


def central_difference(function: Callable[[Array], float], x: Array, step: float = 1e-5) -> Array:
    """Return the gradient, with an error of fourth order in the step."""
    result = np.empty_like(x)
    for place in np.ndindex(x.shape):
        values = []
        for offset in (-2, -1, 1, 2):
            moved = x.copy()
            moved[place] += offset * step
            values.append(function(moved))
        result[place] = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * step)
    return result


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("shape", [(5, 3), (1, 7), (2, 3, 4)])
def test_value_and_gradient_match_the_formula(case: str, shape: tuple[int, ...], rng: np.random.Generator) -> None:
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
def test_float32_values_match_the_formula(case: str, rng: np.random.Generator) -> None:
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


def test_saturated_probabilities_are_clipped_as_in_keras() -> None:
    # -log(1e-7) for a target of probability 0, -log(1 - 1e-7) for a target of probability 1.
    outputs = np.array([[0.0, 1.0]])
    for loss, target in (
        (SparseCategoricalCrossentropy(), np.array([0])),
        (CategoricalCrossentropy(), np.array([[1.0, 0.0]])),
        (BinaryCrossentropy(), np.array([[1.0, 0.0]])),
    ):
        assert float(loss(target, outputs)) == pytest.approx(16.11809565095832, rel=1e-7)
    assert float(SparseCategoricalCrossentropy()(np.array([1]), outputs)) == pytest.approx(1e-7, rel=1e-6)


def test_clipped_probabilities_have_gradient_zero() -> None:
    source = tl.Variable(np.array([[0.0, 1.0]]))
    with tl.GradientTape() as tape:
        value = SparseCategoricalCrossentropy()(np.array([0]), source)
    assert tape.gradient(value, source).tolist() == [[0.0, 0.0]]


def test_large_logits_give_finite_losses() -> None:
    x = np.array([[1e4, -1e4, 0.0]])
    assert float(SparseCategoricalCrossentropy(from_logits=True)(np.array([1]), x)) == pytest.approx(2e4)
    assert float(SparseCategoricalCrossentropy(from_logits=True)(np.array([0]), x)) == 0.0
    assert float(CategoricalCrossentropy(from_logits=True)(np.array([[0.0, 1.0, 0.0]]), x)) == pytest.approx(2e4)
    value = BinaryCrossentropy(from_logits=True)(np.array([[0.0, 1.0, 1.0]]), x)
    assert float(value) == pytest.approx((2e4 + np.log(2.0)) / 3.0)


def test_examples_of_the_keras_documentation() -> None:
    # From the documentation of keras.losses.
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
def test_sparse_labels_may_have_any_number_type_and_be_a_column(
    kind: str, column: bool, rng: np.random.Generator
) -> None:
    targets, outputs = rng.integers(0, 3, 6).astype(kind), shares(rng, (6, 3))
    given = targets[:, None] if column else targets
    value = SparseCategoricalCrossentropy()(given, outputs)
    np.testing.assert_allclose(value.numpy(), sparse(targets, outputs).mean(), rtol=1e-11)


def test_sparse_equals_categorical_of_one_hot(rng: np.random.Generator) -> None:
    targets, x = rng.integers(0, 3, 6), rng.normal(size=(6, 3))
    value = SparseCategoricalCrossentropy(from_logits=True)(targets, x)
    one_hot = CategoricalCrossentropy(from_logits=True)(np.eye(3)[targets], x)
    np.testing.assert_allclose(value.numpy(), one_hot.numpy(), rtol=1e-12)


@pytest.mark.parametrize("loss", [MeanSquaredError(), MeanAbsoluteError(), BinaryCrossentropy()])
@pytest.mark.parametrize(
    ("target_shape", "output_shape"), [((6,), (6, 1)), ((6, 1), (6, 1)), ((6, 1), (6,)), ((1,), (1, 1))]
)
def test_targets_may_be_a_vector_or_a_column(
    loss: Loss, target_shape: tuple[int, ...], output_shape: tuple[int, ...], rng: np.random.Generator
) -> None:
    targets = rng.uniform(0.1, 0.9, target_shape)
    outputs = rng.uniform(0.1, 0.9, output_shape)
    expected = loss(targets.reshape(-1, 1), outputs.reshape(-1, 1)).numpy()
    np.testing.assert_allclose(loss(targets, outputs).numpy(), expected, rtol=1e-12)


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
def test_functions_return_the_loss_of_each_sample(case: str, rng: np.random.Generator) -> None:
    _, formula, sample_targets, sample_outputs = CASES[case]
    targets, outputs = sample_targets(rng, (5, 3)), sample_outputs(rng, (5, 3))
    value = FUNCTIONS[case](targets, outputs)
    assert value.shape == (5,)
    np.testing.assert_allclose(value.numpy(), formula(targets, outputs), rtol=1e-11)


def test_functions_reject_invalid_labels() -> None:
    with pytest.raises(ArgumentError, match="expected labels from 0 to 2 for 3 outputs, received 3 at position 1"):
        tl.losses.sparse_categorical_crossentropy([0, 3], np.full((2, 3), 1 / 3))


def test_model_trains_equally_with_function_and_name(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(40, 3)).astype("float32"), rng.integers(0, 4, 40)

    def losses(loss: Any) -> list[float]:
        tl.utils.set_random_seed(0)
        model = tl.Sequential([tl.layers.Dense(4, activation="softmax")])
        model.compile(optimizer="sgd", loss=loss)
        return model.fit(x, y, epochs=2, batch_size=16, verbose=0).history["loss"]

    assert losses(tl.losses.sparse_categorical_crossentropy) == losses("sparse_categorical_crossentropy")
