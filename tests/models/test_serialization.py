"""Serialization of registered objects to plain data and back."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentTypeError, UnknownNameError
from tensorlab.registry import registries
from tensorlab.serialization import Configured, deserialize, get, serialize


class Recipe(Configured):
    """A user's class without code for serialization."""

    def __init__(self, first: Any, second: Any = 2, *, only: Any = None, **more: Any) -> None:
        self.first, self.second, self.only, self.more = first, second, only, more


def test_config_contains_the_arguments_of_the_constructor() -> None:
    assert Recipe(1).get_config() == {"first": 1, "second": 2, "only": None}
    config = Recipe(1, 5, only="x", extra=[1, 2], other=None).get_config()
    assert config == {"first": 1, "second": 5, "only": "x", "extra": [1, 2], "other": None}
    again = Recipe.from_config(config)
    assert (again.first, again.second, again.only, again.more) == (1, 5, "x", {"extra": [1, 2], "other": None})
    assert again.get_config() == config


def test_positional_arguments_are_kept() -> None:
    class Several(Recipe):
        def __init__(self, first: Any, *rest: Any, last: Any = 0) -> None:
            super().__init__(first, rest, only=last)

    config = Several(1, 2, 3, last=4).get_config()
    assert config == {"first": 1, "rest": [2, 3], "last": 4}
    again = Several.from_config(config)
    assert (again.first, again.second, again.only) == (1, (2, 3), 4)
    assert Several.from_config(Several(1).get_config()).second == ()


def test_constructor_with_missing_arguments_raises() -> None:
    with pytest.raises(TypeError, match="first"):
        Recipe()


def test_attributes_do_not_change_the_config() -> None:
    recipe = Recipe(1)
    recipe.first = 7
    assert recipe.get_config()["first"] == 1


def test_inherited_and_overridden_constructors() -> None:
    class Same(Recipe):
        pass

    class Other(Recipe):
        def __init__(self, factor: int = 3) -> None:
            super().__init__(factor * 2, only=factor)

    assert Same(4).get_config() == {"first": 4, "second": 2, "only": None}
    assert Other().get_config() == {"factor": 3}
    made = Other.from_config(Other(5).get_config())
    assert (type(made), made.first, made.only) == (Other, 10, 5)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None),
        (True, True),
        (0.1, 0.1),
        ("relu", "relu"),
        ((1, (2, 3)), [1, [2, 3]]),
        (np.float32(0.5), 0.5),
        (np.int64(5), 5),
        (tl.float64, "float64"),
        ({"a": (1,)}, {"a": [1]}),
        (tl.activations.relu, "relu"),
        (tl.ops.softmax, "softmax"),
        (tl.losses.MeanAbsoluteError, "mean_absolute_error"),
    ],
)
def test_values_become_plain_data(value: Any, plain: Any) -> None:
    result = serialize(value)
    assert result == plain
    assert type(result) is type(plain)
    assert json.loads(json.dumps(result)) == plain


@pytest.mark.parametrize(
    "thing",
    [
        tl.layers.Dense(3, activation="tanh"),
        tl.layers.Dropout(0.25),
        tl.initializers.RandomNormal(0.5, 0.1, seed=4),
        tl.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum"),
        tl.optimizers.RMSprop(0.01, momentum=0.5),
        tl.metrics.BinaryAccuracy(threshold=0.3),
        tl.Sequential([tl.layers.Input((2,)), tl.layers.Dense(3), tl.Sequential([tl.layers.Dense(1)])]),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_objects_survive_json(thing: Configured) -> None:
    plain = json.loads(json.dumps(serialize(thing)))
    assert set(plain) == {"class_name", "kind", "config"}
    assert registries[plain["kind"]].get(plain["class_name"]) is type(thing)
    again = deserialize(plain)
    assert type(again) is type(thing)
    assert again is not thing
    assert json.loads(json.dumps(serialize(again))) == plain


def test_lists_of_objects_survive() -> None:
    plain = serialize([tl.layers.Flatten(), [tl.layers.Dense(2)]])
    flatten, (dense,) = deserialize(plain)
    assert type(flatten) is tl.layers.Flatten
    assert dense.units == 2


def test_dict_that_is_not_a_config_is_unchanged() -> None:
    for value in ({"class_name": "Dense"}, {"a": 1}, {}):
        assert deserialize(value) == value


def test_unknown_class_suggests_similar_names() -> None:
    with pytest.raises(UnknownNameError) as error:
        deserialize({"class_name": "Dence", "kind": "layer", "config": {"units": 3}})
    assert str(error.value) == (
        "layer: expected the name of a registered layer, received 'Dence'; did you mean 'Dense'?"
    )


def test_get_accepts_names_classes_objects_and_configs() -> None:
    base = tl.layers.Layer
    made = tl.layers.Flatten()
    assert get("layer", made, base) is made
    assert type(get("layer", "Flatten", base)) is tl.layers.Flatten
    assert type(get("layer", tl.layers.Flatten, base)) is tl.layers.Flatten
    assert type(get("layer", serialize(made), base)) is tl.layers.Flatten
    for wrong in (3, tl.initializers.Zeros(), {"units": 3}):
        with pytest.raises(ArgumentTypeError) as error:
            get("layer", wrong, base)
        assert str(error.value) == f"layer: expected a name, a config, or an object of Layer, received {wrong!r}"


@pytest.mark.parametrize(
    ("config", "error", "said"),
    [
        (
            {"class_name": "zeros", "kind": "initialiser", "config": {}},
            UnknownNameError,
            "config of 'zeros': expected a kind that plugins register, received 'initialiser'; did you mean 'init",
        ),
        ({"class_name": "zeros", "kind": ["loss"], "config": {}}, UnknownNameError, "received ['loss']; "),
        (
            {"class_name": "zeros", "kind": "initializer", "config": None},
            ArgumentTypeError,
            "config of initializer 'zeros': expected a dict of arguments, as get_config returns it, received None",
        ),
        (
            {"class_name": 3, "kind": "initializer", "config": {}},
            ArgumentTypeError,
            "registered initializer, received 3",
        ),
        (
            {"class_name": "constant", "kind": "initializer", "config": {"values": 3}},
            ArgumentTypeError,
            "Constant: expected arguments among: value, received the unknown argument 'values'; did you mean 'value'?",
        ),
    ],
)
def test_invalid_config_is_rejected(config: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error) as caught:
        deserialize(config)
    assert said in str(caught.value)


@pytest.mark.parametrize("config", [None, [1], "units", {3: 4}])
def test_from_config_requires_a_dict_of_arguments(config: Any) -> None:
    for cls in (tl.layers.Dense, tl.Sequential):
        with pytest.raises(ArgumentTypeError) as caught:
            cls.from_config(config)
        expected = (
            f"{cls.__name__}.from_config: expected a dict of arguments, as get_config returns it, received {config!r}"
        )
        assert str(caught.value) == expected
    with pytest.raises(
        ArgumentTypeError, match=r"^Sequential.from_config: expected a config with 'layers', received {}$"
    ):
        tl.Sequential.from_config({})


def test_keras_config_is_accepted() -> None:
    config = {
        "module": "keras.initializers",
        "class_name": "Constant",
        "config": {"value": 2.0},
        "registered_name": None,
    }
    assert tl.initializers.get(config).get_config() == {"value": 2.0}
