"""Keras's top-level names, its modules `config` and `backend`, and `deserialize` of every module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, UnknownAttributeError, UnknownNameError


def test_base_classes_are_at_the_top() -> None:
    assert tl.Initializer is tl.initializers.Initializer
    assert tl.Loss is tl.losses.Loss
    assert tl.Metric is tl.metrics.Metric
    assert tl.Optimizer is tl.optimizers.Optimizer
    assert tl.Regularizer is tl.regularizers.Regularizer


def test_settings_are_those_that_tensorlab_has() -> None:
    for module in (tl.config, tl.backend):
        assert (module.backend(), module.epsilon(), module.floatx()) == ("tensorlab", 1e-7, "float32")
        assert module.image_data_format() == "channels_last"
        module.set_epsilon(1e-7)
        module.set_floatx("float32")
        module.set_image_data_format("channels_last")
    tl.config.set_backend("tensorlab")
    assert tl.layers.Dense(1).dtype.name == tl.backend.floatx()
    assert tl.layers.Conv2D(1, 1).data_format == tl.backend.image_data_format()


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: tl.config.set_backend("jax"), "set_backend: expected 'tensorlab', received 'jax'; choose a device"),
        (
            lambda: tl.config.set_epsilon(1e-5),
            "set_epsilon: expected 1e-07, received 1e-05; pass epsilon= to the layer",
        ),
        (lambda: tl.backend.set_floatx("float64"), "set_floatx: expected 'float32', received 'float64'; pass dtype="),
        (lambda: tl.backend.set_image_data_format(3), "set_image_data_format: expected 'channels_last', received 3; "),
    ],
)
def test_other_settings_are_refused(act: Callable[[], Any], message: str) -> None:
    with pytest.raises(ArgumentError) as error:
        act()
    assert str(error.value).startswith(message)


def test_backend_answers_questions_about_dtypes() -> None:
    assert [tl.backend.standardize_dtype(each) for each in (None, "int64", np.float64)] == [
        "float32",
        "int64",
        "float64",
    ]
    assert [tl.backend.is_float_dtype(each) for each in ("float32", "int8")] == [True, False]
    assert [tl.backend.is_int_dtype(each) for each in ("float32", "int8", "bool")] == [False, True, False]
    assert tl.backend.is_keras_tensor(tl.Input((3,)))
    assert not tl.backend.is_keras_tensor(tl.ones((3,)))
    with pytest.raises(DTypeError, match="standardize_dtype: expected one of bool"):
        tl.backend.standardize_dtype("bfloat16")
    tl.backend.clear_session()
    assert tl.layers.Dense(1).name == "dense"
    with pytest.raises(UnknownAttributeError, match="tensorlab has no get_uid"):
        tl.backend.get_uid  # type: ignore[attr-defined]  # noqa: B018


KERAS_CONFIGS: dict[str, Any] = {
    "activations": ("relu", "relu"),
    "constraints": ({"module": "keras.constraints", "class_name": "MaxNorm", "config": {"max_value": 3}}, "MaxNorm"),
    "initializers": ({"class_name": "HeNormal", "config": {"seed": 1}, "registered_name": None}, "HeNormal"),
    "layers": ({"module": "keras.layers", "class_name": "Dense", "config": {"units": 2}}, "Dense"),
    "losses": ({"class_name": "Huber", "config": {"delta": 2.0}}, "Huber"),
    "metrics": ({"class_name": "Recall", "config": {"top_k": 2}}, "Recall"),
    "optimizers": ({"class_name": "Adam", "config": {"learning_rate": 0.5}}, "Adam"),
    "regularizers": ({"module": "keras.regularizers", "class_name": "L2", "config": {"l2": 0.5}}, "L2"),
}


@pytest.mark.parametrize("name", KERAS_CONFIGS)
def test_configs_are_made_into_objects(name: str) -> None:
    config, expected = KERAS_CONFIGS[name]
    module = getattr(tl, name)
    made = module.deserialize(config)
    assert expected in (type(made).__name__, getattr(made, "__name__", ""))
    again = module.deserialize(module.serialize(made))
    assert type(again) is type(made)
    if name != "activations":
        assert again.get_config() == made.get_config()
        for key, value in config["config"].items():
            assert made.get_config()[key] == value
    with pytest.raises(UnknownNameError, match="'Nothing'"):
        module.deserialize({"class_name": "Nothing", "config": {}})
    with pytest.raises(ArgumentTypeError, match="deserialize: expected a config, or a name, received 3"):
        module.deserialize(3)
