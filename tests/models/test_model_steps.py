"""Steps that a subclass of Model overrides: each is called with Keras's arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, NonFiniteError, ShapeError, StateError
from tensorlab.layers import Dense

Array = np.ndarray[Any, Any]


@pytest.fixture
def data(rng: np.random.Generator) -> tuple[Array, Array]:
    x = rng.normal(size=(10, 3)).astype("float32")
    return x, (x @ np.array([1.0, -2.0, 0.5], "float32"))[:, None]


class Linear(tl.Model):
    def __init__(self) -> None:
        super().__init__(name="linear")
        self.dense = Dense(1, kernel_initializer="ones")

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)


class ByHand(Linear):
    """The step of Keras's guide."""

    def train_step(self, data: Any) -> dict[str, Any]:
        x, y = data
        with tl.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=y_pred)
        weights = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss, len(x))
            else:
                metric.update_state(y, y_pred)
        return {metric.name: metric.result() for metric in self.metrics}

    def test_step(self, data: Any) -> dict[str, Any]:
        x, y = data
        y_pred = self(x, training=False)
        self.metrics[0].update_state(self.compute_loss(y=y, y_pred=y_pred), len(x))
        self.metrics[1].update_state(y, y_pred)
        return {metric.name: metric.result() for metric in self.metrics}


class Super(Linear):
    def train_step(self, data: Any) -> dict[str, Any]:
        return super().train_step(data)

    def test_step(self, data: Any) -> dict[str, Any]:
        return super().test_step(data)


def test_custom_step_equals_the_builtin_step(data: tuple[Array, Array]) -> None:
    found = []
    for cls in (Linear, ByHand, Super):
        model = cls()
        model.compile(tl.optimizers.SGD(0.1, momentum=0.5), "mse", metrics=["mae"])
        history = model.fit(
            *data, 4, epochs=3, verbose=0, shuffle=False, validation_data=(data[0][:3], data[1][:3])
        ).history
        logs = model.train_on_batch(*data)
        found.append((history, logs, model.evaluate(*data, verbose=0), model.get_weights()))
    expected = found[0]
    for other in found[1:]:
        assert list(other[0]) == list(expected[0]) == ["loss", "mae", "val_loss", "val_mae"]
        for name in expected[0]:
            assert other[0][name] == pytest.approx(expected[0][name], rel=1e-6)
        assert other[1] == pytest.approx(expected[1], rel=1e-6)
        assert other[2] == pytest.approx(expected[2], rel=1e-6)
        assert all(np.array_equal(a, b) for a, b in zip(other[3], expected[3], strict=True))


def test_overridden_methods_receive_keras_arguments(data: tuple[Array, Array]) -> None:
    seen: list[Any] = []

    class Watching(Linear):
        def compute_loss(
            self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
        ) -> Any:
            seen.append(("loss", x.shape, y.shape, y_pred.shape, sample_weight, training))
            return super().compute_loss(x, y, y_pred, sample_weight, training) * 2.0

        def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
            seen.append(("metrics", x.shape, y.shape, y_pred.shape, sample_weight))
            return super().compute_metrics(x, y, y_pred, sample_weight) | {"extra": 7}

        def predict_step(self, data: Any) -> Any:
            (x,) = data
            outputs = super().predict_step(data)
            return {"twice": 2.0 * outputs, "pair": (outputs, x)}

    shapes = (10, 3), (10, 1), (10, 1)
    model, plain = Watching(), Linear()
    for each in (model, plain):
        each.compile(tl.optimizers.SGD(0.0), "mse")
    history = model.fit(*data, verbose=0).history
    assert seen == [("loss", *shapes, None, True), ("metrics", *shapes, None)]
    assert history["extra"] == [7.0]
    seen.clear()
    logs = model.evaluate(*data, verbose=0, return_dict=True)
    assert seen == [("loss", *shapes, None, False), ("metrics", *shapes, None)]
    assert logs["loss"] == pytest.approx(2 * plain.evaluate(*data, verbose=0), rel=1e-6)
    outputs = model.predict(data[0], batch_size=4)
    expected = plain.predict(data[0])
    np.testing.assert_allclose(outputs["twice"], 2 * expected, rtol=1e-6)
    np.testing.assert_allclose(outputs["pair"][0], expected, rtol=1e-6)
    assert np.array_equal(outputs["pair"][1], data[0])


def test_compute_loss_needs_no_loss_in_compile(data: tuple[Array, Array]) -> None:
    class Own(Linear):
        def __init__(self) -> None:
            super().__init__()
            self.loss_tracker = tl.metrics.Mean(name="loss")

        def compute_loss(
            self, x: Any, y: Any, y_pred: Any, sample_weight: Any
        ) -> Any:  # no training, as in older Keras
            loss = tl.mean(tl.square(y - y_pred))
            self.loss_tracker.update_state(loss, len(x))
            return loss

        @property
        def metrics(self) -> list[Any]:
            return [self.loss_tracker]

    own, plain = Own(), Linear()
    own.compile(tl.optimizers.SGD(0.1))
    plain.compile(tl.optimizers.SGD(0.1), "mse")
    for model in (own, plain):
        model.fit(*data, 4, epochs=2, verbose=0, shuffle=False)
    assert own.history.history["loss"] == pytest.approx(plain.history.history["loss"], rel=1e-6)
    assert own.metrics_names == ["loss"]


def test_two_optimizers_and_no_call(data: tuple[Array, Array]) -> None:
    class Pair(tl.Model):
        """Like Keras's example of a GAN: without call and targets, and with its own compile."""

        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = Dense(2), Dense(1)
            self.mean = tl.metrics.Mean(name="first_loss")

        def compile(self, first: Any, second: Any) -> None:  # type: ignore[override]
            super().compile()
            self.first_optimizer, self.second_optimizer = first, second

        def train_step(self, data: Any) -> dict[str, Any]:
            (x,) = data
            for layer, optimizer in ((self.first, self.first_optimizer), (self.second, self.second_optimizer)):
                with tl.GradientTape() as tape:
                    loss = tl.mean(tl.square(layer(x)))
                weights = layer.trainable_weights
                optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
                if layer is self.first:
                    self.mean.update_state(loss)
            return {"loss": loss, "first_loss": self.mean}

    model = Pair()
    model.compile(tl.optimizers.SGD(0.1), tl.optimizers.SGD(0.2))
    history = model.fit(data[0], batch_size=5, epochs=3, verbose=0).history
    assert list(history) == ["loss", "first_loss"]
    assert all(values[0] > values[-1] > 0 for values in history.values())
    assert model.first_optimizer.iterations == model.second_optimizer.iterations == 6
    model.second_optimizer.learning_rate = 1e30
    before, kept = model.get_weights(), model.first_optimizer.iterations
    with pytest.raises(NonFiniteError, match="loss: expected a finite number"):
        model.fit(data[0], batch_size=5, epochs=3, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), before, strict=True))
    assert model.first_optimizer.iterations == model.second_optimizer.iterations == kept


def test_metrics_in_attributes_are_reset_and_reported(data: tuple[Array, Array]) -> None:
    class Counting(Linear):
        def __init__(self) -> None:
            super().__init__()
            self.calls = tl.metrics.Sum(name="calls")

        def call(self, inputs: Any, training: bool = False) -> Any:
            if training:
                self.calls.update_state(1.0)
            return self.dense(inputs)

    model = Counting()
    model.compile("sgd", "mse", metrics=["mae"])
    history = model.fit(*data, batch_size=4, epochs=2, verbose=0).history
    assert history["calls"] == [3.0, 3.0]
    assert model.metrics_names == ["loss", "mae", "calls"] == list(history)


@pytest.mark.parametrize(
    ("step", "kind", "message"),
    [
        (lambda self, data: None, ArgumentTypeError, "train_step: expected a dict of logs, received NoneType; return"),
        (
            lambda self, data: self.compute_loss(y=data[1], y_pred=self(data[0]), sample_weight=[1.0]),
            ShapeError,
            "MeanSquaredError sample_weight: expected a weight for each sample, shape (10,), received (1,)",
        ),
        (
            lambda self, data: self.compute_loss(y=data[1][:3], y_pred=self(data[0])),
            ShapeError,
            "MeanSquaredError: expected targets of the outputs' shape (10, 1), received (3, 1)",
        ),
        (lambda self, data: tl.Model.train_step(self, (1, 2, 3, 4)), ArgumentError, "data of a step: expected (x,), "),
        (lambda self, data: {"loss": float("nan")}, NonFiniteError, "loss: expected a finite number, received nan"),
    ],
)
def test_invalid_results_of_train_step_are_rejected(
    step: Any, kind: type[Exception], message: str, data: tuple[Array, Array]
) -> None:
    model = type("Wrong", (Linear,), {"train_step": step})()
    model.compile("sgd", "mse")
    with pytest.raises(kind) as error:
        model.fit(*data, verbose=0)
    assert message in str(error.value)


def test_invalid_results_of_compute_loss_are_rejected(data: tuple[Array, Array]) -> None:
    for value, received in ((lambda y: y, r"a tensor of shape \(10, 1\)"), (lambda y: 3.0, "float")):
        model = type("Wrong", (Linear,), {"compute_loss": lambda self, x, y, p, w, value=value: value(y)})()
        model.compile("sgd")
        with pytest.raises(
            ArgumentTypeError, match=f"compute_loss: expected a tensor that is one number, received {received}"
        ):
            model.fit(*data, verbose=0)


def test_custom_step_requires_compile_and_a_loss(data: tuple[Array, Array]) -> None:
    model = ByHand()
    with pytest.raises(StateError, match="call compile"):
        model.fit(*data, verbose=0)
    model.compile("sgd")
    with pytest.raises(StateError, match="compute_loss: the model is compiled without a loss; call compile"):
        model.fit(*data, verbose=0)


def test_run_calls_the_model_once_on_the_first_sample(data: tuple[Array, Array]) -> None:
    x, y = data
    batches: list[int] = []

    class Counting(tl.Sequential):
        def call(self, inputs: tl.Tensor, training: bool | None = None) -> tl.Tensor:
            batches.append(len(inputs))
            return super().call(inputs, training=training)

    model = Counting([tl.layers.Dense(y.shape[1])])
    model.build((None, x.shape[1]))
    model.compile("sgd", "mse")
    count = len(x)
    for run, expected in (
        (lambda: model.fit(x, y, batch_size=count, epochs=2, verbose=0), [1, count, count]),
        (lambda: model.train_on_batch(x, y), [1, count]),
        (lambda: model.evaluate(x, y, batch_size=count, verbose=0), [1, count]),
        (lambda: model.predict(x, batch_size=count), [count]),
    ):
        batches.clear()
        run()
        assert batches == expected
