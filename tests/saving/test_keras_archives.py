"""``.keras`` archives of models: what is in them, and that Keras computes the same with them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saved_layer_cases import LAYERS, built_of, inputs_of

import tensorlab as tl
from tensorlab.errors import SavedFileError, StateError
from tensorlab.layers import BatchNormalization, Dense, Dropout

pytest.importorskip("h5py")


def make() -> Any:
    first = Dense(
        3, "relu", kernel_initializer=tl.initializers.HeNormal(3), kernel_regularizer="l2", kernel_constraint="max_norm"
    )
    inner = tl.Sequential([Dense(2, activation="tanh"), Dense(2, use_bias=False, trainable=False)], name="inner")
    layers = [tl.Input((4,)), first, BatchNormalization(), Dropout(0.2, seed=tl.random.SeedGenerator(1)), inner]
    return tl.Sequential([*layers, Dense(1, name="last")], name="outer")


def test_archive_has_the_architecture_in_the_words_of_keras(tmp_path: Path) -> None:
    path, model = tmp_path / "model.keras", make()
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
        assert {each.compress_type for each in archive.infolist()} == {zipfile.ZIP_STORED}
        assert set(json.loads(archive.read("metadata.json"))) == {"keras_version", "date_saved", "tensorlab"}
        config = json.loads(archive.read("config.json"))
    assert {name: config[name] for name in ("module", "class_name", "registered_name", "build_config")} == {
        "module": "keras",
        "class_name": "Sequential",
        "registered_name": None,
        "build_config": {"input_shape": [None, 4]},
    }
    layers = config["config"]["layers"]
    assert [(each["module"], each["class_name"]) for each in layers] == [
        ("keras.layers", "InputLayer"),
        ("keras.layers", "Dense"),
        ("keras.layers", "BatchNormalization"),
        ("keras.layers", "Dropout"),
        ("keras", "Sequential"),
        ("keras.layers", "Dense"),
    ]
    assert layers[0]["config"]["batch_shape"] == [None, 4]
    dense = layers[1]["config"]
    assert (dense["units"], dense["activation"], dense["dtype"]) == (3, "relu", "float32")
    assert dense["kernel_initializer"] == {
        "module": "keras.initializers",
        "class_name": "he_normal",
        "config": {"seed": 3},
        "registered_name": None,
    }
    assert layers[3]["config"]["seed"] is None
    assert [each["config"].get("trainable", True) for each in layers[4]["config"]["layers"]] == [True, False]
    again = make()
    again.load_weights(path)
    assert all(map(np.array_equal, again.get_weights(), model.get_weights()))


def functional() -> Any:
    """Return a model with a shared layer, a nested model, two inputs, and a dict of outputs."""
    a, b = tl.Input((4,), name="a"), tl.Input((3,), name="b")
    shared = Dense(3, activation="tanh", name="shared")
    added = tl.layers.Add(name="add")([shared(a), b])
    joined = tl.layers.Concatenate()([added, shared(a)])
    kept = Dropout(0.25, name="dropout")(joined, training=False)
    hidden = tl.Input((6,))
    inner = tl.Model(hidden, [Dense(2)(hidden), Dense(1)(hidden)], name="inner")
    first, second = inner(kept)
    last = tl.Sequential([tl.Input((2,)), Dense(2)], name="row")(first)
    return tl.Model(
        [a, b],
        {"first": last, "second": tl.layers.Multiply(name="multiply")([second, second]), "sum": added},
        name="net",
    )


def test_graph_is_written_with_its_calls(tmp_path: Path) -> None:
    path, model = tmp_path / "model.keras", functional()
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    assert (config["module"], config["class_name"]) == ("keras.src.models.functional", "Functional")
    layers = {each["name"]: each for each in config["config"]["layers"]}
    tensor = {"shape": [None, 4], "dtype": "float32", "keras_history": ["a", 0, 0]}
    call = {"args": [{"class_name": "__keras_tensor__", "config": tensor}], "kwargs": {}}
    assert layers["shared"]["inbound_nodes"] == [call, call]
    assert [each["kwargs"] for each in layers["dropout"]["inbound_nodes"]] == [{"training": False}]
    assert config["config"]["input_layers"] == [["a", 0, 0], ["b", 0, 0]]
    assert config["config"]["output_layers"] == {
        "first": ["row", 0, 0],
        "second": ["multiply", 0, 0],
        "sum": ["add", 0, 0],
    }
    again = functional()
    again.load_weights(path)
    assert all(map(np.array_equal, again.get_weights(), model.get_weights()))


class Own(tl.layers.Layer):
    def call(self, x: tl.Tensor) -> tl.Tensor:
        return x


def test_what_keras_does_not_have_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    own = Own(name="own")
    cases: list[tuple[Any, type[Exception], str]] = [
        (
            tl.Sequential([Dense(1)], name="m"),
            StateError,
            "Sequential 'm' is not built; call it on data, or call build",
        ),
        (
            tl.Sequential([tl.Input((2,)), own], name="m"),
            SavedFileError,
            "layers that Keras has, received Own 'own'; save",
        ),
        (
            tl.Sequential([tl.Input((2,)), Dense(1, tl.Activation(lambda x: x * 2.0), name="d")], name="m"),
            SavedFileError,
            "Dense 'd' activation: expected what Keras has, received ",
        ),
        (
            tl.Sequential([tl.Input((2,)), Dense(1, lambda x: x * 2.0, name="d")], name="m"),
            SavedFileError,
            "Dense 'd' activation: expected what Keras has, received <function",
        ),
    ]
    for model, error, said in cases:
        with pytest.raises(error) as caught:
            model.save(path)
        assert said in str(caught.value)
    assert list(tmp_path.iterdir()) == []


READER = """
import sys
from pathlib import Path
import numpy as np
import keras
for path in sorted(Path(sys.argv[1]).glob("*.keras")):
    try:
        model = keras.saving.load_model(path)
        given = np.load(path.with_suffix(".npy"))
        outputs = model([given, given[:, :3]] if path.stem == "functional" else given, training=False)
        if isinstance(outputs, dict):
            outputs = np.concatenate([outputs[name] for name in sorted(outputs)], axis=1)
        np.save(path.with_suffix(".outputs.npy"), keras.ops.convert_to_numpy(outputs))
    except Exception as error:
        print(path.stem, type(error).__name__, str(error)[-500:])
"""


@pytest.mark.usefixtures("reference")
def test_keras_computes_the_same(tmp_path: Path) -> None:
    python = os.environ.get("TENSORLAB_KERAS_PYTHON", sys.executable)
    if subprocess.run([python, "-c", "import keras"], capture_output=True).returncode:
        pytest.skip("Keras is not installed; set TENSORLAB_KERAS_PYTHON to a Python that has it")
    models = {name: built_of(layer) for name, layer in LAYERS.items()}
    models["several"], models["functional"] = make(), functional()
    inputs: dict[str, Any] = {}
    numbers = np.random.default_rng(1)
    for name, model in models.items():
        if model is None:
            continue
        model.set_weights([numbers.uniform(0.2, 1.0, weight.shape) for weight in model.get_weights()])
        inputs[name] = numbers.normal(size=(3, 4)) if name in ("several", "functional") else inputs_of(model)
        model.save(tmp_path / f"{name}.keras")
        np.save(tmp_path / f"{name}.npy", inputs[name].astype("int64" if name == "Embedding" else "float32"))
    assert len(inputs) > 35
    run = subprocess.run([python, "-c", READER, str(tmp_path)], capture_output=True, text=True, timeout=600)
    assert (run.stdout, run.returncode) == ("", 0), run.stderr
    for name, x in inputs.items():
        expected = models[name].predict([x, x[:, :3]] if name == "functional" else x, verbose=0)  # type: ignore[union-attr]
        if isinstance(expected, dict):
            expected = np.concatenate([expected[each] for each in sorted(expected)], axis=1)
        outputs = np.load(tmp_path / f"{name}.outputs.npy")
        np.testing.assert_allclose(outputs, expected, rtol=2e-5, atol=1e-6, err_msg=name)
