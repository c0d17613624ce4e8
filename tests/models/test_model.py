"""`compile`, `predict`, `evaluate` and `train_on_batch` of every model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from weights import same

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, NonFiniteError, ShapeError, UnknownNameError
from tensorlab.layers import Dense, Dropout

# compile


def test_compile_accepts_names_classes_and_objects() -> None:
    model = tl.Sequential([Dense(3)])
    model.compile("rmsprop", "mse", metrics=["accuracy", tl.metrics.BinaryAccuracy, tl.metrics.Accuracy("second")])
    assert type(model.optimizer) is tl.optimizers.RMSprop
    optimizer = tl.optimizers.SGD(0.5)
    model.compile(optimizer=optimizer, loss=tl.losses.MeanSquaredError())
    assert model.optimizer is optimizer
    model.compile(tl.optimizers.Adam, tl.losses.MeanSquaredError, metrics=())
    assert type(model.optimizer) is tl.optimizers.Adam


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            {"optimizer": "rmsprob", "loss": "mse"},
            UnknownNameError,
            "optimizer: expected the name of a registered optimizer, received 'rmsprob'; did you mean 'rmsprop'?",
        ),
        (
            {"optimizer": "sgd", "loss": "mean_square_error"},
            UnknownNameError,
            "loss: expected the name of a registered loss, received 'mean_square_error'; "
            "did you mean 'mean_squared_error'",
        ),
        (
            {"optimizer": "sgd", "loss": "mse", "metrics": ["acuracy"]},
            UnknownNameError,
            "metric: expected the name of a registered metric, received 'acuracy'; did you mean 'accuracy'",
        ),
        (
            {"optimizer": "sgd", "loss": "mse", "metrics": "accuracy"},
            ArgumentError,
            "Sequential 'net'.compile metrics: expected a list, received 'accuracy'; e.g. metrics=['accuracy']",
        ),
        ({"optimizer": 0.1, "loss": "mse"}, ArgumentTypeError, "optimizer: expected a name or an Optimizer"),
        (
            {"optimizer": "sgd", "loss": tl.losses.MeanSquaredError(reduction="none")},
            ArgumentError,
            "Sequential 'net'.compile loss: expected a loss that is one number, received reduction='none'",
        ),
        ({"optimizer": "sgd", "loss": 0.1}, ArgumentTypeError, "loss: expected a name, a Loss, or a function"),
    ],
)
def test_failed_compile_changes_nothing(arguments: dict[str, Any], kind: type[Exception], message: str) -> None:
    model = tl.Sequential([Dense(3)], name="net")
    optimizer = tl.optimizers.SGD(0.25)
    model.compile(optimizer, "mae", metrics=["accuracy"])
    before = (model._optimizer, model._loss, model._metrics)
    with pytest.raises(kind) as error:
        model.compile(**arguments)
    assert str(error.value).startswith(message)
    assert (model._optimizer, model._loss, model._metrics) == before


# predict, evaluate, train_on_batch


def test_predict_returns_arrays_of_the_outputs_shape(rng: np.random.Generator) -> None:
    model = tl.Sequential([Dense(4, activation="relu"), Dense(3)])
    x = rng.normal(size=(11, 5)).astype("float32")
    whole = model.predict(x, batch_size=11)
    assert type(whole) is np.ndarray
    assert (whole.shape, whole.dtype) == ((11, 3), np.dtype("float32"))
    assert np.array_equal(whole, model(x).numpy())
    for size in (1, 3, 32, 100):
        np.testing.assert_allclose(model.predict(x, batch_size=size), whole, rtol=1e-5, atol=1e-6)
    assert model.predict(x[:1]).shape == (1, 3)
    assert model.predict(tl.asarray(x)).shape == (11, 3)
    assert tl.Sequential([Dense(1)]).predict(x, batch_size=128).shape == (11, 1)


def test_predict_disables_dropout(rng: np.random.Generator) -> None:
    model = tl.Sequential([Dropout(0.5)])
    x = rng.normal(size=(11, 5)).astype("float32")
    assert np.array_equal(model.predict(x), x)


def test_predict_rejects_invalid_data() -> None:
    model = tl.Sequential([Dense(3)], name="net")
    model.build((None, 2))
    cases: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"x": np.zeros((0, 2))}, ShapeError, "net'.predict x: expected at least one sample, received shape (0, 2)"),
        ({"x": [[np.nan, 1.0]]}, NonFiniteError, "net'.predict x: expected finite numbers, received nan at (0, 0)"),
        (
            {"x": np.zeros((2, 2)), "batch_size": 0},
            ArgumentError,
            "net'.predict batch_size: expected an integer of at least 1, received 0",
        ),
        ({"x": None}, ArgumentTypeError, "net'.predict x: expected a tensor, an array or a number, received NoneType"),
    ]
    for arguments, kind, message in cases:
        with pytest.raises(kind) as error:
            model.predict(**arguments)
        assert str(error.value).startswith(f"Sequential '{message}")


def test_evaluate_returns_the_loss_or_a_list_or_a_dict(
    rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tl.Sequential([Dense(4, activation="softmax")])
    x, y = rng.normal(size=(11, 3)).astype("float32"), rng.integers(0, 4, 11)
    model.compile("sgd", "sparse_categorical_crossentropy")
    probabilities = model.predict(x).astype("float64")
    loss = -np.log(probabilities[np.arange(11), y]).mean()
    accuracy = (probabilities.argmax(axis=-1) == y).mean()
    before = model.get_weights()
    value = model.evaluate(x, y, verbose=0)
    assert type(value) is float
    assert value == pytest.approx(loss, rel=1e-5)
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    assert model.evaluate(x, y, batch_size=4, verbose=0) == pytest.approx([loss, accuracy], rel=1e-5)
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    assert logs == pytest.approx({"loss": loss, "accuracy": accuracy}, rel=1e-5)
    assert same(model.get_weights(), before)
    assert model.optimizer.iterations == 0
    assert capsys.readouterr().out == ""
    model.evaluate(x, y)
    assert capsys.readouterr().out == f"loss: {logs['loss']:.4f} - accuracy: {logs['accuracy']:.4f}\n"


def test_train_on_batch_executes_one_step(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(11, 3)), rng.normal(size=(11, 2))
    model = tl.Sequential([Dense(2, dtype="float64")])
    model.build((None, 3))
    model.compile(tl.optimizers.SGD(0.1), "mse", metrics=None)
    kernel, bias = model.get_weights()
    error = x @ kernel + bias - y
    logs = model.train_on_batch(x, y, return_dict=True)
    assert logs == pytest.approx({"loss": (error**2).mean()}, rel=1e-12)
    np.testing.assert_allclose(model.get_weights()[0], kernel - 0.1 * x.T @ error / 11.0, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(model.get_weights()[1], bias - 0.1 * error.sum(axis=0) / 11.0, rtol=1e-11, atol=1e-13)
    assert model.optimizer.iterations == 1
