"""Building: by a shape, by the first call, and nothing left of one that was refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import NonFiniteError, ShapeError, StateError
from tensorlab.layers import Activation, Dense, Flatten, Layer, Reshape

X = np.ones((8, 4), "float32")
Y = np.ones((8, 1), "float32")


class Net(tl.Model):
    """Layers in a list, a layer that is made in build, and a head."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.hidden: list[Any] = [Dense(3), [Dense(3)]]
        self.head = Dense(1)
        self.fails = False
        self.calls = 0

    def call(self, x: tl.Tensor) -> tl.Tensor:
        self.calls += 1
        x = self.head(self.hidden[1][0](self.hidden[0](x)))
        if self.fails:
            raise ZeroDivisionError("on purpose")
        return x


class Made(Net):
    """Makes a layer and weights in build, in attributes and in containers that were there before."""

    def build(self, input_shape: Any) -> None:
        self.gain = self.add_weight((input_shape[-1],), "ones")
        self.made = Dense(input_shape[-1])
        self.hidden.append(self.made)
        self.table = {"extra": self.add_weight((1,), trainable=False)}
        self.add_weight((1,), name="unassigned", trainable=False)
        self.made.build(input_shape)

    def call(self, x: tl.Tensor) -> tl.Tensor:
        return super().call(self.made(x) * self.gain)


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
def test_a_refused_first_call_leaves_nothing_built(case: str, make: Callable[[], Any]) -> None:
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


def test_a_build_that_the_users_code_refuses_leaves_nothing_built() -> None:
    model = Net(name="n")
    model.fails = True
    with pytest.raises(StateError, match=r"Net 'n'\.build: .* received ZeroDivisionError: on purpose; call the layer"):
        model.build((None, 5))
    model.fails = False
    assert model.weights == []
    assert model(X).shape == (8, 1)


@pytest.mark.parametrize("ask", ["predict", "evaluate", "fit", "train_on_batch"])
def test_a_sequential_that_is_refused_is_built_by_the_next_data(ask: str) -> None:
    model = compiled(tl.Sequential([Flatten(), tl.Sequential([Dense(3)]), Reshape((3,)), Dense(1)]))
    wrong: dict[str, Any] = {"y": np.ones((8, 7))} if ask != "predict" else {}
    model.layers[2].target_shape = (2,) if ask == "predict" else (3,)
    with pytest.raises(ShapeError):
        getattr(model, ask)(np.ones((8, 2, 3)), **wrong)
    model.layers[2].target_shape = (3,)
    assert (model.built, model.weights) == (False, [])
    assert model.predict(X).shape == (8, 1)


def test_what_a_refused_call_counts_in_the_users_attributes_stays() -> None:
    model = Net()
    with pytest.raises(ZeroDivisionError):
        failing(model)
    assert model.calls == 1


def test_only_what_the_refused_call_built_is_dropped(rng: np.random.Generator) -> None:
    model = Net()
    model.hidden[0](X)
    model.hidden[1][0].build((None, 3))
    before = model.get_weights()
    with pytest.raises(ZeroDivisionError):
        failing(model, X)
    assert [weight.tolist() for weight in model.get_weights()] == [weight.tolist() for weight in before]
    assert model.hidden[0].built
    assert not model.head.built


def test_a_new_layer_of_a_built_model_is_not_built_for_what_is_refused() -> None:
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


def test_an_exception_that_the_users_code_catches_drops_what_it_interrupted() -> None:
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


def test_predict_names_no_shape_that_nobody_passed() -> None:
    model = tl.Sequential([Dense(1, name="d")])
    for ready in (False, True):
        with pytest.raises(ShapeError) as error:
            model.predict(X[0])
        assert str(error.value) == (
            "Dense 'd': expected inputs of shape (batch, features), received inputs of one axis; "
            "reshape x to (n, 1), or a single sample to (1, n)"
        )
        assert model.built is ready
        model(X)


# Building by a shape


@pytest.mark.parametrize("make", [Net, Made])
def test_a_subclass_is_built_by_a_shape(make: Any) -> None:
    model = make()
    model.build((None, 4))
    other = make()
    other(X)
    assert [weight.shape for weight in model.weights] == [weight.shape for weight in other.weights]
    assert model.count_params() == other.count_params() > 0
    kernels = [id(weight) for weight in model.weights]
    model.build((None, 9))
    model(X)
    assert [id(weight) for weight in model.weights] == kernels


def test_layers_inside_of_layers_are_built_by_a_shape() -> None:
    class Block(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.net = Net()

        def build(self, input_shape: Any) -> None:
            self.scale = self.add_weight((1,))
            super().build(input_shape)

        def call(self, x: tl.Tensor) -> tl.Tensor:
            return self.net(x) * self.scale

    block = Block()
    block.build((None, 4))
    assert len(block.weights) == 7
    assert block.built
    assert block.net.built


def test_a_model_of_several_inputs_is_built_by_their_shapes() -> None:
    class Pair(tl.Model):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = Dense(2), Dense(2)

        def call(self, inputs: Any) -> tl.Tensor:
            a, b = inputs
            return self.a(a) + self.b(b)

    class Named(Pair):
        def call(self, inputs: Any) -> tl.Tensor:
            return super().call((inputs["a"], inputs["b"]))

    class Apart(Pair):
        def call(self, a: tl.Tensor, b: tl.Tensor, training: bool = False) -> tl.Tensor:
            return super().call((a, b))

    shapes = [(None, 4), (None, 5)]
    for model, shape in ((Pair(), shapes), (Named(), dict(zip("ab", shapes, strict=True))), (Apart(), shapes)):
        model.build(shape)
        assert model.count_params() == 4 * 2 + 2 + 5 * 2 + 2


def test_what_a_shape_cannot_build_says_so() -> None:
    class Tokens(tl.Model):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.dense = Dense(2)

        def call(self, tokens: tl.Tensor) -> tl.Tensor:
            if tokens.dtype.kind != "i":
                raise TypeError("tokens are integers")
            return self.dense(tokens.astype("float32"))

    model = Tokens(name="t")
    with pytest.raises(StateError) as error:
        model.build((None, 4))
    assert str(error.value) == (
        "Tokens 't'.build: expected a call that computes a batch of zeros, received TypeError: tokens are integers; "
        "call the layer on data, or implement build"
    )
    assert isinstance(error.value.__cause__, TypeError)
    assert not model.built
    assert model(np.ones((2, 4), "int64")).shape == (2, 2)
    with pytest.raises(ShapeError) as shape_error:
        Net(name="n").build(())
    assert str(shape_error.value) == "Net 'n'.build: expected a shape with the batch in front, received ()"


def test_an_author_who_implements_build_may_leave_layers_to_the_first_call() -> None:
    class Attention(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.dense = Dense(2)

        def build(self, input_shape: Any) -> None:
            self.scale = self.add_weight((1,))

        def call(self, query: tl.Tensor, value: tl.Tensor) -> tl.Tensor:
            return self.dense(query + value) * self.scale

    layer = Attention()
    layer.build((None, 4))
    assert layer.built
    assert not layer.dense.built
    layer(X, X)
    assert len(layer.weights) == 3


def test_building_computes_nothing_where_nothing_is_to_be_built() -> None:
    class Never(Layer):
        def call(self, inputs: tl.Tensor) -> tl.Tensor:
            raise AssertionError("called")

    layer = Never()
    layer.build((None, 4))
    assert layer.built


def test_building_is_not_recorded_and_does_not_train() -> None:
    told: list[Any] = []

    class Spy(Net):
        def call(self, x: tl.Tensor, training: Any = None) -> tl.Tensor:
            told.append(training)
            return super().call(x)

    with tl.GradientTape() as tape:
        Spy().build((None, 4))
    assert told == [False]
    assert tape.watched_variables() == ()


def test_unbuild_drops_what_the_first_call_made() -> None:
    model = Made()
    model(X)
    model.unbuild()
    assert not model.built
    assert model.weights == []
    assert len(model.hidden) == 2
    model(np.ones((2, 6), "float32"))
    assert model.gain.shape == (6,)
    replaced = Dense(1)
    model.head = replaced
    model.unbuild()
    assert model.head is replaced


# Precision


def test_layers_inside_take_the_dtype_of_the_layer_around(rng: np.random.Generator) -> None:
    class Block(Layer):
        def __init__(self, given: Layer, **options: Any) -> None:
            super().__init__(**options)
            self.given, self.inner = given, tl.Sequential([Dense(3), Activation("tanh")])
            self.kept = Dense(3, dtype="float32")

        def build(self, input_shape: Any) -> None:
            self.made = Dense(3)

        def call(self, x: tl.Tensor) -> tl.Tensor:
            return self.made(self.inner(self.given(x)))

    x = 1.0 + rng.normal(size=(5, 3)) * 1e-9  # in float32 all of these are 1
    block = Block(Dense(3), dtype="float64")
    outputs = block(x)
    assert {weight.dtype for weight in block.weights} == {tl.float64}
    a, b, c, d, e, f = block.get_weights()
    np.testing.assert_allclose(outputs.numpy(), np.tanh((x @ a + b) @ c + d) @ e + f, rtol=1e-12)
    assert block.kept.dtype == tl.float32
    assert block.get_config()["dtype"] == "float64"
    assert Block(Dense(3))(x).dtype == tl.float32
    refused = Dense(2)
    with pytest.raises(ShapeError):
        Block(tl.Sequential([refused, Reshape((9,))]), dtype="float64")(x)
    assert refused.dtype == tl.float32


def test_layers_after_one_of_float64_in_a_sequential_keep_their_own_dtype() -> None:
    model = tl.Sequential([Dense(2, dtype="float64"), Dense(2)])
    assert model(X).dtype == tl.float32
