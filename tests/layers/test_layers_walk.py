"""The walk over a layer's members is cached, and repeated after any change of what it visited."""

from __future__ import annotations

import copy
import dataclasses
import gc
import pickle
import weakref
from collections import UserList, deque
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.layers import Dense, Layer, tracking


class Holder(Layer):
    """A layer whose attributes are set by the tests."""


@dataclasses.dataclass
class Pair:
    first: Any = None
    second: Any = None


def names(layer: Layer) -> list[str]:
    """Return the names of weights found by two walks, of which the second may use the cache."""
    first = [weight.name for weight in layer.weights]
    assert [weight.name for weight in layer.weights] == first
    return first


def variable(name: str) -> tl.Variable:
    return tl.Variable([1.0, 2.0], name=name)


def test_unchanged_layer_is_walked_once(monkeypatch):
    layer = Holder()
    layer.inner, layer.listed = Dense(2), [variable("a"), {"b": variable("b")}, (variable("c"),)]
    layer.inner.build((None, 3))
    expected = names(layer)
    monkeypatch.setattr(tracking, "_look_into", None)  # a second walk would call this
    assert names(layer) == expected
    assert len(layer.trainable_weights) == 5


@pytest.mark.parametrize("inside", [False, True], ids=["of the layer", "of a layer inside"])
def test_changes_of_attributes_are_detected(inside):
    outer = Holder()
    layer = outer.inner = Holder() if inside else outer
    if not inside:
        del outer.inner
    assert names(outer) == []
    layer.one = variable("one")
    assert names(outer) == ["one"]
    layer.one = variable("other")
    assert names(outer) == ["other"]
    object.__setattr__(layer, "two", variable("two"))
    assert names(outer) == ["other", "two"]
    vars(layer)["two"] = 2.0
    assert names(outer) == ["other"]
    del layer.one
    assert names(outer) == []
    layer.add_weight((2,), name="made")
    assert [name.rpartition("/")[2] for name in names(outer)] == ["made"]


def _edits_of_a_list(held: Any) -> None:
    held[0] = variable("changed")
    yield ["changed", "b"]
    held.append(variable("c"))
    yield ["changed", "b", "c"]
    del held[1]
    yield ["changed", "c"]
    held.reverse()
    yield ["c", "changed"]
    held[0] = [variable("nested")]
    yield ["nested", "changed"]
    held[0][0] = (variable("deeper"), 1)
    yield ["deeper", "changed"]
    held.clear()
    yield []


@pytest.mark.parametrize("kind", [list, deque, UserList])
def test_changes_of_a_sequence_are_detected(kind):
    layer = Holder()
    layer.held = kind([variable("a"), variable("b")])
    assert names(layer) == ["a", "b"]
    for expected in _edits_of_a_list(layer.held):
        assert names(layer) == expected


def test_changes_of_a_dict_are_detected():
    layer = Holder()
    layer.held = {"numbers": 1}  # the garbage collector does not track such a dict
    assert names(layer) == []
    layer.held["numbers"] = variable("a")
    assert names(layer) == ["a"]
    layer.held["more"] = {"b": variable("b")}
    assert names(layer) == ["a", "b"]
    layer.held["more"]["b"] = variable("c")
    assert names(layer) == ["a", "c"]
    layer.held = (variable("d"), layer.held)
    assert names(layer) == ["d", "a", "c"]


@pytest.mark.parametrize(
    "held",
    [lambda: Pair(), lambda: SimpleNamespace(first=None), lambda: np.array([None], object)],
    ids=["dataclass", "namespace", "array"],
)
def test_containers_without_change_detection_are_walked_again(held):
    layer = Holder()
    layer.held = held()
    assert names(layer) == []
    if isinstance(layer.held, np.ndarray):
        layer.held[0] = variable("a")
    else:
        layer.held.first = variable("a")
    assert names(layer) == ["a"]


def test_list_subclass_is_walked_again():
    class Doubled(list):
        extra: Any = None

        def __iter__(self):
            return iter([*super().__iter__(), *([] if self.extra is None else [self.extra])])

    layer = Holder()
    layer.held = Doubled([variable("a")])
    assert names(layer) == ["a"]
    layer.held.extra = variable("b")
    assert names(layer) == ["a", "b"]


@pytest.mark.parametrize("make", [lambda value: (value,), lambda value: [value], lambda value: value])
def test_new_object_at_a_reused_address_is_detected(make):
    """A new value is often allocated at the address of the one that it replaces."""
    layer = Holder()
    for number in range(50):
        layer.held = make(variable(str(number)))
        assert names(layer) == [str(number)]
        layer.held = None
        layer.held = make(2.0)
        assert names(layer) == []
        layer.held = None


def test_large_containers_are_walked_again():
    layer = Holder()
    layer.held = [0.0] * 5000
    assert names(layer) == []
    layer.held[4000] = variable("a")
    assert names(layer) == ["a"]


def test_changing_the_returned_list_has_no_effect():
    layer = Holder()
    layer.held = variable("a")
    layer.weights.clear()
    layer.weights.clear()
    assert names(layer) == ["a"]


def test_trainable_is_read_in_every_call():
    layer = Holder()
    layer.held, layer.inner = variable("a"), Dense(2)
    layer.inner.build((None, 3))
    assert len(layer.trainable_weights) == len(layer.trainable_weights) == 3
    layer.held.trainable = False
    assert len(layer.trainable_weights) == 2
    layer.inner.trainable = False
    assert layer.trainable_weights == []
    layer.inner.trainable = layer.held.trainable = True
    assert len(layer.trainable_weights) == 3


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copy_has_its_own_weights(copied):
    model = tl.Sequential([Dense(2)])
    model.build((None, 3))
    before = names(model)
    other = copied(model)
    assert names(other) == before
    other.add(Dense(4))
    assert len(names(other)) == 4
    assert names(model) == before


def test_cached_walk_does_not_keep_the_layer_alive():
    layer = Holder()
    layer.inner = Holder()  # not built, since a built layer is in a reference cycle
    layer.inner.held = [variable("a")]
    names(layer)
    gone = weakref.ref(layer), weakref.ref(layer.inner)
    gc.disable()
    try:
        del layer
        assert [reference() for reference in gone] == [None, None]
    finally:
        gc.enable()
