"""Weights and layers found through attributes: in containers, shared, replaced, deleted, frozen, and in cycles."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict, UserDict, UserList, deque, namedtuple
from collections.abc import Callable
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentTypeError
from tensorlab.layers import Dense, Layer
from tensorlab.regularizers import L2

X = np.ones((2, 4), "float32")


@dataclasses.dataclass
class Pair:
    first: Any
    second: Any


Named = namedtuple("Named", "first second")


class Holding(tl.Model):
    """A model that stores its layers as returned by `put`, and applies them in the order of their creation."""

    def __init__(self, put: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        a, b = Dense(4, name="a"), Dense(3, name="b")
        self.held = put(a, b)
        object.__setattr__(self, "order", lambda: (a, b))  # hidden from the walk by a function

    def call(self, x: tl.Tensor) -> tl.Tensor:
        for layer in self.order():
            x = layer(x)
        return x


def filled(container: Any, *items: Any) -> Any:
    for item in items:
        container.append(item)
    return container


@pytest.mark.parametrize(
    "put",
    [
        lambda a, b: filled([], a, b),
        lambda a, b: (a, b),
        lambda a, b: [a, None, "text", 3, b],
        lambda a, b: {"one": a, "two": b},
        lambda a, b: [[a], [[b]]],
        lambda a, b: {"deep": [{"er": (a,)}, b]},
        lambda a, b: {a, b},
        lambda a, b: frozenset((b, a)),
        lambda a, b: deque([a, b]),
        lambda a, b: OrderedDict(x=a, y=b),
        lambda a, b: MappingProxyType({"x": a, "y": b}),
        lambda a, b: UserList([a, b]),
        lambda a, b: UserDict(x=a, y=b),
        lambda a, b: Named(a, b),
        lambda a, b: Pair(a, [b]),
        lambda a, b: SimpleNamespace(a=a, b=b),
        lambda a, b: np.array([[a], [b]], dtype=object),
        lambda a, b: [a, a, b, {"again": b}],
    ],
)
def test_layers_in_containers_are_trained(put: Callable[[Any, Any], Any]) -> None:
    model = Holding(put)
    model.compile("sgd", "mse")
    model.fit(X, np.ones((2, 3), "float32"), verbose=0)
    assert [weight.name for weight in model.trainable_weights] == ["a/kernel", "a/bias", "b/kernel", "b/bias"]
    assert [layer.name for layer in model.layers] == ["a", "b"]
    assert model.count_params() == 20 + 15
    before = model.get_weights()
    model.fit(X, np.zeros((2, 3), "float32"), verbose=0)
    assert not any(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_weights_added_to_large_containers_are_found() -> None:
    class Net(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.table: dict[Any, Any] = {f"word {i}": i for i in range(1000)}
            self.words = list(self.table)

    net = Net()
    assert net.weights == []
    net.table["word 7"] = net.words[500] = tl.Variable(1.0)
    assert len(net.weights) == 1
    net.words[2] = (net.words[3], {"deep": tl.Variable(2.0)})
    assert len(net.weights) == 2


def test_variables_in_containers_are_trained() -> None:
    class Sum(tl.Model):
        def __init__(self) -> None:
            super().__init__()
            self.parts: list[tl.Variable] = []
            self.table: dict[str, Any] = {"none": None}
            for i in range(3):
                self.parts.append(tl.Variable(np.float32(i), name=f"part_{i}"))
            self.table["scale"] = tl.Variable(np.float32(2.0), name="scale")

        def call(self, x: tl.Tensor) -> tl.Tensor:
            return (x + self.parts[0] + self.parts[1] + self.parts[2]) * self.table["scale"]

    model = Sum()
    model(X)
    assert [weight.name for weight in model.trainable_weights] == ["part_0", "part_1", "part_2", "scale"]


def test_weights_follow_changes_of_attributes() -> None:
    class Net(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = [Dense(1, name=f"d{i}") for i in range(3)]
            self.named: dict[str, Any] = {"head": Dense(1, name="head")}
            self.scale = tl.Variable(1.0, name="scale")

    def names(layer: Layer) -> list[str]:
        return [weight.name.partition("/")[0] for weight in layer.weights]

    net = Net()
    for layer in (*net.blocks, *net.named.values()):
        layer.kernel = tl.Variable(1.0, name=layer.name)
    assert names(net) == ["scale", "d0", "d1", "d2", "head"]
    popped = net.blocks.pop(0)
    assert names(net) == ["scale", "d1", "d2", "head"]
    net.blocks[0] = popped
    assert names(net) == ["scale", "d0", "d2", "head"]
    del net.named["head"]
    net.blocks.insert(1, net.blocks[1])
    assert names(net) == ["scale", "d0", "d2"]
    net.scale = tl.Variable(2.0, name="other")
    assert names(net) == ["other", "d0", "d2"]
    del net.scale
    net.blocks.clear()
    assert names(net) == []
    net.blocks = None
    assert net.weights == []


def test_replaced_layer_is_not_counted_or_trained() -> None:
    class Net(tl.Model):
        def __init__(self) -> None:
            super().__init__()
            self.head = Dense(2)

        def call(self, x: tl.Tensor) -> tl.Tensor:
            return self.head(x)

    net = Net()
    net(X)
    old = net.head
    net.head = Dense(3)
    assert net(X).shape == (2, 3)
    assert net.count_params() == 15
    assert net.layers == [net.head]
    assert old.count_params() == 10


def test_deleting_an_attribute_removes_its_weight() -> None:
    class Net(Layer):
        def build(self, input_shape: Any) -> None:
            self.add_weight((1,), name="unassigned")
            self.one = self.add_weight((1,), name="one")
            self.many = [self.add_weight((1,), name=f"many_{i}") for i in range(2)]
            self.one = self.add_weight((1,), name="two")

        def call(self, inputs: tl.Tensor) -> tl.Tensor:
            return inputs

    net = Net(name="net")
    net.build((None, 3))
    assert [weight.name for weight in net.weights] == ["net/two", "net/many_0", "net/many_1", "net/unassigned"]
    net.many.pop()
    del net.one
    assert [weight.name for weight in net.weights] == ["net/many_0", "net/unassigned"]


def test_weights_are_ordered_by_assignment_of_attributes() -> None:
    class Net(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.late = None
            self.inner = Dense(1, name="inner")
            self.first = tl.Variable(0.0, name="first")
            self.late = tl.Variable(0.0, name="late")

        def call(self, inputs: tl.Tensor) -> tl.Tensor:
            return self.inner(inputs)

    net = Net()
    net(X)
    assert [weight.name for weight in net.weights] == ["first", "late", "inner/kernel", "inner/bias"]
    net.first = tl.Variable(0.0, name="again")  # a replaced weight keeps its position
    assert [weight.name for weight in net.weights][:2] == ["again", "late"]


# Shared layers and weights


class Twice(tl.Model):
    """A model with a layer that two of its layers share."""

    def __init__(self) -> None:
        super().__init__()
        shared = Dense(4, use_bias=False, kernel_regularizer=L2(0.5), name="shared")
        self.left, self.right = tl.Sequential([shared]), tl.Sequential([shared])

    def call(self, x: tl.Tensor) -> tl.Tensor:
        return self.right(self.left(x))


def test_shared_layer_is_counted_updated_and_regularized_once(rng: np.random.Generator) -> None:
    model = Twice()
    model.compile(tl.optimizers.SGD(0.1), "mse")
    x = rng.normal(size=(3, 4)).astype("float32")
    model(x)
    (kernel,) = model.get_weights()
    assert model.count_params() == 16
    assert [float(loss) for loss in model.losses] == pytest.approx([0.5 * float(np.sum(kernel.astype("f8") ** 2))])
    y = rng.normal(size=(3, 4)).astype("float32")
    model.train_on_batch(x, y)
    w, x64 = kernel.astype("f8"), x.astype("f8")
    error = 2 * (x64 @ w @ w - y) / 12
    slope = x64.T @ (error @ w.T) + (x64 @ w).T @ error + w
    np.testing.assert_allclose(model.get_weights()[0], w - 0.1 * slope, rtol=1e-4, atol=1e-5)


def test_tied_weights_are_counted_once() -> None:
    class Tied(tl.Model):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.decoder = Dense(4), Dense(4)

        def build(self, input_shape: Any) -> None:
            self.encoder.build(input_shape)
            self.decoder.build(input_shape)
            self.decoder.kernel = self.encoder.kernel

        def call(self, x: tl.Tensor) -> tl.Tensor:
            return self.decoder(self.encoder(x))

    model = Tied()
    model(X)
    assert len(model.weights) == 3
    assert model.count_params() == 16 + 4 + 4
    model.encoder.trainable = False
    assert [weight is model.decoder.bias for weight in model.trainable_weights] == [True]
    assert len(model.non_trainable_weights) == 2


# Freezing


def test_freezing_applies_to_all_inner_layers() -> None:
    inner = tl.Sequential([Dense(4), Dense(4)])

    class Block(Layer):
        def __init__(self) -> None:
            super().__init__()
            self.parts = {"list": [inner]}

        def call(self, x: tl.Tensor) -> tl.Tensor:
            return self.parts["list"][0](x)

    model = tl.Sequential([Block(), Dense(2)])
    model(X)
    model.trainable = False
    assert not inner.trainable
    assert not inner.layers[1].trainable
    assert (len(model.trainable_weights), len(model.non_trainable_weights)) == (0, 6)
    model.trainable = True
    inner.layers[0].trainable = False
    assert (len(model.trainable_weights), len(model.non_trainable_weights)) == (4, 2)


def test_layer_inside_a_frozen_layer_is_frozen_everywhere() -> None:
    class Net(tl.Model):
        def __init__(self) -> None:
            super().__init__()
            shared = Dense(4)
            self.frozen = tl.Sequential([shared])
            self.free = [shared, Dense(1)]

        def call(self, x: tl.Tensor) -> tl.Tensor:
            return self.free[1](self.free[0](self.frozen(x)))

    net = Net()
    net(X)
    object.__setattr__(net.frozen, "_trainable", False)  # without its inner layer, as if that was added later
    assert [weight.name for weight in net.trainable_weights] == [weight.name for weight in net.free[1].weights]


# Cycles


def test_layers_in_reference_cycles() -> None:
    class Child(Layer):
        def __init__(self, parent: Layer) -> None:
            super().__init__()
            self.parent, self.me = parent, [self]
            self.dense = Dense(4)

        def call(self, x: tl.Tensor) -> tl.Tensor:
            return self.dense(x)

    class Parent(tl.Model):
        def __init__(self) -> None:
            super().__init__()
            self.child = Child(self)
            self.head = Dense(1)
            self.around: list[Any] = [self]
            self.around.append(self.around)

        def call(self, x: tl.Tensor) -> tl.Tensor:
            return self.head(self.child(x))

    model = Parent()
    model.build((None, 4))
    assert model.count_params() == 20 + 5
    assert len(model.trainable_weights) == 4
    model.child.trainable = False
    assert model.trainable
    assert model.head.trainable
    assert model.trainable_weights == model.head.weights


def test_slots_are_rejected() -> None:
    with pytest.raises(ArgumentTypeError) as error:

        class Slotted(Layer):
            __slots__ = ("kernel",)

    assert str(error.value) == (
        "Slotted: expected attributes in a __dict__, received __slots__ ('kernel',); "
        "remove __slots__, in which members would not be found"
    )


@pytest.mark.parametrize("name", ["layers", "weights", "losses", "trainable_variables"])
def test_attribute_with_the_name_of_a_property_is_rejected(name: str) -> None:
    class Net(tl.Model):
        pass

    with pytest.raises(AttributeError) as error:
        setattr(Net(), name, [])
    assert str(error.value) == (
        f"Net: expected an attribute of another name, received {name!r}; every Net has a property of this name"
    )


def test_integer_variables_are_not_trainable_weights() -> None:
    class Counting(tl.Model):
        def __init__(self) -> None:
            super().__init__()
            self.count, self.dense = tl.Variable(0), Dense(1)

        def call(self, x: tl.Tensor) -> tl.Tensor:
            self.count.assign_add(1)
            return self.dense(x)

    model = Counting()
    model.compile("sgd", "mse")
    model.fit(X, np.ones((2, 1)), verbose=0)
    assert model.non_trainable_weights == [model.count]
    assert len(model.trainable_weights) == 2


def test_equal_layers_are_different_layers() -> None:
    @dataclasses.dataclass
    class Scale(Layer):
        factor: float = 2.0

        def build(self, input_shape: Any) -> None:
            self.gain = self.add_weight((1,), "ones")

        def call(self, inputs: tl.Tensor) -> tl.Tensor:
            return inputs * self.gain * self.factor

    model = tl.Sequential([Scale(), Scale()])
    assert model.predict(X).tolist() == (4 * X).tolist()
    assert len(model.weights) == 2
