"""Models that are saved and loaded: the same architecture, bits, optimizer and random state."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from saving_cases import MAKES, Tied, bent, data, make_home_made, make_plain, make_random, make_tied, steps, trained

import tensorlab as tl
from tensorlab.errors import FileAccessError, SavedFileError, StateError
from tensorlab.layers import Dense, Layer

SUPPORT = Path(__file__).parent.parent / "support"
OWN = {"Tied": Tied}


def header_of(path: Path) -> Any:
    with safe_open(path, "numpy") as file:
        return json.loads(file.metadata()["tensorlab"])


@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
def test_loaded_model_continues_with_the_same_bits(make: Any, tmp_path: Path) -> None:
    model, path = trained(make), tmp_path / "model.tensorlab"
    model.save(path)
    again = tl.load_model(path, custom_objects=OWN)
    x = data()[0]
    assert type(again) is type(model)
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert again.optimizer.iterations == model.optimizer.iterations == 6
    assert (again.name, again.metrics_names) == (model.name, model.metrics_names)
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]
    assert [w.name for w in again.trainable_weights] == [w.name for w in model.trainable_weights]
    assert steps(again) == steps(model)


@pytest.mark.parametrize("make", [make_home_made, make_random], ids=["home-made", "random"])
def test_saved_file_is_the_same_after_loading(make: Any, tmp_path: Path) -> None:
    model, path = trained(make), tmp_path / "model.tensorlab"
    model.save(path)
    tl.load_model(path).save(tmp_path / "again.tensorlab")
    assert header_of(tmp_path / "again.tensorlab") == header_of(path)


LOADER = """
import json, sys
import numpy as np
import tensorlab as tl
model = tl.load_model(sys.argv[1])
activation = model.layers[0].activation
print(json.dumps([activation.scalar.key, activation.hyperparameters, model.optimizer.rule.scalar.key]))
x = np.random.default_rng(7).normal(size=(24, 4)).astype("float32")
y = np.load(sys.argv[2])
print(json.dumps(model.predict(x).tolist()))
tl.random.set_seed(5)
history = model.fit(x, y, batch_size=8, epochs=2, verbose=0).history
print(json.dumps([history, *[weight.tolist() for weight in model.get_weights()]]))
assert "saving_cases" not in sys.modules
"""


def test_home_made_functions_travel_with_the_model(tmp_path: Path) -> None:
    """A process that has never seen the author's code computes the same bits."""
    model, path = trained(make_home_made), tmp_path / "model.tensorlab"
    model.save(path)
    np.save(tmp_path / "y.npy", data()[1])
    assert b"def bent" not in path.read_bytes()
    run = subprocess.run(
        [sys.executable, "-c", LOADER, str(path), str(tmp_path / "y.npy")],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(SUPPORT.parents[1])},
    )
    assert run.returncode == 0, run.stderr
    keys, outputs, after = map(json.loads, run.stdout.splitlines())
    activation = model.layers[0].activation
    assert keys == [activation.scalar.key, {"slope": 0.5}, model.optimizer.rule.scalar.key]
    assert outputs == model.predict(data()[0]).tolist()
    assert after == json.loads(json.dumps(steps(model)))


def test_loading_changes_no_random_stream(tmp_path: Path) -> None:
    model, path = trained(make_random), tmp_path / "model.tensorlab"
    model.save(path)
    saved = tl.random.get_state()
    tl.random.set_seed(11)
    before = tl.random.get_state()
    tl.load_model(path)
    assert tl.random.get_state() == before
    tl.load_model(path, restore_random_state=True)
    assert tl.random.get_state() == saved


def test_model_that_is_not_built_or_compiled(tmp_path: Path) -> None:
    path = tmp_path / "model.tensorlab"
    tl.Sequential([Dense(3), Dense(1, activation="tanh")]).save(path)
    again = tl.load_model(path)
    assert (again.built, again.compiled, len(again.layers)) == (False, False, 2)
    assert again.predict(data()[0]).shape == (24, 1)
    make_plain().save(path)
    assert (tl.load_model(path).built, tl.load_model(path).compiled) == (False, True)


def test_options_of_saving_and_loading(tmp_path: Path) -> None:
    model, path = trained(make_random), tmp_path / "model.tensorlab"
    model.save(path, include_optimizer=False)
    assert tl.load_model(path).optimizer.iterations == 0
    assert tl.models.load_model(path, compile=False).compiled is False
    assert not any(name.startswith("optimizers/") for name in safe_open(path, "numpy").keys())  # noqa: SIM118
    with pytest.raises(FileAccessError, match=r"a path that is free, received that of a file; pass overwrite=True$"):
        model.save(path, overwrite=False)
    tl.saving.save_model(model, str(tmp_path / "other.tensorlab"), overwrite=False)


def test_state_beside_the_weights_is_saved(tmp_path: Path) -> None:
    model, path = trained(make_tied), tmp_path / "model.tensorlab"
    model.head.trainable = False
    model.gain.trainable = False
    weights = model.blocks[1]["again"].trainable_weights
    model.extra.apply_gradients([(tl.ones(weight.shape), weight) for weight in weights])
    model.optimizer.learning_rate = 0.125
    model.save(path)
    again = tl.load_model(path, OWN)
    assert (again.head.trainable, again.frozen.trainable, again.gain.trainable) == (False, False, False)
    assert (again.optimizer.learning_rate, again.scale, again.extra.iterations) == (0.125, 0.5, 1)
    for slot, other in zip(again.extra.variables, model.extra.variables, strict=True):
        np.testing.assert_array_equal(slot.numpy(), other.numpy())
    assert again.blocks[0].layers[0] is again.blocks[1]["again"]


class Doubling(Layer):
    """A layer of the user, which no plugin registers."""

    def __init__(self, power: int = 1, matrix: Any = None, limit: float = float("inf")) -> None:
        super().__init__()
        self.power, self.matrix, self.limit = power, matrix, limit

    def call(self, x: tl.Tensor) -> tl.Tensor:
        return tl.minimum(x * 2.0**self.power, self.limit)


def doubled(x: tl.Tensor) -> tl.Tensor:
    return x * 2.0


def test_own_layers_and_functions_of_tensors_are_passed(tmp_path: Path) -> None:
    path, matrix = tmp_path / "model.tensorlab", np.arange(6.0).reshape(2, 3)
    model = tl.Sequential([Dense(2, activation=doubled), Doubling(3, matrix=matrix)])
    model.build((None, 4))
    model.save(path)
    again = tl.load_model(path, {"doubled": doubled, "Doubling": Doubling})
    assert (again.layers[0].activation, again.layers[1].power, again.layers[1].limit) == (doubled, 3, float("inf"))
    np.testing.assert_array_equal(again.layers[1].matrix, matrix)
    with pytest.raises(SavedFileError) as caught:
        tl.load_model(path, {"Doubling": Doubling})
    assert str(caught.value) == (
        f"load_model {str(path)!r}: expected functions and classes that are known here, received 'doubled', the user's "
        "own; pass custom_objects={'doubled': ...}"
    )
    with pytest.raises(SavedFileError, match=r": layer: expected the name of a registered layer, received 'Doubling'"):
        tl.load_model(path, {"doubled": doubled})
    assert list(tl.saving.read_weights(path)) == ["dense/kernel", "dense/bias"]


def test_lambda_of_tensors_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    model = tl.Sequential([Dense(2), Dense(1, activation=lambda x: x * 2.0)])
    with pytest.raises(SavedFileError) as caught:
        model.save(tmp_path / "model.tensorlab")
    assert str(caught.value).startswith(
        "Sequential 'sequential.save"
        if False
        else f"Sequential {model.name!r}.save: config.layers[1].config.activation: "
        "expected what can be saved, received the function "
    )
    assert "use a Python function of numbers in tl.Activation" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_function_with_an_endless_loop_needs_consent(tmp_path: Path) -> None:
    def growing(x: float) -> float:
        y = 1.0
        while y < x:
            y = y * 2.0
        return y

    path = tmp_path / "model.tensorlab"
    tl.Sequential([Dense(2, activation=tl.Activation(growing, lambda x: 1.0 + 0.0 * x))]).save(path)
    with pytest.raises(SavedFileError, match="allow them with unbounded_loops=True"):
        tl.load_model(path)
    assert tl.load_model(path, unbounded_loops=True).layers[0].activation.scalar(5.0) == 8.0


def test_weights_alone(tmp_path: Path) -> None:
    model, path = trained(make_tied), tmp_path / "weights.tensorlab"
    model.save_weights(path)
    other = make_tied()
    with pytest.raises(StateError, match=r"load_weights: Tied '.*' is not built; call it on data"):
        other.load_weights(path)
    other.build((None, 4))
    other.load_weights(path)
    assert [np.array_equal(a, b) for a, b in zip(other.get_weights(), model.get_weights(), strict=True)] == [True] * 7
    model.save(tmp_path / "model.tensorlab")
    other.set_weights([weight * 0 for weight in model.get_weights()])
    other.load_weights(str(tmp_path / "model.tensorlab"))
    np.testing.assert_array_equal(other.predict(data()[0]), model.predict(data()[0]))
    assert {name: array.shape for name, array in tl.saving.read_weights(path).items()} == {
        name: array.shape for name, array in tl.saving.read_weights(tmp_path / "model.tensorlab").items()
    }
    layer = Dense(1)
    layer.build((None, 4))
    tl.saving.save_weights(layer, tmp_path / "layer.tensorlab")
    assert list(tl.saving.read_weights(tmp_path / "layer.tensorlab")) == ["bias", "kernel"]
    with pytest.raises(SavedFileError, match=r"a model file, received a file of kind 'weights'; files of save_weights"):
        tl.load_model(path)


def test_names_in_files_do_not_depend_on_automatic_names(tmp_path: Path) -> None:
    first, second = make_plain(), make_plain()
    for model in (first, second):
        model.build((None, 4))
    assert first.weights[0].name != second.weights[0].name
    first.save_weights(tmp_path / "weights.tensorlab")
    second.load_weights(tmp_path / "weights.tensorlab")
    assert [np.array_equal(a, b) for a, b in zip(first.get_weights(), second.get_weights(), strict=True)] == [True] * 4


def test_weights_that_do_not_fit_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "weights.tensorlab"
    small = tl.Sequential([tl.Input((4,)), Dense(3), Dense(1, use_bias=False)])
    small.save_weights(path)
    model = tl.Sequential([tl.Input((4,)), Dense(3, dtype="float64"), Dense(2), Dense(5)])
    before = model.get_weights()
    with pytest.raises(SavedFileError) as caught:
        model.load_weights(path)
    assert str(caught.value) == (
        f"Sequential {model.name!r}.load_weights {str(path)!r}: expected the weights of Sequential {model.name!r}, "
        "received missing: 'dense_1/bias', 'dense_2/kernel', 'dense_2/bias'; 'dense/kernel' is float32 of shape "
        "(4, 3), not float64 of shape (4, 3); 'dense/bias' is float32 of shape (3,), not float64 of shape (3,); "
        "'dense_1/kernel' is float32 of shape (3, 1), not float32 of shape (3, 2)"
    )
    assert [np.array_equal(a, b) for a, b in zip(model.get_weights(), before, strict=True)] == [True] * 6
    with pytest.raises(SavedFileError, match=r"received left over: 'dense_1/kernel'$"):
        tl.Sequential([tl.Input((4,)), Dense(3)]).load_weights(path)
    partial = tl.Sequential([tl.Input((4,)), Dense(3), Dense(2)])
    with pytest.warns(
        tl.errors.SavedFileWarning, match="skipped weights: missing: 'dense_1/bias'; 'dense_1/kernel' is"
    ):
        partial.load_weights(path, skip_mismatch=True)
    np.testing.assert_array_equal(partial.get_weights()[0], small.get_weights()[0])


def test_saved_activation_is_registered_by_nobody(tmp_path: Path) -> None:
    path = tmp_path / "model.tensorlab"
    activation = tl.Activation(bent)
    tl.Sequential([Dense(2, activation=activation)]).save(path)
    loaded = tl.load_model(path).layers[0].activation
    assert loaded is not activation
    assert loaded.scalar.key == activation.scalar.key
    assert loaded.from_config({"slope": 0.75}).hyperparameters == {"slope": 0.75}
