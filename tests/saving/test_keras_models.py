"""Models in ``.keras`` archives: those that Keras and tensorlab have written are read, and others are refused."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saved_layer_cases import LAYERS, built_of, inputs_of

import tensorlab as tl
from tensorlab.errors import FileAccessError, SavedFileError
from tensorlab.layers import Dense

pytest.importorskip("h5py")

SAVED = Path(__file__).parent.parent / "data" / "keras_model.keras"
X = np.linspace(-1.0, 1.0, 12).reshape(3, 4)

WRITER = """
import sys
import numpy as np
import keras
from keras import layers
keras.utils.set_random_seed(1)
a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
shared = layers.Dense(3, "gelu", kernel_initializer=keras.initializers.HeNormal(3), kernel_regularizer="l2",
                      kernel_constraint=keras.constraints.MaxNorm(2.0), name="shared")
added = layers.Add()([shared(a), b])
joined = layers.Dropout(0.5)(layers.Concatenate()([added, shared(a)]), training=False)
inner = keras.Sequential([layers.BatchNormalization(), layers.Dense(4, use_bias=False, trainable=False)], name="inner")
rows = layers.Reshape((2, 2))(inner(joined))
last = layers.LayerNormalization(name="last")(layers.Conv1D(2, 2, padding="same")(rows))
model = keras.Model([a, b], {"rows": last, "sum": added}, name="net")
model.set_weights([np.random.default_rng(2).uniform(0.2, 1.0, w.shape).astype("float32") for w in model.get_weights()])
model.save(sys.argv[1])
x = np.linspace(-1.0, 1.0, 12).reshape(3, 4).astype("float32")
print({name: keras.ops.convert_to_numpy(value).ravel().tolist() for name, value in model([x, x[:, :3]]).items()})
"""
"""Writes `SAVED`, and prints what Keras 3.15 computes."""
OUTPUTS = {
    "rows": [
        0.002267122,
        0.8751556,
        0.009407163,
        0.8675007,
        0.8173583,
        0.001309395,
        0.8160789,
        0.00268054,
        0.8185272,
        5.626678e-05,
        0.818459,
        0.0001293421,
    ],
    "sum": [-1.169839, -0.9762356, -0.7902577, 0.0752888, 0.217855, 0.5958065, 2.16991, 2.504321, 3.198732],
}


@pytest.fixture(autouse=True)
def _reference(reference: None) -> None:
    """Compile nothing."""


def outputs_of(model: Any) -> dict[str, list[float]]:
    return {name: value.ravel().tolist() for name, value in model.predict([X, X[:, :3]], verbose=0).items()}


def check_saved(path: Path, outputs: dict[str, list[float]]) -> None:
    model = tl.load_model(path)
    found = outputs_of(model)
    assert set(found) == {"rows", "sum"}
    for name, values in outputs.items():
        np.testing.assert_allclose(found[name], values, rtol=2e-5, atol=1e-6)
    assert model.name == "net"
    assert [len(each) for each in (model.trainable_weights, model.non_trainable_weights)] == [8, 3]
    shared = model.get_layer("shared")
    assert shared.get_config()["kernel_regularizer"]["class_name"] == "l2"
    assert shared.kernel_constraint.max_value == 2.0
    model.compile("adam", {"rows": "mse", "sum": "mse"})
    model.fit([X, X[:, :3]], {"rows": np.ones((3, 2, 2)), "sum": np.ones((3, 3))}, verbose=0)


def test_model_of_keras_is_read() -> None:
    check_saved(SAVED, OUTPUTS)


def test_model_that_keras_writes_now_is_read(tmp_path: Path) -> None:
    python = os.environ.get("TENSORLAB_KERAS_PYTHON", sys.executable)
    path = tmp_path / "model.keras"
    done = subprocess.run([python, "-c", WRITER, str(path)], capture_output=True, text=True, timeout=300)
    if done.returncode:
        pytest.skip("Keras is not installed; set TENSORLAB_KERAS_PYTHON to a Python that has it")
    check_saved(path, ast.literal_eval(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("name", LAYERS)
def test_saved_layer_is_read(name: str, tmp_path: Path) -> None:
    model = built_of(LAYERS[name])
    if model is None:
        pytest.skip("it takes several inputs")
    model.set_weights([np.random.default_rng(3).uniform(0.2, 1.0, weight.shape) for weight in model.get_weights()])
    path = tmp_path / "model.keras"
    model.save(path)
    again = tl.load_model(path)
    assert [type(layer) for layer in again.layers] == [type(layer) for layer in model.layers]
    x = inputs_of(model)
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


class Own(tl.layers.Layer):
    """A layer of the user."""

    def __init__(self, factor: float, **options: Any) -> None:
        super().__init__(**options)
        self.factor = factor

    def call(self, inputs: tl.Tensor) -> tl.Tensor:
        return inputs * self.factor


def double(x: Any) -> Any:
    return x * 2.0


def layer(kind: str, module: Any = "keras.layers", registered: Any = None, **config: Any) -> dict[str, Any]:
    return {"module": module, "class_name": kind, "config": config, "registered_name": registered}


def stack(*layers: Any, **config: Any) -> dict[str, Any]:
    first = layer("InputLayer", batch_shape=[None, 2], dtype="float32", name="input")
    return layer("Sequential", "keras", name="m", layers=[first, *layers], **config)


def graph(call: Any, **config: Any) -> dict[str, Any]:
    first = layer("InputLayer", batch_shape=[None, 2], dtype="float32", name="x")
    layers = [{**first, "name": "x", "inbound_nodes": []}, {**layer("Flatten"), "name": "y", "inbound_nodes": [call]}]
    ends = {"input_layers": ["x", 0, 0], "output_layers": ["y", 0, 0]}
    return layer("Functional", "keras.src.models.functional", **{"name": "m", "layers": layers, **ends, **config})


def tensor(*history: Any) -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"shape": [None, 2], "keras_history": list(history)}}


def archive(path: Path, config: Any, compression: int = zipfile.ZIP_STORED) -> Path:
    """Write an archive with the architecture, and weights of no layer."""
    import h5py

    with h5py.File(path.with_suffix(".h5"), "w"):
        pass
    with zipfile.ZipFile(path, "w", compression) as made:
        made.writestr("config.json", config if isinstance(config, (str, bytes)) else json.dumps(config))
        made.writestr(zipfile.ZipInfo("model.weights.h5"), path.with_suffix(".h5").read_bytes())
    path.with_suffix(".h5").unlink()
    return path


def test_own_classes_and_functions_are_passed(tmp_path: Path) -> None:
    function = {"module": "builtins", "class_name": "function", "config": "double", "registered_name": "function"}
    own = layer("Own", "__main__", "mine>Own", factor=3.0, name="own")
    path = archive(tmp_path / "m.keras", stack(own, layer("Activation", activation=function)))
    x = np.ones((1, 2))
    for custom in ({"Own": Own, "double": double}, {"mine>Own": Own, "double": double}):
        assert tl.load_model(path, custom).predict(x, verbose=0).tolist() == [[6.0, 6.0]]
    with pytest.raises(
        SavedFileError, match=r"known here, received '__main__.Own'; if it is your own, pass custom_obj"
    ):
        tl.load_model(path, {"double": double})
    with pytest.raises(SavedFileError, match=r"known here, received 'builtins.double'; if it is your own, pass custom"):
        tl.load_model(path, {"Own": Own})


def test_arguments_that_are_switched_off_are_left_out(tmp_path: Path) -> None:
    policy = layer("DTypePolicy", "keras", name="float64")
    config = layer("Flatten", dtype=policy, data_format="channels_last", new=None, other=False, other_rate=0.5)
    call = {"args": [tensor("x", 0, 0)], "kwargs": {"mask": None, "training": True}}
    tupled = layer("Permute", dims={"class_name": "__tuple__", "items": [1]})
    model = tl.load_model(archive(tmp_path / "m.keras", stack(config, tupled, trainable=False)))
    assert (model.layers[0].dtype, model.layers[0]._trainable, model.layers[1].dims) == (tl.float64, False, (1,))
    assert tl.load_model(archive(tmp_path / "n.keras", graph(call))).output_shape == (None, 2)


def test_weights_that_do_not_fit_are_named(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    tl.Sequential([tl.Input((2,)), Dense(3, name="d")], name="m").save(path)
    with zipfile.ZipFile(path) as made:
        config, weights = json.loads(made.read("config.json")), made.read("model.weights.h5")
    cases: list[tuple[Callable[[Any], Any], str]] = [
        (
            lambda layers: layers[1]["config"].update(units=10**6),
            "an array for the weight 'd/kernel', float32 of shape (2, 1000000)",
        ),
        (lambda layers: layers[1]["config"].update(use_bias=False), "left over: 'layers/dense/vars/1'"),
        (lambda layers: layers.append(layers[1]), "a second 'd'"),
    ]
    for change, said in cases:
        changed = json.loads(json.dumps(config))
        change(changed["config"]["layers"])
        with zipfile.ZipFile(path, "w") as made:
            made.writestr("config.json", json.dumps(changed))
            made.writestr("model.weights.h5", weights)
        with pytest.raises(SavedFileError) as caught:
            tl.load_model(path)
        assert said in str(caught.value)


HERE = {"args": [tensor("x", 0, 0)], "kwargs": {}}
HOSTILE: dict[str, tuple[Any, str]] = {
    "no JSON": ("{", "expected JSON, received what raises"),
    "deep JSON": ("[" * 5000, "at most 250 levels"),
    "a list": ([], "a class_name and a config, received []"),
    "no config": ({"class_name": "Dense"}, "a class_name and a config, received {'class_name': 'Dense'}"),
    "a layer": (layer("Flatten"), "expected a model, received <Flatten"),
    "an unknown layer": (stack(layer("LSTM", units=2)), "layers that tensorlab has, received 'keras.layers.LSTM'"),
    "an operation": (stack(layer("Add", "keras.src.ops.numpy")), "received 'keras.src.ops.numpy.Add'"),
    "an own layer of a known name": (stack(layer("Dense", "os", "a>Dense")), "known here, received 'os.Dense'"),
    "no module": (stack(layer("Dense", None)), "known here, received 'None.Dense'"),
    "a callback": (stack(layer("EarlyStopping", "keras.callbacks")), "received 'keras.callbacks.EarlyStopping'"),
    "another argument": (
        stack(layer("Dense", units=1, lora_rank=4, name="d")),
        "Dense 'd': expected arguments that tensorlab has, received the argument lora_rank=4",
    ),
    "an unknown initializer": (
        stack(layer("Dense", units=1, kernel_initializer=layer("Best", "keras.initializers"))),
        "initializers that tensorlab has, received 'keras.initializers.Best'",
    ),
    "an unknown constraint": (
        stack(layer("Dense", units=1, kernel_constraint=layer("Best", "keras.constraints"))),
        "'Best'",
    ),
    "no layers": (layer("Sequential", "keras", layers=3), "a list of layers, received 3"),
    "no calls": (graph({}), "args and kwargs of a call, received {}"),
    "a cycle": (
        graph({"args": [tensor("y", 0, 0)], "kwargs": {}}),
        "calls that begin with an Input, received those of",
    ),
    "a history of none": (graph({"args": [tensor()], "kwargs": {}}), "expected"),
    "no ends": (graph(HERE, output_layers=None), "the name of a layer, a call and a result"),
    "units of gigabytes": (stack(layer("Dense", units=10**9, name="d")), "an array for the weight 'd/kernel'"),
    "a long sample": (stack(layer("RepeatVector", n=10**9), layer("Flatten")), "samples of at most 16,777,216"),
    "a policy of none": (stack(layer("Flatten", dtype=layer("DTypePolicy", "keras", name="int4"))), "int4"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_archives_are_refused(case: str, tmp_path: Path) -> None:
    config, said = HOSTILE[case]
    path = archive(tmp_path / "m.keras", config)
    with pytest.raises(SavedFileError) as caught:
        tl.load_model(path)
    assert str(caught.value).startswith(f"load_model {str(path)!r}")
    assert said in str(caught.value)


def test_archives_that_are_none_are_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "m.keras", b" " * (1 << 28), zipfile.ZIP_DEFLATED)
    with pytest.raises(SavedFileError, match="JSON of at most 16,777,216 bytes, received 16,777,217"):
        tl.load_model(path)
    with zipfile.ZipFile(path) as made:
        weights = made.read("model.weights.h5")
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("model.weights.h5", weights)
    with pytest.raises(SavedFileError, match=r"an archive with config.json, received none"):
        tl.load_model(path)
    path.write_bytes(b"")
    with pytest.raises(SavedFileError, match="the file is damaged, or not of Keras 3"):
        tl.load_model(path)
    with pytest.raises(FileAccessError, match="No such file"):
        tl.load_model(tmp_path / "no" / "m.keras")
