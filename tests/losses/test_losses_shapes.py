"""Custom losses with targets and outputs of different ranks and dtypes, which are matched as in Keras."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.layers import Dense


class Squared(tl.losses.Loss):
    """A loss class."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return tl.mean(tl.square(y_true - y_pred), axis=-1)


def squared(y_true: Any, y_pred: Any) -> Any:
    return tl.mean(tl.square(y_true - y_pred), axis=-1)


def term(y_true: float, y_pred: float) -> float:
    return (y_true - y_pred) * (y_true - y_pred)


LOSSES: dict[str, Any] = {"function": squared, "class": Squared(), "rule": tl.losses.LossRule(term), "mse": "mse"}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize(
    ("targets", "outputs"),
    # The shapes that Keras 3.15 passes to such a function, for 4 samples with one number each.
    [((4,), (4, 1)), ((4, 1), (4,)), ((4, 2), (4, 2, 1)), ((4, 2, 1), (4, 2)), ((4, 3), (4, 3))],
)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8", "bool"])
def test_targets_are_reshaped_to_match_outputs(loss: Any, targets: Any, outputs: Any, dtype: str) -> None:
    rng = np.random.default_rng(0)
    t = rng.integers(0, 2, targets).astype(dtype)
    p = rng.normal(size=outputs).astype("float32")
    chosen = tl.losses.get(loss)
    chosen.reduction = "none"
    each = chosen(t, p)
    assert each.dtype == tl.float32
    assert each.shape == (4,)
    expected = np.square(t.astype("f8").reshape(4, -1) - p.reshape(4, -1)).mean(axis=1)
    np.testing.assert_allclose(each.numpy(), expected, rtol=1e-6)


def test_labels_stay_integers() -> None:
    seen = []

    def own(y_true: Any, y_pred: Any) -> Any:
        seen.append((y_true.shape, str(y_true.dtype)))
        return -tl.sum(tl.one_hot(y_true, 3) * tl.log(y_pred), axis=-1)

    p = np.full((4, 3), 1 / 3, "f4")
    assert float(tl.losses.get(own)(np.array([0, 1, 2, 0]), p)) == pytest.approx(np.log(3.0), rel=1e-6)
    assert seen == [((4,), "int64")]


@pytest.mark.parametrize("dtype", ["float64", "int64", "uint8", "bool"])
def test_models_train_on_vectors_of_any_dtype(dtype: str) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(64, 3)).astype("f4")
    y = (x @ np.array([1.0, 2.0, 3.0], "f4") > 0).astype(dtype)

    def trained(loss: Any, targets: Any) -> list[float]:
        tl.utils.set_random_seed(0)
        model = tl.Sequential([Dense(1)])
        model.compile("sgd", loss)
        return model.fit(x, targets, epochs=2, verbose=0).history["loss"]

    assert trained(lambda t, p: tl.mean(tl.square(t - p)), y) == pytest.approx(trained("mse", y.astype("f4")[:, None]))


def test_integer_outputs_are_converted() -> None:
    assert float(tl.losses.get(squared)([1, 2], [3, 5])) == 6.5
    assert float(tl.losses.SparseCategoricalCrossentropy()([0], [[1, 1]])) == pytest.approx(np.log(2.0))
