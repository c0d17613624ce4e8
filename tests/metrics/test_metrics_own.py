"""Custom metrics: functions, `call`, and variables; their targets, sample weights, names and states."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, ShapeError
from tensorlab.metrics import Accuracy, BinaryAccuracy, MeanAbsoluteError, Metric

Array = np.ndarray[Any, Any]


def squared(y_true: Any, y_pred: Any) -> Any:
    return tl.square(y_true - y_pred)


def squared_mean(y_true: Any, y_pred: Any) -> Any:
    return tl.mean(tl.square(y_true - y_pred))


def right(y_true: Any, y_pred: Any) -> Any:
    return tl.equal(tl.argmax(y_pred, axis=-1), y_true)


class Positives(Metric):
    """The metric of Keras's guide."""

    def __init__(self, name: str = "positives", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.true_positives = self.add_weight(name="tp", initializer="zeros")
        self.calls = self.add_variable(shape=(2,), initializer="ones", name="calls")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        both = tl.logical_and(tl.greater(y_true, 0.5), tl.greater(y_pred, 0.5))
        self.true_positives.assign_add(tl.sum(both.astype("float32")))
        self.calls.assign_add(1.0)

    def result(self) -> Any:
        return self.true_positives


@pytest.mark.parametrize("kind", ["float32", "float64", "int64", "uint8", "bool"])
@pytest.mark.parametrize("column", [False, True])
def test_targets_of_any_dtype_and_rank_match_outputs(kind: str, column: bool, rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(10, 3)).astype("float32"), rng.integers(0, 2, 10).astype(kind)
    model = tl.Sequential([tl.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[squared, squared_mean, Positives(), "acc"])
    logs = model.evaluate(x, y[:, None] if column else y, batch_size=4, verbose=0, return_dict=True)
    outputs = model.predict(x)[:, 0].astype("float64")
    expected = np.square(outputs - y.astype("float64")).mean()
    assert logs["squared"] == pytest.approx(expected, rel=1e-5)
    assert logs["squared_mean"] == pytest.approx(expected, rel=1e-5)  # the mean of a batch is weighted by its samples
    assert logs["positives"] == np.sum((outputs > 0.5) & (y > 0.5))
    assert logs["acc"] == pytest.approx(np.mean((outputs > 0.5) == (y > 0.5)), rel=1e-6)
    metric = tl.metrics.get(squared)
    metric.update_state(y, outputs[:, None].astype("float32"))
    assert metric.result() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", ["float32", "int64", "uint8", "bool"])
def test_one_hot_targets_of_any_dtype(kind: str, rng: np.random.Generator) -> None:
    labels, x = rng.integers(0, 3, 12), rng.normal(size=(12, 2)).astype("float32")
    names = ["accuracy", "categorical_accuracy", "mae", squared_mean]
    model = tl.Sequential([tl.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "categorical_crossentropy", metrics=names)
    logs = model.evaluate(x, np.eye(3)[labels].astype(kind), verbose=0, return_dict=True)
    outputs = model.predict(x)
    assert logs["accuracy"] == logs["categorical_accuracy"] == pytest.approx((outputs.argmax(-1) == labels).mean())
    assert logs["mae"] == pytest.approx(np.abs(outputs - np.eye(3)[labels]).mean(), rel=1e-5)


def test_labels_stay_integers(rng: np.random.Generator) -> None:
    labels, outputs = rng.integers(0, 3, 12), rng.normal(size=(12, 3)).astype("float32")
    metric = tl.metrics.get(right)
    metric.update_state(labels, outputs)
    assert metric.result() == pytest.approx((outputs.argmax(-1) == labels).mean(), rel=1e-6)


def test_accuracy_compares_elements() -> None:
    accuracy = Accuracy()
    accuracy.update_state([1, 2, 3], [1, 2, 4])
    assert accuracy.result() == pytest.approx(2 / 3)
    assert Accuracy()([[1], [2]], [1.0, 2.5]) == 0.5
    assert Accuracy()([True, False], [1, 1]) == 0.5
    assert Accuracy()([2**24 + 1, 7], [2**24, 7]) == 0.5  # equal in float32
    with pytest.raises(ShapeError) as error:
        accuracy.update_state([1, 2, 3], np.zeros((3, 4)))
    assert str(error.value) == (
        "accuracy: expected targets of the outputs' shape (3, 4), received (3,); metrics=['accuracy'] takes labels of "
        "classes; as an object, Accuracy(by_shape=True)"
    )


def test_variables_contain_the_state(rng: np.random.Generator) -> None:
    metric = Positives(name="tp")
    assert [variable.name for variable in metric.variables] == ["tp/tp", "tp/calls"]
    assert metric.calls.numpy().tolist() == [1.0, 1.0]
    assert float(metric([1.0, 1.0, 0.0], [0.9, 0.2, 0.8])) == 1.0
    other, third = copy.deepcopy(metric), pickle.loads(pickle.dumps(metric))
    metric.reset_state()  # sets 0, not the initial value, as in Keras
    assert float(metric.result()) == 0.0
    assert metric.calls.numpy().tolist() == [0.0, 0.0]
    assert float(other.result()) == float(third.result()) == 1.0
    assert not any(variable.trainable for variable in metric.variables)
    again = Positives.from_config(metric.get_config())
    assert again.name == "tp"


def test_result_may_be_a_dict(rng: np.random.Generator) -> None:
    class Both(Positives):
        def result(self) -> Any:
            return {"tp": self.true_positives, "calls": self.calls * 2.0}

    x, y = rng.normal(size=(4, 2)).astype("float32"), np.ones((4, 1), "float32")
    model = tl.Sequential([tl.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[Both])
    history = model.fit(x, y, epochs=2, verbose=2).history
    assert list(history) == ["loss", "tp", "calls"]
    assert type(history["tp"][0]) is float
    assert [values.tolist() for values in history["calls"]] == [[2.0, 2.0]] * 2


def test_metrics_are_reported_under_the_names_given_to_compile(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(4, 2)).astype("float32"), np.ones((4, 1), "float32")

    def reported(*metrics: Any) -> list[str]:
        model = tl.Sequential([tl.layers.Dense(1)])
        model.compile("sgd", "mse", metrics=list(metrics))
        history = model.fit(x, y, verbose=0).history
        assert model.metrics_names == list(history)
        assert len(model.evaluate(x, y, verbose=0)) == len(history)
        return list(history)[1:]

    assert reported("acc") == ["acc"]
    assert reported("Accuracy", "MSE") == ["Accuracy", "MSE"]
    assert reported("accuracy", "accuracy", "acc") == ["accuracy", "accuracy_1", "acc"]
    assert reported("mae", MeanAbsoluteError, MeanAbsoluteError()) == [
        "mae",
        "mean_absolute_error",
        "mean_absolute_error_1",
    ]
    assert reported(MeanAbsoluteError("loss")) == ["loss_1"]
    assert reported(["mae", ("mse",)]) == ["mae", "mse"]
    assert reported(lambda t, p: p, squared, tl.losses.MeanSquaredError(), tl.losses.MeanAbsoluteError) == [
        "lambda",
        "squared",
        "mean_squared_error",
        "mean_absolute_error",
    ]
    rule = tl.LossRule(lambda y_true, y_pred: abs(y_true - y_pred))
    assert len(reported(rule)) == 1


def test_attributes_of_a_subclass_do_not_clash_with_those_of_metric() -> None:
    class Mean(Metric):
        def __init__(self) -> None:
            super().__init__()
            self._total, self._count = self.add_weight(name="total"), self.add_weight(name="count")
            self._variables, self._pending, self.values, self._fn, self._loss = 1, 2, 3, 4, 5

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self._total.assign_add(tl.sum(y_pred))
            self._count.assign_add(float(len(y_pred)))

        def result(self) -> Any:
            return self._total / self._count

    metric = Mean()
    for _ in range(2):
        metric.reset_state()
        metric.update_state(None, tl.asarray([1.0, 3.0]))
        assert float(metric.result()) == 2.0


def test_constructor_of_a_metric_needs_no_name_argument() -> None:
    class Nameless(Metric):
        def __init__(self) -> None:
            super().__init__()

        def call(self, y_true: Any, y_pred: Any) -> Any:
            return y_pred

    assert Nameless.named("short").name == "short"
    assert Nameless().name == "nameless"
    assert Positives.named("short").name == "short"


def test_sample_weights() -> None:
    metric = tl.metrics.get(squared)
    metric.update_state([[0.0, 0.0], [0.0, 0.0]], [[1.0, 3.0], [2.0, 2.0]], sample_weight=[1.0, 3.0])
    assert metric.result() == pytest.approx((5.0 + 3 * 4.0) / 4)
    for weights, received in (([1.0, 2.0, 3.0], "(3,)"), ([[1.0, 2.0]] * 3, "(3, 2)")):
        with pytest.raises(ShapeError) as error:
            metric.update_state([0.0, 0.0], [1.0, 3.0], sample_weight=weights)
        expected = f"squared sample_weight: expected a weight for each sample, shape (2,), received {received}"
        assert str(error.value) == expected
    with pytest.raises(ShapeError, match="expected values for each sample, which the weights are for, received one"):
        tl.metrics.get(squared_mean).update_state([0.0, 0.0], [1.0, 3.0], sample_weight=[1.0, 2.0])
    with pytest.raises(ShapeError, match=r"weights for outputs of shape \(2, 1\), received \(3,\)"):
        tl.metrics.Precision().update_state([[1], [0]], [[0.5], [0.5]], sample_weight=[1.0, 2.0, 3.0])


REFUSED: list[tuple[Any, type[Exception], str]] = [
    (lambda: Metric(name=3), ArgumentTypeError, "Metric name: expected a string, received 3"),
    (lambda: tl.metrics.get(int), ArgumentTypeError, "metric: expected a name, a Metric, or a function of"),
    (
        lambda: tl.metrics.TopKCategoricalAccuracy(k=0),
        ArgumentError,
        "top_k_categorical_accuracy k: expected an integer of at least 1, received 0",
    ),
    (
        lambda: tl.metrics.AUC(num_thresholds=1),
        ArgumentError,
        "auc num_thresholds: expected an integer of at least 2, received 1",
    ),
    (
        lambda: tl.metrics.Recall(thresholds=[0.5, 2.0]),
        ArgumentError,
        "recall thresholds: expected numbers from 0 to 1, received [0.5, 2.0]",
    ),
    (
        lambda: tl.metrics.Precision()([1.0], [3.0]),
        ArgumentError,
        "precision y_pred: expected outputs from 0 to 1, received 3 to 3; apply a sigmoid or softmax to logits",
    ),
    (
        lambda: tl.metrics.Precision()([1.0, 0.0], [[0.5], [0.25], [0.5]]),
        ShapeError,
        "precision: expected targets of the outputs' shape (3, 1), received (2, 1)",
    ),
    (
        lambda: BinaryAccuracy()([1.0, 0.0], np.zeros((2, 3))),
        ShapeError,
        "binary_accuracy: expected targets of the outputs' shape (2, 3), received (2,)",
    ),
    (
        lambda: tl.metrics.CategoricalAccuracy()([1, 0], np.zeros((2, 3))),
        ShapeError,
        "categorical_accuracy: expected targets of the outputs' shape (2, 3), received (2,); for labels that are "
        "integers use 'sparse_categorical_accuracy'",
    ),
    (
        lambda: tl.metrics.SparseCategoricalAccuracy()(np.zeros((2, 3)), np.zeros((2, 3))),
        ShapeError,
        "sparse_categorical_accuracy: expected labels of shape (2,), received (2, 3); for one-hot targets use "
        "'categorical_accuracy'",
    ),
    (
        lambda: tl.metrics.RootMeanSquaredError()(np.zeros(2), np.zeros((2, 3))),
        ShapeError,
        "root_mean_squared_error: expected targets of the outputs' shape (2, 3), received (2,)",
    ),
    (
        lambda: MeanAbsoluteError()(np.zeros(2), np.zeros((2, 3))),
        ShapeError,
        "mean_absolute_error: expected targets of the outputs' shape (2, 3), received (2,)",
    ),
]


@pytest.mark.parametrize(("call", "kind", "message"), REFUSED)
def test_invalid_arguments_and_data_are_rejected(call: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as error:
        call()
    assert str(error.value).startswith(message)


def test_several_thresholds_return_several_values() -> None:
    metric = tl.metrics.Recall(thresholds=[0.2, 0.6])
    metric.update_state([1, 1, 0], [0.5, 0.7, 0.9])
    assert metric.result().tolist() == [1.0, 0.5]


def test_a_batch_without_weight_does_not_count() -> None:
    accuracy = tl.metrics.BinaryAccuracy()
    accuracy.update_state([1.0, 0.0], [0.9, 0.8], sample_weight=[0.0, 0.0])
    assert accuracy.result() == 0.0
    accuracy.update_state([1.0, 0.0], [0.9, 0.8], sample_weight=[3.0, 1.0])
    accuracy.update_state([1.0, 0.0], [0.1, 0.8], sample_weight=np.zeros(2))
    assert accuracy.result() == 0.75
