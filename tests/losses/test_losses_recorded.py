"""Every loss with every reduction, with and without sample weights, against recorded results of Keras 3.15."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from loss_records import CASES, REDUCTIONS, weights
from record_losses import RECORD

import tensorlab as tl
from tensorlab.errors import ArgumentError, DTypeError, ShapeError
from tensorlab.losses.functions import LOSSES

KERAS: dict[str, Any] = json.loads(RECORD.read_text())
CLOSE: dict[str, float] = {"rtol": 1e-5, "atol": 1e-6}


@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_match_keras(case: str) -> None:
    kind, arguments, targets, outputs = CASES[case]
    recorded, cls = KERAS[case], getattr(tl.losses, kind)
    with tl.device("reference"):  # compiles nothing
        weight = weights(np.shape(recorded["losses"][-1]) or (len(outputs),))
        for reduction, plain, weighted in zip(REDUCTIONS, recorded["losses"], recorded["weighted"], strict=True):
            loss = cls(**arguments, reduction=reduction)
            np.testing.assert_allclose(loss(targets, outputs).numpy(), plain, **CLOSE)
            np.testing.assert_allclose(loss(targets, outputs, weight).numpy(), weighted, **CLOSE)
        x = tl.Variable(outputs)
        with tl.GradientTape() as tape:
            value = cls(**arguments)(targets, x, sample_weight=weight)
        np.testing.assert_allclose(tape.gradient(value, x).numpy(), recorded["gradient"], **CLOSE)


@pytest.mark.parametrize("case", CASES)
def test_configs_have_what_those_of_keras_have(case: str) -> None:
    kind, arguments, _, _ = CASES[case]
    config = getattr(tl.losses, kind)(**arguments).get_config()
    expected = {name: value for name, value in KERAS[case]["config"].items() if name != "name"}
    assert {name: config[name] for name in expected} == expected


def test_sparse_crossentropy_along_another_axis(rng: np.random.Generator) -> None:
    labels, outputs = rng.integers(0, 3, (4, 5)), rng.uniform(0.1, 0.9, (4, 5, 3))
    with tl.device("reference"):
        expected = tl.losses.sparse_categorical_crossentropy(labels, outputs).numpy()
        moved = outputs.swapaxes(1, 2)
        for targets in (labels, labels[:, None, :]):
            found = tl.losses.sparse_categorical_crossentropy(targets, moved, axis=1).numpy()
            np.testing.assert_allclose(found, expected, rtol=1e-14)
        with pytest.raises(ShapeError, match=r"expected labels of shape \(4, 3\), received \(4, 5\)"):
            tl.losses.sparse_categorical_crossentropy(labels, moved)


def test_every_loss_is_compared() -> None:
    assert {kind for kind, *_ in CASES.values()} == {loss.__name__ for loss in LOSSES.values()}


@pytest.mark.parametrize("name", ["binary_focal_crossentropy", "categorical_focal_crossentropy"])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_focal_losses_of_saturated_outputs_are_finite(name: str, gamma: float) -> None:
    logits = np.array([[300.0, -300.0], [-300.0, 300.0], [0.0, 0.5]], "f4")
    with tl.device("reference"):
        x = tl.Variable(logits)
        with tl.GradientTape() as tape:
            loss = getattr(tl.losses, name)(np.eye(2)[[0, 0, 1]], x, gamma=gamma, from_logits=True)
        assert np.isfinite(loss.numpy()).all()
        assert float(loss[1]) == pytest.approx(300.0 if name.startswith("binary") else 0.25 * 600.0)
        assert np.isfinite(tape.gradient(loss, x).numpy()).all()


def test_losses_compute_in_their_dtype() -> None:
    outputs, targets = np.array([[0.1, 0.7]], "f4"), np.array([[0.0, 1.0]])
    with tl.device("reference"):
        for name in ("mean_squared_error", "binary_focal_crossentropy", "categorical_crossentropy"):
            loss = LOSSES[name](dtype="float64")
            assert loss(targets, outputs).dtype == tl.float64
            assert tl.losses.deserialize(json.loads(json.dumps(tl.losses.serialize(loss)))).dtype == tl.float64
            assert LOSSES[name]()(targets, outputs).dtype == tl.float32
    with pytest.raises(DTypeError, match="MeanSquaredError dtype: expected float32 or float64, received 'int32'"):
        tl.losses.MeanSquaredError(dtype="int32")


def test_means_by_sample_weight_are_0_without_weight() -> None:
    loss = tl.losses.MeanSquaredError(reduction="mean_with_sample_weight")
    with tl.device("reference"):
        assert float(loss(np.ones((3, 2)), np.zeros((3, 2)), np.zeros(3))) == 0.0
        assert float(loss(np.ones((3, 2)), np.zeros((3, 2)), 2.0)) == 1.0  # each loss has the weight 2
        rows = np.arange(6.0).reshape(3, 2, 1)
        by_sample = loss(np.zeros((3, 2, 1)), rows, np.array([1.0, 0.0, 1.0]))
        assert float(by_sample) == pytest.approx((0 + 1 + 16 + 25) / 4)


def test_ignored_labels_need_not_be_classes() -> None:
    loss = tl.losses.SparseCategoricalCrossentropy(ignore_class=255)
    assert float(loss([0, 255], [[0.5, 0.5], [0.1, 0.9]])) == pytest.approx(np.log(2.0), rel=1e-6)
    with pytest.raises(ArgumentError, match="expected labels from 0 to 1 for 2 outputs, received 254 at position 1"):
        loss([0, 254], [[0.5, 0.5], [0.1, 0.9]])


def test_model_trains_on_labels_of_which_some_are_ignored() -> None:
    x = np.linspace(-1, 1, 32, dtype="f4")[:, None]
    model = tl.Sequential([tl.layers.Input((1,)), tl.layers.Dense(2, activation="softmax")])
    model.compile(tl.optimizers.Adam(0.1), tl.losses.SparseCategoricalCrossentropy(ignore_class=-1))
    labels = np.where(np.arange(32) % 4 == 0, -1, (x[:, 0] > 0).astype("int64"))
    history = model.fit(x, labels, batch_size=8, epochs=3, verbose=0).history["loss"]
    assert history[-1] < history[0]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: tl.losses.SparseCategoricalCrossentropy(ignore_class=1.5),
            ArgumentError,
            "ignore_class: expected an",
        ),
        (lambda: tl.losses.CategoricalGeneralizedCrossEntropy(q=1.0), ArgumentError, "q: expected a number between 0"),
        (lambda: tl.losses.BinaryFocalCrossentropy(gamma="a"), ArgumentError, "gamma: expected a finite number, rec"),
        (lambda: tl.losses.Tversky(alpha=np.inf), ArgumentError, "Tversky alpha: expected a finite number, received"),
        (lambda: tl.losses.Circle(margin=None), ArgumentError, "Circle margin: expected a finite number, received"),
        (lambda: tl.losses.Circle()([0, 1], np.ones((2, 2, 2))), ShapeError, r"outputs of shape \(samples, features\)"),
        (
            lambda: tl.losses.Circle()([0, 1, 2], np.ones((2, 2))),
            ShapeError,
            r"expected labels of shape \(2,\)",
        ),
        (lambda: tl.losses.Dice(axis=2)(np.ones((2, 2)), np.ones((2, 2))), ShapeError, "^Dice: "),
        (lambda: tl.losses.BinaryCrossentropy(axis=2)([[1.0]], [[0.5]]), ShapeError, "^BinaryCrossentropy: "),
        (lambda: tl.losses.SparseCategoricalCrossentropy(axis=2)([0], [[0.5]]), ShapeError, "^SparseCategorical"),
    ],
)
def test_invalid_arguments_are_rejected(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("name", ["circle", "dice", "tversky"])
def test_losses_of_a_whole_batch_pass_the_conformance_checks(name: str) -> None:
    report = tl.testing.check_loss(name)
    assert {result.heading for result in report.results if result.outcome == "skipped"} >= {"shapes"}
