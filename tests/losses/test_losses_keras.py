"""Losses under Keras's names: functions, classes and strings for compile, against recorded results of Keras 3.15."""

from __future__ import annotations

import inspect
import json
import pickle
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, ShapeError
from tensorlab.losses.functions import LOSSES

R = np.array([[1.5, -2.0], [0.0, 0.5], [3.0, 1.0], [-1.0, -0.5], [2.0, 2.0]], "f4")
Y = np.array([[1.0, -1.0], [0.5, 0.0], [2.0, 2.0], [-1.5, 1.0], [2.0, 2.5]], "f4")
S = np.array([[1, 0], [0, 0], [1, 1], [0, 1], [1, 0]], "f4")

# Name, arguments, targets, outputs; Keras's loss of each sample, and the gradient of their sum with respect to the
# outputs, which is None at kinks.
RECORDED: list[tuple[str, dict[str, Any], Any, Any, list[float], list[float | None]]] = [
    (
        "mean_squared_error",
        {},
        Y,
        R,
        [0.625, 0.25, 1.0, 1.25, 0.125],
        [0.5, -1.0, -0.5, 0.5, 1.0, -1.0, 0.5, -1.5, 0.0, -0.5],
    ),
    (
        "mean_absolute_error",
        {},
        Y,
        R,
        [0.75, 0.5, 1.0, 1.0, 0.25],
        [0.5, -0.5, -0.5, 0.5, 0.5, -0.5, 0.5, -0.5, 0.0, -0.5],
    ),
    (
        "mean_absolute_percentage_error",
        {},
        Y + 0.25,
        R,
        [93.333336, 100.0, 44.444447, 80.0, 19.191919],
        [40.0, -66.666664, -66.666664, 200.0, 22.222221, -22.222221, 40.0, -40.0, -22.222221, -18.181818],
    ),
    (
        "mean_squared_logarithmic_error",
        {},
        abs(Y),
        abs(R),
        [0.107098, 0.164402, 0.123581, 0.066277, 0.011881],
        [0.089257, 0.135155, 0.0, 0.27031, 0.071921, -0.202733, -0.111572, -0.191788, 0.0, -0.051384],
    ),
    (
        "huber",
        {},
        Y,
        R,
        [0.3125, 0.125, 0.5, 0.5625, 0.0625],
        [0.25, -0.5, -0.25, 0.25, 0.5, -0.5, 0.25, -0.5, 0.0, -0.25],
    ),
    (
        "huber",
        {"delta": 0.6},
        Y,
        R,
        [0.2725, 0.125, 0.42, 0.4225, 0.0625],
        [0.25, -0.3, -0.25, 0.25, 0.3, -0.3, 0.25, -0.3, 0.0, -0.25],
    ),
    (
        "log_cosh",
        {},
        Y,
        R,
        [0.276948, 0.120114, 0.433781, 0.487777, 0.060057],
        [0.231059, -0.380797, -0.231059, 0.231059, 0.380797, -0.380797, 0.231059, -0.452574, 0.0, -0.231059],
    ),
    ("hinge", {}, S, R, [0.0, 1.25, 0.0, 0.75, 1.5], [0.0, 0.0, 0.5, 0.5, 0.0, None, None, -0.5, 0.0, 0.5]),
    ("hinge", {}, 2 * S - 1, R, [0.0, 1.25, 0.0, 0.75, 1.5], [0.0, 0.0, 0.5, 0.5, 0.0, None, None, -0.5, 0.0, 0.5]),
    ("squared_hinge", {}, S, R, [0.0, 1.625, 0.0, 1.125, 4.5], [0.0, 0.0, 1.0, 1.5, 0.0, 0.0, 0.0, -1.5, 0.0, 3.0]),
    ("squared_hinge", {}, Y, R, [0.0, 1.0, 0.0, 1.125, 0.0], [0.0, 0.0, -0.5, 0.0, 0.0, 0.0, 0.0, -1.5, 0.0, 0.0]),
    ("categorical_hinge", {}, S, R, [0.0, 1.5, 0.0, 1.5, 1.0], [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0, -1.0, 1.0]),
    (
        "kl_divergence",
        {},
        abs(Y) / 3,
        abs(R) / 4 + 0.01,
        [-0.189789, 0.4689, 0.540387, 0.628253, 0.587772],
        [-0.865801, -0.653595, -16.666668, -1e-06, -0.877193, -2.564103, -1.923077, -2.469136, -1.30719, -1.633987],
    ),
    (
        "poisson",
        {},
        abs(Y),
        abs(R),
        [1.200694, 4.279524, 0.901388, 1.096573, 0.440419],
        [0.166667, 0.25, -2499999.5, 0.5, 0.166667, -0.5, -0.25, -0.5, 0.0, -0.125],
    ),
    (
        "cosine_similarity",
        {},
        Y,
        R,
        [-0.98995, 0.0, -0.894427, -0.496139, -0.993884],
        [-0.045255, -0.033941, -2.0, 0.0, 0.044721, -0.134164, 0.347297, -0.694595, 0.027608, -0.027608],
    ),
    (
        "cosine_similarity",
        {"axis": 0},
        Y,
        R,
        [-0.950972, -0.787933],
        [0.01463, -0.073183, -0.036576, 0.04147, 0.029261, -0.102456, 0.051206, -0.134168, -0.029261, -0.065864],
    ),
]


@pytest.mark.parametrize(("name", "options", "targets", "outputs", "each", "slopes"), RECORDED)
def test_values_and_gradients_match_keras(
    name: str, options: dict[str, Any], targets: Any, outputs: Any, each: list[float], slopes: list[float | None]
) -> None:
    x = tl.Variable(outputs)
    with tl.device("reference"):  # compiles nothing
        x = tl.Variable(outputs)
        with tl.GradientTape() as tape:
            value = getattr(tl.losses, name)(targets, x, **options)
        np.testing.assert_allclose(value.numpy(), each, rtol=2e-5, atol=2e-6)
        found = tape.gradient(value, x).numpy().ravel()
        for received, expected in zip(found, slopes, strict=True):
            assert expected is None or received == pytest.approx(expected, rel=2e-5, abs=2e-6)
        loss = LOSSES[name](**options)
        assert float(loss(targets, outputs)) == pytest.approx(np.mean(each), rel=2e-5)
        plain = json.loads(json.dumps(tl.losses.serialize(loss)))
        assert plain["class_name"] == name
        assert float(tl.losses.deserialize(plain)(targets, outputs)) == float(loss(targets, outputs))


NAMES = {
    "bce": "BinaryCrossentropy",
    "KLD": "KLDivergence",
    "mae": "MeanAbsoluteError",
    "MAPE": "MeanAbsolutePercentageError",
    "MSE": "MeanSquaredError",
    "msle": "MeanSquaredLogarithmicError",
    "logcosh": "LogCosh",
    "Huber": "Huber",
    "SquaredHinge": "SquaredHinge",
    "kl_divergence": "KLDivergence",
}


@pytest.mark.parametrize(("name", "expected"), NAMES.items())
def test_get_by_name(name: str, expected: str) -> None:
    assert type(tl.losses.get(name)) is getattr(tl.losses, expected)


def test_every_class_has_a_function_and_registered_names() -> None:
    classes = {
        thing
        for thing in vars(tl.losses).values()
        if isinstance(thing, type) and issubclass(thing, tl.losses.Loss) and thing is not tl.losses.Loss
    }
    assert classes == set(LOSSES.values())
    for short in ("mse", "mae", "mape", "msle", "kld"):
        function = getattr(tl.losses, short)
        assert function is getattr(tl.losses, short.upper())
        assert LOSSES[function.__name__] is LOSSES[short]
        assert pickle.loads(pickle.dumps(function)) is function
        assert function.__doc__.startswith("Return the `")
    assert str(inspect.signature(tl.losses.huber)) == "(y_true, y_pred, delta: 'float' = 1.0)"


def test_wrong_argument_is_named() -> None:
    with pytest.raises(ArgumentTypeError) as error:
        tl.losses.huber([1.0], [2.0], dleta=0.5)
    assert str(error.value) == (
        "huber: expected arguments among: y_true, y_pred, delta, received the unknown argument "
        "'dleta'; did you mean 'delta'?"
    )
    with pytest.raises(ArgumentTypeError, match=r"^mean_squared_error: expected .*y_pred"):
        tl.losses.mean_squared_error([1.0])


@pytest.mark.parametrize("name", ["categorical_hinge", "kl_divergence", "cosine_similarity", "huber"])
def test_targets_of_another_shape_are_rejected(name: str) -> None:
    with pytest.raises(ShapeError) as error:
        getattr(tl.losses, name)(np.zeros(5), R)
    assert str(error.value) == f"{name}: expected targets of the outputs' shape (5, 2), received (5,)"


def test_invalid_arguments_are_rejected() -> None:
    for wrong in (-1.0, float("nan"), "2"):
        with pytest.raises(ArgumentError, match=r"^Huber delta: expected a "):
            tl.losses.Huber(delta=wrong)
    with pytest.raises(ShapeError, match=r"^cosine_similarity: "):
        tl.losses.cosine_similarity(Y, R, axis=2)


def test_zero_vectors_have_finite_gradients() -> None:
    with tl.device("reference"):
        x = tl.Variable(np.zeros((2, 3)))
        with tl.GradientTape() as tape:
            value = tl.losses.CosineSimilarity()(np.ones((2, 3)), x)
        assert float(value) == 0.0
        assert np.isfinite(tape.gradient(value, x).numpy()).all()


def test_log_cosh_of_large_errors_is_finite() -> None:
    with tl.device("reference"):
        found = tl.losses.log_cosh(np.zeros((2, 1), "f4"), np.array([[1000.0], [-1000.0]], "f4"))
    np.testing.assert_allclose(found.numpy(), 1000.0 - np.log(2.0), rtol=1e-6)


def test_model_trains_with_a_named_loss() -> None:
    x, y = np.linspace(-1, 1, 32, dtype="f4")[:, None], np.linspace(-2, 2, 32, dtype="f4")[:, None]
    model = tl.Sequential([tl.layers.Dense(1)])
    model.compile("sgd", "huber", metrics=["mape", "log_cosh"])
    history = model.fit(x, y, epochs=2, verbose=0).history
    assert history["loss"][1] < history["loss"][0]
    assert {"mape", "log_cosh"} <= set(history)


T = np.array([[0.0], [1.0], [0.0], [1.0], [1.0], [0.0]], "f4")
LABELS = np.eye(3, dtype="f4")[[0, 1, 2, 0, 1, 2]]
P = np.tile(np.array([[0.2, 0.3, 0.5]], "f4"), (6, 1))


def test_label_smoothing_matches_keras() -> None:
    binary = tl.losses.BinaryCrossentropy(label_smoothing=0.2)
    assert float(binary(T, np.full((6, 1), 0.3, "f4"))) == pytest.approx(0.780324, rel=1e-6)
    categorical = tl.losses.CategoricalCrossentropy(label_smoothing=0.1)
    assert float(categorical(LABELS, P)) == pytest.approx(1.1688527, rel=1e-6)
    # from logits, as a function and as a metric
    again = tl.losses.categorical_crossentropy(LABELS, np.log(P), from_logits=True, label_smoothing=0.1)
    assert float(tl.mean(again)) == pytest.approx(1.1688527, rel=1e-6)
    metric = tl.metrics.CategoricalCrossentropy(label_smoothing=0.1)
    assert metric(LABELS, P) == pytest.approx(1.1688527, rel=1e-6)
    assert tl.losses.deserialize(tl.losses.serialize(categorical)).label_smoothing == 0.1
    assert tl.metrics.deserialize(tl.metrics.serialize(metric)).label_smoothing == 0.1
    assert float(binary(T > 0, np.full((6, 1), 0.3, "f4"))) == pytest.approx(0.780324, rel=1e-6)  # bools


@pytest.mark.parametrize("smoothing", [-0.1, 1.5, "much"])
def test_invalid_label_smoothing_is_rejected(smoothing: Any) -> None:
    for loss in (tl.losses.BinaryCrossentropy, tl.losses.CategoricalCrossentropy):
        with pytest.raises(ArgumentError) as error:
            loss(label_smoothing=smoothing)
        assert str(error.value).startswith(f"{loss.__name__} label_smoothing: expected a")


def test_every_loss_takes_a_name() -> None:
    for loss in set(LOSSES.values()):
        made: Any = loss(name="mine")
        assert made.name == "mine"
        with pytest.raises(ShapeError, match="mine"):
            made(np.ones((3, 2)), np.ones((4, 2)))
        assert tl.losses.deserialize(tl.losses.serialize(made)).name == "mine"
