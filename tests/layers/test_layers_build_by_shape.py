"""Building by a shape, and the dtypes of inner layers."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from building_cases import Made, Net, X

import tensorlab as tl
from tensorlab.errors import ArgumentTypeError, DTypeError, ShapeError, StateError
from tensorlab.layers import Activation, Dense, Flatten, Layer, Reshape

# Building by a shape


@pytest.mark.parametrize("make", [Net, Made])
def test_subclass_is_built_by_a_shape(make: Any) -> None:
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


def test_inner_layers_are_built_by_a_shape() -> None:
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


def test_model_with_several_inputs_is_built_by_their_shapes() -> None:
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


def test_layers_of_integers_are_built_by_a_shape() -> None:
    class Table(Layer):
        def build(self, input_shape: Any) -> None:
            self.table = self.add_weight((9, 3))

        def call(self, inputs: tl.Tensor) -> tl.Tensor:
            return tl.take(self.table, inputs, axis=0)

    x = np.array([[1, 8], [0, 3]])
    model = tl.Sequential([Table(), Flatten(), Dense(1)])
    assert model.predict(x).shape == (2, 1)
    by_shape = tl.Sequential([tl.Input((2,), dtype="int64"), Table(), Flatten(), Dense(1)])
    other = tl.Sequential([Table(), Flatten(), Dense(1)])
    other.build((None, 2))
    assert model.count_params() == by_shape.count_params() == other.count_params() == 27 + 7
    with pytest.raises(DTypeError, match="take: expected integers"):
        tl.Sequential([Dense(2), Table()]).build((None, 2))


def test_failure_to_build_by_a_shape_is_explained() -> None:
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
        "Tokens 't'.build: call raised TypeError for a batch of zeros: tokens are integers; "
        "call the layer on data, or implement build"
    )
    assert isinstance(error.value.__cause__, TypeError)
    assert not model.built
    assert model(np.ones((2, 4), "int64")).shape == (2, 2)
    with pytest.raises(ShapeError) as shape_error:
        Net(name="n").build(())
    assert str(shape_error.value) == "Net 'n'.build: expected a shape with the batch in front, received ()"


def test_lengths_that_weights_depend_on_must_be_known() -> None:
    model = tl.Sequential([Dense(3), Activation("tanh")], name="s")
    model.build((None, None, 4))
    assert model(np.ones((2, 7, 4))).shape == (2, 7, 3)
    for refused in (
        lambda: tl.Sequential([Flatten(), Dense(3)], name="s").build((None, None, 4)),
        lambda: tl.Sequential([tl.Input((None, 4)), Flatten(), Dense(3)], name="s"),
        lambda: tl.Sequential([tl.Sequential([Flatten(), Dense(3)], name="t")], name="s").build((None, None, 4)),
    ):
        with pytest.raises(ShapeError) as error:
            refused()
        assert re.fullmatch(
            r"(Dense 'dense\w*'|Sequential 't')\.build: expected a shape with known lengths, "
            r"received \(None, None(, 4)?\); "
            "give the lengths that the shapes of weights depend on",
            str(error.value),
        )
    with pytest.raises(
        ShapeError, match=r"Net 'n'\.build: expected a shape with known lengths, received \(None, None\)"
    ):
        Net(name="n").build((None, None))
    for shape in ((None, None), (), 5):
        with pytest.raises(ShapeError) as error:
            Dense(2, name="d").build(shape)
        assert str(error.value).startswith(
            f"Dense 'd': expected a shape whose last length is known, received {shape!r};"
        )
    with pytest.raises(ArgumentTypeError) as type_error:
        tl.Sequential([Dense(2)], name="s").build([(None, 3), (None, 4)])
    assert str(type_error.value) == "Sequential 's'.build: expected one shape, received [(None, 3), (None, 4)]"


@pytest.mark.parametrize("value", [np.zeros((2, 3), "float32"), 3.0])
def test_initializer_must_return_the_requested_shape(value: Any) -> None:
    layer = Dense(2, kernel_initializer=lambda shape, dtype: value, name="d")
    with pytest.raises(ShapeError) as error:
        layer(X)
    given = np.shape(value)
    assert str(error.value) == f"d/kernel: expected values of shape (4, 2) from its initializer, received {given}"
    assert layer.weights == []


def test_custom_build_may_leave_layers_to_the_first_call() -> None:
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


def test_building_without_inner_layers_calls_nothing() -> None:
    class Never(Layer):
        def call(self, inputs: tl.Tensor) -> tl.Tensor:
            raise AssertionError("called")

    layer = Never()
    layer.build((None, 4))
    assert layer.built


def test_building_is_not_recorded_and_not_training() -> None:
    told: list[Any] = []

    class Spy(Net):
        def call(self, x: tl.Tensor, training: Any = None) -> tl.Tensor:
            told.append(training)
            return super().call(x)

    with tl.GradientTape() as tape:
        Spy().build((None, 4))
    assert told == [False]
    assert tape.watched_variables() == ()


def test_unbuild_removes_what_the_first_call_created() -> None:
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


# Dtypes


def test_inner_layers_get_the_dtype_of_the_outer_layer(rng: np.random.Generator) -> None:
    class Block(Layer):
        def __init__(self, given: Layer, **options: Any) -> None:
            super().__init__(**options)
            self.given, self.inner = given, tl.Sequential([Dense(3), Activation("tanh")])
            self.kept = Dense(3, dtype="float32")

        def build(self, input_shape: Any) -> None:
            self.made = Dense(3)

        def call(self, x: tl.Tensor) -> tl.Tensor:
            return self.made(self.inner(self.given(x)))

    x = 1.0 + rng.normal(size=(5, 3)) * 1e-9  # all equal to 1 in float32
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


def test_layers_after_a_float64_layer_keep_their_own_dtype() -> None:
    model = tl.Sequential([Dense(2, dtype="float64"), Dense(2)])
    assert model(X).dtype == tl.float32
