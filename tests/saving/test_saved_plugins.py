"""Models of plugins: what the file records, a plugin that is missing, and one that has changed."""

from __future__ import annotations

import json
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open

import tensorlab as tl
from tensorlab.errors import SavedFileError, SavedFileWarning
from tensorlab.layers import Dense, Layer
from tensorlab.saving import origins

pytestmark = pytest.mark.usefixtures("plugins_restored")


class Tripled(Layer):
    def __init__(self, offset: float = 0.0) -> None:
        super().__init__()
        self.offset = offset

    def call(self, x: tl.Tensor) -> tl.Tensor:
        return x * 3.0 + self.offset


def register(scale: float = 2.0, module: str | None = None) -> None:
    """Register a layer, an activation and an initializer, as the plugin "acme-parts"."""

    class Parts:
        __version__ = "1.5"

        @tl.hookimpl
        def tensorlab_register_layers(self) -> Any:
            return {"Tripled": Tripled}

        @tl.hookimpl
        def tensorlab_register_activations(self) -> Any:
            return {"scaled": tl.Activation(lambda x: x * scale)}

    tl.plugins.register(Parts(), name="acme-parts")


def save(path: Path) -> Any:
    register()
    model = tl.Sequential([tl.Input((3,)), Dense(2, activation="scaled"), Tripled(offset=0.5)])
    model.save(path)
    return model


def test_plugins_are_recorded_and_looked_up(tmp_path: Path) -> None:
    path = tmp_path / "model.tensorlab"
    model = save(path)
    again = tl.load_model(path)
    x = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert again.layers[1].offset == 0.5
    recorded = json.loads(safe_open(path, "numpy").metadata()["tensorlab"])["plugins"]
    assert [(each["kind"], each["name"], each["distribution"], each["version"]) for each in recorded] == [
        ("activation", "scaled", "acme-parts", "1.5"),
        ("layer", "Tripled", "acme-parts", "1.5"),
    ]
    assert recorded[0]["source"] == tl.activations.get("scaled").scalar.key  # type: ignore[attr-defined]
    assert [each["installed"] for each in recorded] == [False, False]


def test_missing_plugin_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "model.tensorlab"
    save(path)
    tl.plugins.unregister("acme-parts")
    with pytest.raises(SavedFileError) as caught:
        tl.load_model(path)
    assert str(caught.value) == (
        f"load_model {str(path)!r}: expected the plugins of the model, received none that registers the activation "
        "'scaled' of acme-parts 1.5, the layer 'Tripled' of acme-parts 1.5; register it first, with "
        "tl.plugins.register (it was registered as 'acme-parts'); or read the arrays alone with "
        "tl.saving.read_weights(path)"
    )
    assert [array.shape for array in tl.saving.read_weights(path).values()] == [(3, 2), (2,)]
    other = tl.Sequential([tl.Input((3,)), Dense(2)])
    other.load_weights(path)


def test_missing_distribution_is_named_with_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.tensorlab"
    monkeypatch.setattr(origins, "_is_installed", lambda distribution: True)
    save(path)
    tl.plugins.unregister("acme-parts")
    with pytest.raises(SavedFileError, match=r"; pip install acme-parts; or read the arrays alone with tl.saving"):
        tl.load_model(path)


@pytest.mark.parametrize("name", ["--index-url=x y", "a; rm -rf b", "$(id)"])
def test_command_contains_names_of_distributions_only(name: str) -> None:
    origin = {"kind": "layer", "name": "None", "distribution": name, "version": "", "source": None, "installed": True}
    error = origins.missing_plugin("file", origins.checked_origins("file", [origin]))
    assert error is not None
    assert error.hint == "install the plugin; or read the arrays alone with tl.saving.read_weights(path)"


def test_installed_distributions_are_recognized() -> None:
    assert origins._is_installed("tensorlab")
    assert origins._is_installed("NumPy")
    assert not origins._is_installed("acme-parts")
    assert not origins._is_installed("")


def test_plugin_that_has_changed_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.tensorlab"
    save(path)
    register(scale=4.0)
    with pytest.warns(SavedFileWarning) as caught:
        tl.load_model(path)
    assert [str(each.message) for each in caught] == [
        f"load_model {str(path)!r}: the activation 'scaled' of acme-parts 1.5 has changed since the file was saved, "
        "and is now that of acme-parts 1.5; compare the results, and save the model again"
    ]
    register()
    tl.load_model(path)
    other = tmp_path / "other.py"
    other.write_text("# another version\n")
    monkeypatch.setitem(origins.sys.modules, Tripled.__module__, types.SimpleNamespace(__file__=str(other)))
    with pytest.warns(SavedFileWarning, match="the layer 'Tripled' of acme-parts 1.5 has changed"):
        tl.load_model(path)


def test_names_of_layers_are_no_plugins(tmp_path: Path) -> None:
    """A text that is also a name of a plugin is recorded, but not needed."""
    path = tmp_path / "model.tensorlab"
    register()
    tl.Sequential([tl.Input((3,)), Dense(2, name="scaled")]).save(path)
    tl.plugins.unregister("acme-parts")
    assert tl.load_model(path).layers[0].name == "scaled"
