"""Sample weights and class weights in fit, evaluate and train_on_batch match Keras 3.15."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, NonFiniteError, ShapeError
from tensorlab.layers import Dense, Input

X = np.array([[0.5, -1.0], [1.5, 2.0], [-0.5, 0.25], [1.0, 1.0], [-2.0, 0.5], [0.0, 1.0]], "f4")
Y = np.array([[0.0], [1.0], [0.0], [1.0], [1.0], [0.0]], "f4")
WEIGHTS = np.array([1.0, 2.0, 0.0, 0.5, 3.0, 1.0], "f4")
LABELS = np.array([0, 1, 2, 0, 1, 2])
KERNEL = np.array([[0.5], [-0.25]], "f4")
KERNEL_OF_3 = np.array([[0.5, -0.25, 0.1], [0.2, 0.3, -0.4]], "f4")


def model_of(kernel: Any = KERNEL, activation: str = "sigmoid") -> tl.Sequential:
    model = tl.Sequential([Input((2,)), Dense(kernel.shape[1], activation=activation)])
    model.set_weights([kernel, np.zeros(kernel.shape[1], "f4")])
    return model


def compiled(loss: str = "binary_crossentropy", **options: Any) -> tl.Sequential:
    model = model_of() if loss in ("binary_crossentropy", "mse") else model_of(KERNEL_OF_3, "softmax")
    model.compile(tl.optimizers.SGD(0.5), loss, **options)
    return model


def agree(model: tl.Sequential, history: Any, weights: list[list[float]]) -> None:
    """Compare the history and the weights of a model with those of Keras."""
    assert model.history is not None
    assert list(model.history.history) == list(history)
    for name, values in history.items():
        assert model.history.history[name] == pytest.approx(values, rel=1e-5), name
    for ours, theirs in zip(model.get_weights(), weights, strict=True):
        assert ours.ravel() == pytest.approx(theirs, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("shape", [(6,), (6, 1)])
def test_sample_weights_apply_to_the_loss_and_weighted_metrics(shape: tuple[int, ...]) -> None:
    model = compiled(metrics=["mae"], weighted_metrics=["mae", "accuracy"])
    weights = WEIGHTS.reshape(shape)
    model.fit(X, Y, 4, epochs=2, shuffle=False, verbose=0, sample_weight=weights)
    agree(
        model,
        {
            "loss": [1.264499, 0.6965668],
            "mae": [0.5373332, 0.5036287],
            "weighted_mae": [0.6080977, 0.3882916],
            "accuracy": [0.3333333, 0.7333333],
        },
        [[-0.6057124, 0.4225778], [0.5247046]],
    )
    found = model.evaluate(X, Y, verbose=0, sample_weight=weights, return_dict=True)
    assert found == pytest.approx(
        {"loss": 0.58650166, "mae": 0.46920359, "weighted_mae": 0.33681762, "accuracy": 0.86666667}, rel=1e-5
    )


def test_class_weights_apply_only_to_training() -> None:
    model = compiled(metrics=["accuracy"])
    options: Any = {"class_weight": {0: 0.5, 1: 4.0}, "validation_data": (X, Y, WEIGHTS)}
    model.fit(X, Y, 4, epochs=2, shuffle=False, verbose=0, **options)
    agree(
        model,
        {
            "loss": [2.12195, 0.7313518],
            "accuracy": [0.5, 0.5],
            "val_loss": [0.5622208, 0.5645412],
            "val_accuracy": [0.5, 0.6666667],
        },
        [[-0.5195871, 0.9658718], [1.16971]],
    )


def test_validation_split_splits_the_weights_too() -> None:
    model = compiled()
    model.fit(X, Y, 2, epochs=2, shuffle=False, verbose=0, sample_weight=WEIGHTS, validation_split=0.34)
    expected = {"loss": [0.708652, 0.3423094], "val_loss": [1.865709, 1.899379]}
    agree(model, expected, [[0.7847249, 0.6072274], [-0.001221061]])


@pytest.mark.parametrize("targets", [LABELS, LABELS[:, None], tl.utils.to_categorical(LABELS)], ids=["n", "n1", "rows"])
def test_class_weights_for_labels_and_one_hot_targets(targets: Any) -> None:
    by_label: Any = {0: 0.5, np.int64(2): 4}
    model = compiled("categorical_crossentropy" if targets.shape[1:] == (3,) else "sparse_categorical_crossentropy")
    model.fit(X, targets, 4, epochs=2, shuffle=False, verbose=0, class_weight=by_label)
    kernel = [0.6527601, -0.5131632, 0.2104031, -0.4493363, 0.1745731, 0.3747633]
    agree(model, {"loss": [2.126078, 1.495472]}, [kernel, [-0.5541795, -0.4423408, 0.9965203]])


def test_shuffled_samples_keep_their_weights() -> None:
    # only one sample has a nonzero weight, so only its batch changes the model
    model, plain = compiled("mse"), compiled("mse")
    model.fit(X, Y, 1, epochs=3, verbose=0, sample_weight=np.eye(6, dtype="f4")[4] * 2)
    for _ in range(3):
        plain.train_on_batch(X[4:5], Y[4:5], sample_weight=[2.0])
    for ours, theirs in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_methods_for_one_batch_accept_weights() -> None:
    model = compiled("mse", weighted_metrics=["mae"])
    logs = model.train_on_batch(X, Y, sample_weight=WEIGHTS, return_dict=True)
    assert logs == pytest.approx({"loss": 0.46134308, "mae": 0.58927816}, rel=1e-5)
    assert model.train_on_batch(X, Y, class_weight={1: 3.0})[0] == pytest.approx(0.5367685, rel=1e-5)
    assert model.test_on_batch(X, Y, WEIGHTS, return_dict=True)["loss"] == pytest.approx(0.34975231, rel=1e-5)


@pytest.mark.parametrize(("reduction", "expected"), [("mean", 0.3125), ("sum", 1.875), ("none", WEIGHTS / 4)])
def test_losses_accept_weights(reduction: str, expected: Any) -> None:
    loss = tl.losses.MeanSquaredError(reduction=reduction)
    for weights in (WEIGHTS, WEIGHTS[:, None], WEIGHTS.tolist()):
        np.testing.assert_allclose(loss(Y, Y + 0.5, sample_weight=weights), expected, rtol=1e-6)
    np.testing.assert_allclose(loss(Y, Y + 0.5, 2.0), 2 * loss(Y, Y + 0.5).numpy(), rtol=1e-6)


def test_weights_broadcast_to_samples_of_any_rank() -> None:
    z = np.arange(12.0, dtype="f4").reshape(3, 2, 2)
    loss = tl.losses.MeanSquaredError()
    assert float(loss(z, 0 * z, [[1.0], [2.0], [3.0]])) == pytest.approx(113.666664)
    assert float(loss(z, 0 * z, [1.0, 2.0, 3.0])) == pytest.approx(113.666664)  # Keras requires shape (3, 1)
    assert float(loss(z, 0 * z, [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])) == pytest.approx(211.75)


def test_overridden_train_step_receives_the_weights() -> None:
    seen: list[Any] = []

    class Own(tl.Sequential):
        def train_step(self, data: Any) -> Any:
            seen.append([len(data), *map(np.shape, data)])
            return super().train_step(data)

    model = Own([Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0, sample_weight=WEIGHTS)
    model.fit(X, Y, verbose=0, class_weight={0: 2.0})
    model.fit(X, Y, verbose=0)
    assert seen == [[3, (6, 2), (6, 1), (6,)]] * 2 + [[2, (6, 2), (6, 1)]]


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        (
            {"class_weight": {0: 1.0}, "sample_weight": WEIGHTS},
            ArgumentError,
            "fit: expected class_weight or sample_weight, received both; multiply the sample weights",
        ),
        (
            {"class_weight": "balanced"},
            ArgumentError,
            "fit class_weight: expected a dict of weights by label, received 'balanced'; write e.g. {0: 1.0, 1: 50.0}",
        ),
        ({"class_weight": {"a": 1.0}}, ArgumentError, "expected a dict of weights by label, received {'a': 1.0}"),
        (
            {"class_weight": {1: None}},
            ArgumentError,
            "fit class_weight of 1: expected a finite number, received None",
        ),
        (
            {"sample_weight": WEIGHTS[:5]},
            ShapeError,
            "fit sample_weight: expected a weight for each sample, shape (6,), received (5,)",
        ),
        (
            {"sample_weight": np.ones((6, 2))},
            ShapeError,
            "MeanSquaredError sample_weight: expected a weight for each sample, shape (6,), received (6, 2)",
        ),
        (
            {"sample_weight": [1.0, 1.0, float("nan"), 1.0, 1.0, 1.0]},
            NonFiniteError,
            "fit sample_weight: expected finite numbers, received nan at (2,)",
        ),
        (
            {"validation_data": (X, Y, WEIGHTS, 1)},
            ArgumentTypeError,
            "fit validation_data: expected (x, y), (x, y, sample_weight) or batches, received",
        ),
    ],
)
def test_invalid_weights_change_nothing(options: Any, kind: type[Exception], message: str) -> None:
    model = compiled("mse")
    before = model.get_weights()
    with pytest.raises(kind) as error:
        model.fit(X, Y, verbose=0, **options)
    assert message in str(error.value)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), before, strict=True))
    assert model.optimizer is not None
    assert model.optimizer.iterations == 0


def test_class_weights_require_labels() -> None:
    model = tl.Sequential([Input((2, 2)), Dense(2)])
    model.compile("sgd", "mse")
    with pytest.raises(ShapeError) as error:
        model.fit(np.ones((3, 2, 2)), np.ones((3, 2, 2)), class_weight={0: 1.0}, verbose=0)
    assert str(error.value).endswith(
        "class_weight: expected labels or one-hot rows as targets, received targets of shape (3, 2, 2); "
        "pass sample_weight"
    )


def test_weights_require_a_loss_per_sample() -> None:
    model = model_of()
    model.compile("sgd", lambda y_true, y_pred: tl.mean(tl.square(y_true - y_pred)))
    with pytest.raises(ShapeError) as error:
        model.fit(X, Y, sample_weight=WEIGHTS, verbose=0)
    assert "sample_weight: expected a loss of each sample, received one number for the whole batch" in str(error.value)
    assert str(error.value).endswith("; return the loss of each sample, and not their mean")
