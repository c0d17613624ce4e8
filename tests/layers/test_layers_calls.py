"""Calls of layers: the argument training, inputs and outputs, and first calls from several threads."""

from __future__ import annotations

import sys
import threading
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, ShapeError
from tensorlab.layers import Dense, Dropout, Flatten, Layer, Reshape

X = np.ones((2, 4), "float32")


class Spy(Layer):
    """Records the values of ``training``."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Any] = []

    def call(self, inputs: tl.Tensor, training: Any = None) -> tl.Tensor:
        self.told.append(training)
        return inputs


class Around(Layer):
    """Calls an inner layer without passing ``training`` on."""

    def __init__(self, inner: Layer, **said: Any) -> None:
        super().__init__()
        self.inner, self.said = [{"deep": inner}], said

    def call(self, inputs: tl.Tensor) -> tl.Tensor:
        return self.inner[0]["deep"](inputs, **self.said)


# Training


def test_training_reaches_inner_layers_implicitly() -> None:
    spy = Spy()
    model = tl.Sequential([Around(Around(spy)), Dense(1)])
    model.compile("sgd", "mse")
    model(X)
    spy.told.clear()
    model(X)
    model(X, training=True)
    model(X, training=False)
    assert spy.told == [None, True, False]
    spy.told.clear()
    model.train_on_batch(X, np.ones((2, 1)))
    assert spy.told[-1] is True
    model.predict(X)
    model.evaluate(X, np.ones((2, 1)), verbose=0)
    assert spy.told[-1] is False
    assert spy.told.count(True) == 1


def test_explicit_training_overrides_until_the_end_of_the_call() -> None:
    inner, outer = Spy(), Spy()

    class Both(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.layers = Around(inner, training=False), outer

        def call(self, inputs: tl.Tensor) -> tl.Tensor:
            return self.layers[1](self.layers[0](inputs))

    Both()(X, training=True)
    assert (inner.told, outer.told) == ([False], [True])
    Around(inner, training=None)(X, training=True)
    assert inner.told[-1] is True
    inner(X)
    assert inner.told[-1] is None  # the previous call has no effect


def test_default_value_of_training_is_used_at_the_outermost_call() -> None:
    class Eager(Around):
        def call(self, inputs: tl.Tensor, training: bool = True) -> tl.Tensor:
            return super().call(inputs)

    class Positional(Around):
        def call(self, inputs: tl.Tensor, training: bool) -> tl.Tensor:
            return super().call(inputs)

    spy = Spy()
    Eager(spy)(X)
    Eager(spy)(X, training=False)
    Positional(spy)(X, True)
    assert spy.told == [True, False, True]


def test_training_is_local_to_a_thread() -> None:
    seen: list[Any] = []
    spy = Spy()
    spy(X)

    class Waits(Layer):
        def call(self, inputs: tl.Tensor) -> tl.Tensor:
            thread = threading.Thread(target=lambda: seen.append((spy(X), spy.told[-1])[1]))
            thread.start()
            thread.join()
            return inputs

    Waits()(X, training=True)
    assert seen == [None]


def test_training_is_reset_after_an_exception() -> None:
    spy = Spy()
    with pytest.raises(ZeroDivisionError):
        Around(Dense(2, kernel_initializer=lambda shape, dtype: 1 / 0))(X, training=True)
    spy(X)
    assert spy.told == [None]


def test_model_that_predicts_inside_a_training_step_does_not_train() -> None:
    spy = Spy()
    teacher = tl.Sequential([spy])

    class Student(tl.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = Dense(4)

        def call(self, inputs: tl.Tensor) -> tl.Tensor:
            return self.dense(inputs) + tl.asarray(teacher.predict(X))

    Student()(X, training=True)
    assert spy.told[-1] is False


def test_dropout_in_a_custom_layer_is_active_only_in_fit() -> None:
    zeros: list[float] = []

    class Block(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.drop = [Dropout(0.5)]

        def call(self, x: tl.Tensor) -> tl.Tensor:
            y = self.drop[0](x)
            zeros.append(float(np.mean(y.numpy() == 0)))
            return y

    model = tl.Sequential([Block(), Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((64, 50), "float32"), np.ones((64, 1), "float32")
    model.predict(x)
    assert zeros[-1] == 0.0
    model.fit(x, y, batch_size=64, verbose=0)
    assert 0.3 < zeros[-1] < 0.7


# Inputs and outputs


def test_layer_with_several_inputs(rng: np.random.Generator) -> None:
    class Mixed(Layer):
        def build(self, input_shape: Any) -> None:
            self.seen = input_shape
            self.gain = self.add_weight((), "ones")

        def call(self, inputs: Any, extra: Any = None, *, scale: float = 1.0) -> tl.Tensor:
            a, b = (inputs["a"], inputs["b"]) if isinstance(inputs, dict) else inputs
            total = a + b if extra is None else a + b + extra
            return total * self.gain * scale

    a, b = rng.normal(size=(2, 3)), rng.normal(size=(2, 3))
    layer = Mixed(dtype="float64")
    np.testing.assert_array_equal(layer([a, tl.asarray(b)]).numpy(), a + b)
    assert layer.seen == [(2, 3), (2, 3)]
    np.testing.assert_array_equal(layer((a, b), b, scale=2.0).numpy(), (a + b + b) * 2.0)
    np.testing.assert_array_equal(layer({"a": a, "b": b}, extra=a).numpy(), a + b + a)
    source = tl.Variable(a)
    with tl.GradientTape() as tape:
        total = tl.sum(layer([source, b]))
    assert tape.gradient(total, source).numpy().tolist() == np.ones((2, 3)).tolist()
    assert Mixed()([[1.0, 2.0], [3.0, 4.0]]).tolist() == [4.0, 6.0]  # nested lists of numbers are one tensor


def test_layer_with_one_input_rejects_several() -> None:
    with pytest.raises(ArgumentTypeError) as error:
        Dense(2, name="d")([X, X])
    assert (
        str(error.value) == "Dense 'd': expected one tensor, received a list of 2; join them first, e.g. with tl.concat"
    )


def test_layer_in_place_of_a_tensor_is_reported() -> None:
    with pytest.raises(ArgumentTypeError) as error:
        Dense(2, name="d")(tl.layers.InputLayer((3,), name="i"))
    assert str(error.value).startswith(
        "Dense 'd': expected a tensor or an array, received <Input 'i', built>; put layers into"
    )


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (None, "expected a tensor as its result, received None; return the outputs"),
        (X, "expected a tensor as its result, received a numpy.ndarray; compute it with tensorlab's operations"),
        (2.0, "expected a tensor as its result, received a float; compute"),
        ([], "expected a tensor as its result, received a list of 0; compute"),
        ([tl.asarray(X), "text"], "expected a tensor as its result, received a str; compute"),
    ],
)
def test_result_that_is_not_a_tensor_is_reported(returned: Any, words: str) -> None:
    class Odd(tl.Model):
        def call(self, inputs: tl.Tensor) -> Any:
            return returned

    model = tl.Sequential([Odd(name="odd"), Dense(1)])
    model.compile("sgd", "mse")
    for ask in (model, model.predict, lambda x: model.fit(x, np.ones(2), verbose=0)):
        with pytest.raises(ArgumentTypeError) as error:
            ask(X)
        assert str(error.value).startswith(f"Odd 'odd'.call: {words}")


def test_layers_of_a_sequential_have_one_output() -> None:
    class Split(tl.Model):
        def call(self, inputs: tl.Tensor) -> Any:
            return inputs, inputs * 2.0

    class Joined(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.split = Split()

        def call(self, inputs: tl.Tensor) -> tl.Tensor:
            first, second = self.split(inputs)
            return first + second

    assert Joined()(X).numpy().tolist() == (3 * X).tolist()
    model = Split(name="split")
    model.compile("sgd", "mse")
    message = "Split 'split'.call: expected one tensor as its result, received a tuple of 2; return one of them"
    assert [part.tolist() for part in model.predict(X)] == [X.tolist(), (2 * X).tolist()]
    with pytest.raises(ArgumentTypeError) as error:
        tl.Sequential([model])(X)
    assert str(error.value) == message
    model.evaluate(X, [X, 2 * X], verbose=0)
    for ask in (lambda: model.evaluate(X, X, verbose=0), lambda: model.fit(X, X, verbose=0)):
        with pytest.raises(ArgumentError, match=r"y for Split 'split': expected one for each of the outputs \[0, 1\]"):
            ask()


@pytest.mark.parametrize("make", [Flatten, lambda **options: Reshape((1,), **options)])
def test_number_is_not_a_batch(make: Any) -> None:
    layer = make(name="flat")
    with pytest.raises(ShapeError) as error:
        layer(3.0)
    assert "expected inputs with the batch in front, received a tensor of shape (); add an axis" in str(error.value)


def test_identity_layers_keep_the_logits_of_softmax() -> None:
    logits = tl.Variable(np.array([[60.0, 0.0, 0.0]], "float32"))
    model = tl.Sequential([Around(tl.layers.Softmax()), Dropout(0.5), tl.Sequential([tl.layers.Activation("linear")])])
    model.build((None, 3))
    with tl.GradientTape() as tape:
        loss = tl.losses.SparseCategoricalCrossentropy()(np.array([1]), model(logits))
    assert float(loss) == pytest.approx(60.0)
    np.testing.assert_allclose(tape.gradient(loss, logits).numpy(), [[1.0, -1.0, 0.0]], atol=1e-6)


# Threads


def test_concurrent_first_calls_build_once() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for _ in range(8):
            made: list[int] = []

            def counted(shape: Any, dtype: Any, made: list[int] = made) -> tl.Tensor:
                made.append(1)
                return tl.ones(shape, dtype=dtype)

            class Net(tl.Model):
                def __init__(self) -> None:
                    super().__init__()
                    self.hidden = [Dense(4, kernel_initializer=counted) for _ in range(3)]

                def call(self, x: tl.Tensor) -> tl.Tensor:
                    for layer in self.hidden:
                        x = layer(x)
                    return x

            model, results = Net(), []
            start = threading.Barrier(4)

            def ask(model: Any = model, start: Any = start, results: list[Any] = results) -> None:
                start.wait()
                results.append(model(X).numpy())

            threads = [threading.Thread(target=ask) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(made) == 3
            assert len(model.weights) == 6
            assert [result.tolist() for result in results] == [np.full((2, 4), 64.0).tolist()] * 4
    finally:
        sys.setswitchinterval(interval)


def test_threads_started_by_a_first_call_do_not_wait_for_it() -> None:
    class Parallel(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.branches = [Dense(4), Dense(4)]

        def call(self, x: tl.Tensor) -> tl.Tensor:
            found: list[tl.Tensor] = []
            threads = [threading.Thread(target=lambda d=d: found.append(d(x))) for d in self.branches]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(timeout=60)
            return found[0] + found[1]

    layer = Parallel()
    assert layer(X).shape == (2, 4)
    assert len(layer.weights) == 4
