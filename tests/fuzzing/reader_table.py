"""Every reader of files and data that may come from others, with files that it accepts and ways to change them."""

from __future__ import annotations

import _ctypes
import hashlib
import io
import json
import os
import random
import shutil
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import mutations
import numpy as np
from mnist_samples import GZIPPED, NPZ, PLAIN, SMALL_PARTS
from saving_cases import MAKES, data, make_plain, make_random, trained

import tensorlab as tl
from tensorlab import layers, metrics, serialization
from tensorlab.datasets import _mnist_files as mnist_files
from tensorlab.datasets import idx
from tensorlab.errors import SavedFileError, TensorlabError
from tensorlab.kernels.runtime import cache, shipped
from tensorlab.kernels.runtime.native import Native
from tensorlab.loading import Loading
from tensorlab.saving import plain
from tensorlab.saving.model import _reading
from tensorlab.scalars.data import from_data, to_data


class Reader(NamedTuple):
    """A reader: the name of the file that it is given, files, their change, and what reads one.

    ``read`` raises `TensorlabError` for a file that it refuses.
    """

    name: str
    samples: list[bytes]
    change: mutations.Change
    read: Callable[[Path], Any]


def idx_reader() -> Reader:
    samples = [idx.dumps(np.arange(24, dtype=dtype).reshape(2, 3, 4)) for dtype in ("u1", "i1", "i2", "i4", "f4", "f8")]
    return Reader("a.idx", samples, mutations.idx_changed, lambda path: idx.loads(path.read_bytes(), str(path)))


def _of_mnist(name: str, samples: Iterable[bytes], change: mutations.Change, read: Callable[..., Any]) -> Reader:
    def run(path: Path) -> Any:
        with mock.patch.object(mnist_files, "PARTS", SMALL_PARTS):
            return read(path.read_bytes(), str(path))

    return Reader(name, list(samples), change, run)


def gzip_reader() -> Reader:
    part = SMALL_PARTS[0]
    return _of_mnist(
        "a.gz", [GZIPPED[f"{part.file}.gz"]], mutations.gzip_changed, lambda *given: mnist_files.from_idx(part, *given)
    )


def npz_reader() -> Reader:
    return _of_mnist("a.npz", [NPZ], mutations.zip_changed(mutations.bytes_changed), mnist_files.from_npz)


def mnist_reader() -> Reader:
    """The folder of MNIST, one of whose files has changed."""
    name = SMALL_PARTS[2].file
    folder = Path(tempfile.mkdtemp())
    for other, content in PLAIN.items():
        (folder / other).write_bytes(content)

    def read(path: Path) -> Any:
        shutil.copyfile(path, folder / name)
        with mock.patch.object(mnist_files, "PARTS", SMALL_PARTS):
            return tl.datasets.mnist.load_data(folder)

    return Reader(name, [PLAIN[name]], mutations.idx_changed, read)


def _saved(*models: Any, weights: bool = False) -> list[bytes]:
    found = []
    for model in models:
        path = Path(tempfile.mkdtemp()) / "model.tensorlab"
        (model.save_weights if weights else model.save)(path)
        found.append(path.read_bytes())
    return found


def _of_images() -> Any:
    model = tl.Sequential(
        [
            tl.Input((6, 6, 1)),
            layers.ZeroPadding2D(1),
            layers.Conv2D(2, 3, activation="relu"),
            layers.UpSampling2D(2, interpolation="bilinear"),
            layers.AveragePooling2D(2, padding="same"),
            layers.SeparableConv2D(2, 3, depth_multiplier=2),
            layers.Conv2DTranspose(1, 2),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.RepeatVector(2),
            layers.LayerNormalization(),
            layers.GlobalAveragePooling1D(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", metrics=[metrics.AUC(num_thresholds=5), metrics.BinaryIoU([0])])
    return model


def _of_words() -> Any:
    return tl.Sequential([tl.Input((3,), dtype="int64"), layers.Embedding(5, 2), layers.Flatten(), layers.Dense(1)])


def models_reader() -> Reader:
    models = [trained(make, 1) for make in MAKES.values() if make.__name__ != "make_tied"]
    samples = _saved(*models, _of_images(), _of_words())
    return Reader(
        "a.tensorlab", samples, mutations.saved_changed, lambda path: tl.load_model(path, restore_random_state=True)
    )


def arrays_reader() -> Reader:
    samples = _saved(trained(make_random, 1)) + _saved(trained(make_plain, 1), weights=True)
    return Reader("a.tensorlab", samples, mutations.saved_changed, tl.saving.read_weights)


def _into(model: Any) -> Callable[[Path], Any]:
    """Return a function that loads weights into a model, and checks that a file that it refuses changes none."""

    def read(path: Path) -> None:
        before = [weight.tobytes() for weight in model.get_weights()]
        try:
            model.load_weights(path)
        except TensorlabError:
            assert before == [weight.tobytes() for weight in model.get_weights()]
            raise

    return read


def weights_reader() -> Reader:
    model = trained(make_random, 1)
    return Reader("a.tensorlab", _saved(model, weights=True), mutations.saved_changed, _into(model))


def checkpoints_reader() -> Reader:
    """A folder of checkpoints, whose newest has changed. The run that goes on from it writes a file of its own only."""
    folder, own = Path(tempfile.mkdtemp()), Path(tempfile.mkdtemp())
    x, y = data(8)

    def fit(**options: Any) -> None:
        callbacks = [tl.callbacks.CSVLogger(own / "log.csv"), tl.callbacks.EarlyStopping("loss", patience=9)]
        make_random().fit(x, y, batch_size=8, verbose=0, callbacks=callbacks, checkpoint=folder, **options)

    fit()
    samples = [path.read_bytes() for path in folder.glob("epoch*")]

    def read(path: Path) -> None:
        for other in folder.iterdir():
            other.unlink()
        shutil.copyfile(path, folder / "epoch-00001-step-00000000.tensorlab")
        fit(epochs=2)

    return Reader("a.tensorlab", samples, mutations.saved_changed, read)


def _keras_model() -> Any:
    return tl.Sequential([tl.Input((4,)), layers.Dense(3), layers.BatchNormalization(), layers.Dense(1)])


def hdf5_reader() -> Reader:
    path = Path(tempfile.mkdtemp()) / "a.weights.h5"
    _keras_model().save_weights(path)
    return Reader("a.weights.h5", [path.read_bytes()], mutations.bytes_changed, _into(_keras_model()))


def keras_reader() -> Reader:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", hdf5_reader().samples[0])
    change = mutations.zip_changed(mutations.bytes_changed)
    return Reader("a.keras", [made.getvalue()], change, _into(_keras_model()))


def keras_models_reader() -> Reader:
    """The architecture in archives, most often of those that Keras has written."""
    samples = [(Path(__file__).parents[1] / "data" / "keras_model.keras").read_bytes()]
    for model in (_keras_model(), _of_images(), _of_words()):
        path = Path(tempfile.mkdtemp()) / "a.keras"
        model.save(path)
        samples.append(path.read_bytes())
    return Reader("a.keras", samples, mutations.member_changed("config.json", mutations.json_changed), tl.load_model)


def _scalars() -> list[Any]:
    found = [tl.relu.scalar, tl.tanh.scalar, tl.activations.get("gelu").scalar, tl.sigmoid.scalar]
    return [json.dumps(to_data(each)).encode() for each in found] + [
        json.dumps(to_data(tl.activations.Activation(make).scalar)).encode() for make in (_looping, _branching)
    ]


def _looping(x: float) -> float:
    for i in range(10, 0, -3):
        x = x * 0.5 + i
    return x


def _branching(x: float, slope: float = 0.25) -> float:
    if x > 0.0 and slope < 3.0:
        return x if x < 6.0 else 6.0 + slope
    return slope * x


def scalars_reader() -> Reader:
    def read(path: Path) -> Any:
        function = from_data(str(path), plain.parsed(str(path), path.read_bytes()))
        return function(*[0.5] * len(function.parameters))

    return Reader("a.json", _scalars(), mutations.json_changed, _refusing(read, ArithmeticError, ValueError))


def _refusing(read: Callable[[Path], Any], *more: type[Exception]) -> Callable[[Path], Any]:
    """Return a reader that may raise further exceptions, as Python's arithmetic does."""

    def run(path: Path) -> Any:
        try:
            return read(path)
        except more as error:
            raise SavedFileError("reader", "data", str(error)) from None

    return run


def configs_reader() -> Reader:
    """The configs of models and other objects, as the reader of models makes them."""
    models = [_of_images(), _of_words()]
    shapes = Counter([(tuple(weight.shape), weight.dtype.name) for model in models for weight in model.weights])
    made = [*models, tl.optimizers.Adam(), tl.losses.get("mse"), metrics.AUC(num_thresholds=9)]
    samples = [json.dumps(serialization.serialize(each)).encode() for each in made]

    def read(path: Path) -> Any:
        with _reading(Loading(str(path), shapes=shapes.copy()), []):
            return serialization.deserialize(plain.parsed(str(path), path.read_bytes()))

    return Reader("a.json", samples, mutations.json_changed, read)


def cache_reader() -> Reader:
    """An entry of the kernel cache: any change is found, and one with the right digest is an entry or refused."""
    folder = Path(tempfile.mkdtemp())
    os.environ["TENSORLAB_CACHE_DIR"] = str(folder)
    cache.write("key", Native(bytes(range(256)), ("a", "b")))
    name = cache._path("key")

    def change(choose: random.Random, content: bytes) -> bytes:
        changed = mutations.bytes_changed(choose, content)
        if choose.random() < 0.5:
            return changed
        line = mutations.json_changed(choose, b'{"needs": ["a", "b"]}')
        return hashlib.sha256(name.name.encode() + line + b"\ncode").digest() + line + b"\ncode"

    def read(path: Path) -> None:
        os.environ["TENSORLAB_CACHE_DIR"] = str(folder)
        shutil.copyfile(path, name)
        found = cache.read("key")
        if found is None:
            raise SavedFileError("cache", "an entry", "none")
        assert all(isinstance(each, str) for each in found.needs)

    return Reader("a.kernel", [name.read_bytes()], change, read)


def shipped_reader() -> Reader:
    """The index of shipped kernels, beside some shared library."""
    folder = Path(tempfile.mkdtemp())
    library = Path(_ctypes.__file__).read_bytes()
    (folder / "kernels.so").write_bytes(library)
    index = {**shipped.conditions(), "sha256": hashlib.sha256(library).hexdigest(), "kernels": ["a", "b"]}

    def read(path: Path) -> None:
        shutil.copyfile(path, folder / shipped.INDEX)
        try:
            shipped._opened(folder)
        except (shipped._UnfitError, *shipped.DAMAGES) as error:
            raise SavedFileError("index", "an index", str(error)) from None

    return Reader("a.json", [json.dumps(index).encode()], mutations.json_changed, read)


READERS: dict[str, Callable[[], Reader]] = {
    "idx": idx_reader,
    "gzip": gzip_reader,
    "npz": npz_reader,
    "mnist folder": mnist_reader,
    "models": models_reader,
    "arrays": arrays_reader,
    "weights": weights_reader,
    "checkpoints": checkpoints_reader,
    "hdf5": hdf5_reader,
    "keras": keras_reader,
    "keras models": keras_models_reader,
    "scalars": scalars_reader,
    "configs": configs_reader,
    "cache": cache_reader,
    "shipped": shipped_reader,
}
"""The readers by name. Each is made in the process that runs it."""
