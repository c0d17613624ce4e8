"""Building by the first call, and rollback if it fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from building_cases import Made, Net, X, Y

import tensorlab as tl
from tensorlab.errors import NonFiniteError, ShapeError, StateError
from tensorlab.layers import Dense, Flatten, Layer, Reshape


def compiled(model: Any) -> Any:
    model.compile("sgd", "mse")
    return model


def nan_fit(model: Any) -> Any:
    return model.fit(np.full((8, 5), np.nan, "float32"), Y, verbose=0)


def failing(model: Any, x: Any = None) -> Any:
    model.fails = True
    try:
        return model(np.ones((8, 5), "float32") if x is None else x)
    finally:
        model.fails = False


REFUSED: dict[str, tuple[type[Exception], Callable[[Any], Any]]] = {
    "an array of one axis": (ShapeError, lambda model: model.predict(X[:, 0])),
    "one sample": (ShapeError, lambda model: model.predict(X[0])),
    "one axis in evaluate": (ShapeError, lambda model: model.evaluate(X[:, 0], Y, verbose=0)),
    "one axis in fit": (ShapeError, lambda model: model.fit(X[:, 0], Y, verbose=0)),
    "NaN": (NonFiniteError, nan_fit),
    "targets that do not fit": (ShapeError, lambda model: model.fit(np.ones((8, 5)), np.ones((8, 7)), verbose=0)),
    "a batch to train on": (ShapeError, lambda model: model.train_on_batch(np.ones((8, 5)), np.ones((8, 7)))),
    "a weight that cannot be made": (ZeroDivisionError, lambda model: refused_weight(model)),
    "the user's code": (ZeroDivisionError, failing),
}


def refused_weight(model: Any) -> Any:
    head = model.head
    head.bias_initializer = lambda shape, dtype: 1 / 0
    try:
        return model.predict(np.ones((8, 5), "float32"))
    finally:
        head.bias_initializer = tl.initializers.Zeros()


def members_of(model: Any) -> set[str]:
    return {name for name, value in vars(model).items() if isinstance(value, (Layer, tl.Variable, list, dict))}


@pytest.mark.parametrize("make", [Net, Made])
@pytest.mark.parametrize("case", REFUSED)
def test_failed_first_call_builds_nothing(case: str, make: Callable[[], Any]) -> None:
    kind, refused = REFUSED[case]
    model = compiled(make())
    before = members_of(model)
    with pytest.raises(kind):
        refused(model)
    assert not model.built
    assert model.weights == []
    assert not any(layer.built for layer in model.layers)
    assert members_of(model) == before
    history = model.fit(X, Y, epochs=2, verbose=0)
    assert len(history.history["loss"]) == 2
    assert model.built
    assert len(model.trainable_weights) == (6 if make is Net else 9)


def test_failed_build_of_user_code_builds_nothing() -> None:
    model = Net(name="n")
    model.fails = True
    with pytest.raises(
        StateError, match=r"Net 'n'\.build: call raised ZeroDivisionError for a batch of zeros: on purpose; call"
    ):
        model.build((None, 5))
    model.fails = False
    assert model.weights == []
    assert model(X).shape == (8, 1)


@pytest.mark.parametrize("ask", ["predict", "evaluate", "fit", "train_on_batch"])
def test_sequential_is_built_by_the_next_data_after_an_error(ask: str) -> None:
    model = compiled(tl.Sequential([Flatten(), tl.Sequential([Dense(3)]), Reshape((3,)), Dense(1)]))
    wrong: dict[str, Any] = {"y": np.ones((8, 7))} if ask != "predict" else {}
    model.layers[2].target_shape = (2,) if ask == "predict" else (3,)
    with pytest.raises(ShapeError):
        getattr(model, ask)(np.ones((8, 2, 3)), **wrong)
    model.layers[2].target_shape = (3,)
    assert (model.built, model.weights) == (False, [])
    assert model.predict(X).shape == (8, 1)


def test_failed_call_keeps_changes_of_user_attributes() -> None:
    model = Net()
    with pytest.raises(ZeroDivisionError):
        failing(model)
    assert model.calls == 1


def test_failed_call_removes_only_what_it_built(rng: np.random.Generator) -> None:
    model = Net()
    model.hidden[0](X)
    model.hidden[1][0].build((None, 3))
    before = model.get_weights()
    with pytest.raises(ZeroDivisionError):
        failing(model, X)
    assert [weight.tolist() for weight in model.get_weights()] == [weight.tolist() for weight in before]
    assert model.hidden[0].built
    assert not model.head.built


def test_new_layer_of_a_built_model_is_not_built_by_a_failed_call() -> None:
    model = Net()
    model(X)
    model.hidden[0], model.hidden[1] = Dense(6), [Dense(5)]  # the head expects 3
    with pytest.raises(ShapeError):
        model.predict(X)
    assert model.built
    assert not model.hidden[0].built
    assert len(model.weights) == 2
    model.hidden[1][0] = Dense(3)
    assert model.predict(X).shape == (8, 1)


def test_exception_caught_by_user_code_removes_what_it_interrupted() -> None:
    class Tries(tl.Model):
        def __init__(self) -> None:
            super().__init__()
            self.first = tl.Sequential([Dense(3), Reshape((7,))])
            self.second = Dense(2)

        def call(self, x: tl.Tensor) -> tl.Tensor:
            try:
                return self.first(x)
            except ShapeError:
                return self.second(x)

    model = Tries()
    assert model(X).shape == (8, 2)
    assert not model.first.built
    assert len(model.weights) == 2


def test_predict_reports_the_shape_that_was_passed() -> None:
    model = tl.Sequential([Dense(1, name="d")])
    for ready, expected in ((False, "(batch, features)"), (True, "(batch, 4)")):
        with pytest.raises(ShapeError) as error:
            model.predict(X[0])
        assert str(error.value) == (
            f"Sequential {model.name!r}.predict x: expected inputs of shape {expected}, received shape (4,); "
            "for 4 samples of one number pass x[:, None], for one sample of 4 numbers x[None]"
        )
        assert model.built is ready
        model(X)


class Fails(Layer):
    """Raises in a chosen call during training."""

    def __init__(self, at: int, error: BaseException) -> None:
        super().__init__()
        self.at, self.error, self.count = at, error, 0

    def call(self, inputs: tl.Tensor, training: bool = False) -> tl.Tensor:
        self.count += bool(training)
        if training and self.count == self.at:
            raise self.error
        return inputs


@pytest.mark.parametrize(
    ("at", "error", "kept"),
    [
        (1, ZeroDivisionError(), False),
        (1, KeyboardInterrupt(), False),
        (3, ZeroDivisionError(), True),
        (3, KeyboardInterrupt(), True),  # keeps what was trained
        (3, NonFiniteError("f", "a", "b"), False),  # an error of tensorlab restores everything
    ],
)
def test_first_fit_that_raises(at: int, error: BaseException, kept: bool) -> None:
    model = compiled(tl.Sequential([Dense(3), Fails(at, error), Dense(1)]))
    with pytest.raises(type(error)):
        model.fit(X, Y, batch_size=2, verbose=0)
    assert model.built is kept
    assert len(model.weights) == (4 if kept else 0)
    if not kept:
        model.fit(np.ones((8, 6)), Y, batch_size=2, verbose=0)


def test_callback_that_raises_before_the_first_step() -> None:
    class Raises(tl.callbacks.Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            self.model.predict(X)
            raise KeyError("on purpose")

    model = compiled(tl.Sequential([Dense(1)]))
    with pytest.raises(KeyError):
        model.fit(X, Y, verbose=0, callbacks=[Raises()])
    assert not model.built


@pytest.mark.parametrize("ask", ["predict", "evaluate"])
def test_error_in_a_later_batch_builds_nothing(ask: str) -> None:
    class Even(Layer):
        def call(self, inputs: tl.Tensor) -> tl.Tensor:
            if inputs.shape[0] == 3:
                raise ZeroDivisionError
            return inputs

    model = compiled(tl.Sequential([Dense(1), Even()]))
    arguments = (X[:7],) if ask == "predict" else (X[:7], Y[:7])
    with pytest.raises(ZeroDivisionError):
        getattr(model, ask)(*arguments, batch_size=4)
    assert not model.built


def test_layers_called_by_a_callback_are_independent_of_the_model() -> None:
    lone = Dense(2)

    class Calls(tl.callbacks.Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            assert lone(np.ones(3, "float32")).shape == (2,)  # a single sample, which layers inside a model reject

    model = compiled(tl.Sequential([Dense(1)]))
    model.fit(X, Y, verbose=0, callbacks=[Calls()])
    lone = Dense(2)
    with Net(dtype="float64").building():
        lone.build((None, 3))
    assert lone.dtype == tl.float32
