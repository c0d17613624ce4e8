"""Weights of Keras 3: ``data/keras.weights.h5`` was written by Keras 3.15.1, and `OUTPUTS` are its outputs.

Whether Keras reads what tensorlab writes is checked with Keras itself where it is installed.
"""

from __future__ import annotations

import builtins
import contextlib
import os
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import FileAccessError, SavedFileError, SavedFileWarning, StateError
from tensorlab.layers import BatchNormalization, Dense, Dropout

h5py = pytest.importorskip("h5py")

SAVED = Path(__file__).parent.parent / "data" / "keras.weights.h5"
X = np.arange(12.0).reshape(3, 4)
OUTPUTS = [[13.922545433044434], [40.90936279296875], [67.89618682861328]]


def make(units: int = 3) -> Any:
    inner = tl.Sequential([Dense(2), Dense(2, use_bias=False)])
    layers = [Dense(units, activation="relu"), BatchNormalization(), Dropout(0.2), inner, Dense(1)]
    return tl.Sequential([tl.Input((4,)), *layers])


def archive(path: Path, data: bytes, compression: int = zipfile.ZIP_STORED, name: str = "model.weights.h5") -> Path:
    with zipfile.ZipFile(path, "w", compression) as made:
        made.writestr("config.json", "{}")
        made.writestr(name, data)
    return path


def test_weights_of_keras_are_read(tmp_path: Path) -> None:
    for path in (SAVED, archive(tmp_path / "model.keras", SAVED.read_bytes())):
        model = make()
        model.load_weights(path)
        np.testing.assert_allclose(model.predict(X), OUTPUTS, rtol=1e-5)


def test_written_weights_have_the_names_and_values_of_keras(tmp_path: Path) -> None:
    model = make()
    model.load_weights(SAVED)
    model.save_weights(tmp_path / "again.weights.h5")
    found: dict[str, Any] = {}
    for file in (SAVED, tmp_path / "again.weights.h5"):
        with h5py.File(file) as opened:
            opened.visititems(
                lambda name, item, file=file: found.setdefault(file, {}).update(
                    {name: item[()].tolist()} if isinstance(item, h5py.Dataset) else {}
                )
            )
    assert found[SAVED] == found[tmp_path / "again.weights.h5"]
    assert "layers/sequential/layers/dense_1/vars/0" in found[SAVED]
    other = make()
    other.load_weights(tmp_path / "again.weights.h5")
    assert all(map(np.array_equal, other.get_weights(), model.get_weights()))


READER = """
import sys
import numpy as np
import keras
layers = [keras.layers.Dense(3, activation="relu"), keras.layers.BatchNormalization(), keras.layers.Dropout(0.2)]
inner = keras.Sequential([keras.layers.Dense(2), keras.layers.Dense(2, use_bias=False)])
model = keras.Sequential([keras.Input((4,)), *layers, inner, keras.layers.Dense(1)])
model.load_weights(sys.argv[1])
print(model.predict(np.arange(12.0).reshape(3, 4), verbose=0).ravel().tolist())
"""


def test_keras_reads_what_is_written(tmp_path: Path) -> None:
    python = os.environ.get("TENSORLAB_KERAS_PYTHON", sys.executable)
    if subprocess.run([python, "-c", "import keras"], capture_output=True).returncode:
        pytest.skip("Keras is not installed; set TENSORLAB_KERAS_PYTHON to a Python that has it")
    model = make()
    model.set_weights([np.random.default_rng(1).uniform(0.2, 1.0, w.shape) for w in model.get_weights()])
    model.save_weights(tmp_path / "w.weights.h5")
    command = [python, "-c", READER, str(tmp_path / "w.weights.h5")]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    outputs = [float(number) for number in run.stdout.splitlines()[-1].strip("[]").split(",")]
    np.testing.assert_allclose(outputs, model.predict(X).ravel(), rtol=1e-5)


class Branched(tl.Model):
    """A model whose layers are in attributes and lists."""

    def __init__(self) -> None:
        super().__init__()
        self.first = Dense(3)
        self.blocks = [Dense(2), Dense(2)]

    def call(self, x: tl.Tensor) -> tl.Tensor:
        return self.blocks[1](self.blocks[0](self.first(x)))


def test_layers_in_attributes_have_their_names(tmp_path: Path) -> None:
    model = Branched()
    model(X)
    model.save_weights(tmp_path / "w.weights.h5")
    with h5py.File(tmp_path / "w.weights.h5") as file:
        assert file["first/vars/0"].shape == (4, 3)
        assert file["blocks/dense_1/vars/1"].shape == (2,)
    before = model.get_weights()
    model.set_weights([weight * 0 for weight in before])
    model.load_weights(tmp_path / "w.weights.h5")
    assert all(map(np.array_equal, before, model.get_weights()))
    model.blocks = {"a": model.blocks[0]}  # type: ignore[assignment]
    with pytest.raises(StateError, match=r"files of Keras have no names for Dense 'dense"):
        model.save_weights(tmp_path / "w.weights.h5")


def test_weights_that_do_not_fit_are_listed() -> None:
    model = make(units=5)
    before = model.get_weights()
    with pytest.raises(SavedFileError, match=r"'layers/dense/vars/0' is float32 of shape \(4, 3\), not float32"):
        model.load_weights(SAVED)
    assert all(map(np.array_equal, before, model.get_weights()))
    short = tl.Sequential([tl.Input((4,)), Dense(3), Dense(7)])
    with pytest.raises(SavedFileError, match=r"left over: 'layers/.*; 'layers/dense_1/vars/0' is float32"):
        short.load_weights(SAVED)
    with pytest.warns(SavedFileWarning, match="skipped weights"):
        short.load_weights(SAVED, skip_mismatch=True)
    with h5py.File(SAVED) as file:
        np.testing.assert_array_equal(short.get_weights()[0], file["layers/dense/vars/0"][()])


def hostile(path: Path, kind: str) -> Path:
    """Write a file whose first weight is not in it, or promises more than there is."""
    path.write_bytes(SAVED.read_bytes())
    name = "layers/dense/vars/0"
    with h5py.File(path, "a") as file:
        del file[name]
        if kind == "external link":
            file[name] = h5py.ExternalLink(str(SAVED), name)
        elif kind == "soft link":
            file[name] = h5py.SoftLink("/layers/dense_1/vars/0")
        elif kind == "external storage":
            file.create_dataset(name, (4, 3), "float32", external=[("/etc/passwd", 0, 48)])
        elif kind == "virtual":
            layout = h5py.VirtualLayout((4, 3), "float32")
            layout[:] = h5py.VirtualSource(str(SAVED), name, (4, 3))
            file.create_virtual_dataset(name, layout)
        elif kind == "terabytes":
            file.create_dataset(name, (1 << 20, 1 << 22), "float32", chunks=(1024, 1024))
        elif kind == "strings":
            file.create_dataset(name, data=["a", "b"])
        elif kind == "cycle":
            file[name] = file["layers"]
        elif kind == "many cycles":  # each group can be reached by 2¹⁰⁰ paths
            file["layers/a"] = file["layers/b"] = file["layers"]
        elif kind == "twice":
            file[name] = file["layers/dense_1/vars/1"]
    return path


KINDS = [
    "external link",
    "soft link",
    "external storage",
    "virtual",
    "terabytes",
    "strings",
    "cycle",
    "many cycles",
    "twice",
]


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_files_are_refused(kind: str, tmp_path: Path) -> None:
    model = make()
    before = model.get_weights()
    with pytest.raises(SavedFileError):
        model.load_weights(hostile(tmp_path / "bad.weights.h5", kind))
    assert all(map(np.array_equal, before, model.get_weights()))


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    data, model = SAVED.read_bytes(), make()
    for damaged in (b"", data[:100], data[: len(data) // 2], os.urandom(1000)):
        path = tmp_path / "bad.weights.h5"
        path.write_bytes(damaged)
        with pytest.raises(SavedFileError, match="expected a file of Keras 3, received what raises"):
            model.load_weights(path)
        for name in ("bad.keras", "worse.keras"):
            (tmp_path / name).write_bytes(damaged) if name == "bad.keras" else archive(tmp_path / name, damaged)
            with pytest.raises(SavedFileError):
                model.load_weights(tmp_path / name)
    with pytest.raises(SavedFileError, match=r"an archive with model.weights.h5, received none"):
        model.load_weights(archive(tmp_path / "other.keras", data, name="../../model.weights.h5"))
    with pytest.raises(SavedFileError, match=r"model.weights.h5 without compression, received 100,000,000 bytes"):
        model.load_weights(archive(tmp_path / "bomb.keras", bytes(100_000_000), zipfile.ZIP_DEFLATED))


def test_archive_that_promises_more_than_it_has_takes_no_memory(tmp_path: Path) -> None:
    path = archive(tmp_path / "long.keras", SAVED.read_bytes())
    content, model = bytearray(path.read_bytes()), make()
    entry = content.rindex(b"PK\x01\x02")  # the last one in the directory
    content[entry + 20 : entry + 24] = (2_000_000_000).to_bytes(4, "little")  # its size in the archive
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with contextlib.suppress(SavedFileError):  # zipfile ignores this size in some versions of Python
            model.load_weights(path)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_other_uses_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make()
    with pytest.raises(FileAccessError, match=r"an ending of Keras; Keras reads models from 'name.keras', and weights"):
        model.save(tmp_path / "model.h5")
    with pytest.raises(FileAccessError, match=r"an ending of Keras; make the model, and call load_w"):
        tl.load_model(SAVED)
    with pytest.raises(FileAccessError, match=r"a name that ends in .weights.h5"):
        model.save_weights(tmp_path / "model.keras")
    with pytest.raises(FileAccessError, match=r"No such file or directory"):
        model.load_weights(tmp_path / "nowhere.weights.h5")
    importing = builtins.__import__

    def missing(name: str, *arguments: Any, **named: Any) -> Any:
        if name == "h5py":
            raise ImportError(name)
        return importing(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", missing)
    for use in (model.load_weights, model.save_weights, lambda path: model.save(tmp_path / "m.keras")):
        with pytest.raises(FileAccessError, match=r"for files of Keras, received none; pip install h5py"):
            use(tmp_path / "w.weights.h5")
    assert list(tmp_path.iterdir()) == []
