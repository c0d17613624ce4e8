"""A few bytes of a file do not make a reader take much time or memory, or write to a path of the file's choice."""

from __future__ import annotations

import copy
import json
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saving_cases import data, make_home_made, make_plain, trained

import tensorlab as tl
from tensorlab import loading
from tensorlab.errors import ArgumentTypeError, SavedFileError
from tensorlab.layers import AveragePooling2D, Dense, Layer, SeparableConv2D, UpSampling2D, ZeroPadding2D
from tensorlab.layers.padding import _between
from tensorlab.saving import container, plain
from tensorlab.saving.container import Arrays, SavedFile
from tensorlab.serialization import serialize


def cpu_seconds(text: bytes) -> float:
    start = time.process_time()
    with pytest.raises(SavedFileError):
        plain.parsed("file", text)
    return time.process_time() - start


@pytest.mark.parametrize(
    "text", [b'"' + b'\\"' * 40_000, b'["a' * 30_000, b'"' * 50_001], ids=["escaped", "open", "odd"]
)
def test_strings_without_an_end_are_refused_in_linear_time(text: bytes) -> None:
    """A search that begins anew at each quote would take a hundred times as long for a text of ten times the length."""
    cpu_seconds(text)
    assert cpu_seconds(text) < 30 * cpu_seconds(text[: len(text) // 10]) + 0.2


def test_json_with_too_many_values_is_refused() -> None:
    many = b"[" + b"[]," * plain.MAX_VALUES + b"[]]"
    with pytest.raises(SavedFileError, match="JSON of at most 1,048,576 values, received 2,097,154"):
        plain.parsed("file", many)
    with pytest.raises(SavedFileError, match="values, received 1,048,577"):
        plain.parsed("file", b'""' * (2 * plain.MAX_VALUES + 2))
    deep = b'["]", ' * 250 + b"1" + b"]" * 250
    assert plain.parsed("file", deep)[0] == "]"
    with pytest.raises(SavedFileError, match="at most 250 levels"):
        plain.parsed("file", b"[" + deep + b"]")


def test_header_that_could_not_be_read_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "file.tensorlab"
    with pytest.raises(SavedFileError, match="JSON of at most 1,048,576 values"):
        container.write("save", path, "model", {"model": [[]] * (1 << 20)}, {})
    assert not path.exists()


def test_files_of_too_many_arrays_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.tensorlab"
    container.write("save", path, "weights", {}, {str(n): np.zeros(1) for n in range(5)})
    assert len(SavedFile("read", path, "weights").shapes) == 5
    monkeypatch.setattr(container, "MAX_ARRAYS", 4)
    with pytest.raises(SavedFileError, match=r"file.tensorlab': expected at most 4 arrays, received 5"):
        SavedFile("read", path, "weights")


def test_an_array_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "file.tensorlab"
    container.write("save", path, "weights", {}, {"a": np.arange(3.0), "b": np.zeros(1)})
    with SavedFile("read", path, "weights") as file:
        arrays = Arrays(file)
        assert "a" in arrays
        assert arrays["a"].tolist() == [0.0, 1.0, 2.0]
        with pytest.raises(SavedFileError, match="one reference to each array, received two to 'a'"):
            plain.unpack("file", [{"$": "array", "name": "b"}, {"$": "array", "name": "a"}], arrays)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("saved") / "model.tensorlab"
    trained(make_home_made).save(path)
    return path.read_bytes()


def with_header(saved: bytes, **changes: Any) -> bytes:
    length = struct.unpack("<Q", saved[:8])[0]
    outer = json.loads(saved[8 : 8 + length])
    ours = json.loads(outer["__metadata__"]["tensorlab"]) | changes
    outer["__metadata__"]["tensorlab"] = json.dumps(ours)
    text = json.dumps(outer).encode()
    return struct.pack("<Q", len(text)) + text + saved[8 + length :]


LOAD = """
import resource, sys, tensorlab as tl
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
mapped = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
resource.setrlimit(resource.RLIMIT_AS, (mapped + (2 << 30),) * 2)
with tl.device("reference"):
    for path in sys.argv[1:]:
        try:
            tl.load_model(path)
        except tl.errors.SavedFileError as error:
            print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def images(*layers: Layer) -> Any:
    return serialize(tl.Sequential([tl.Input((1, 1, 1)), *layers]))


def enlarged(config: Any, name: str, argument: str, value: Any) -> Any:
    """Return the config of a model with another argument of a layer."""
    config = copy.deepcopy(config)
    (layer,) = [each for each in config["config"]["layers"] if each["class_name"] == name]
    layer["config"][argument] = value
    return config


def configs() -> dict[str, Any]:
    with tl.device("reference"):
        padded, larger = images(ZeroPadding2D(1)), images(UpSampling2D(2))
        smooth = images(UpSampling2D(2, interpolation="bilinear"))
        pooled = images(AveragePooling2D(2, padding="same"))
    vector = {"class_name": "Sequential", "kind": "layer", "config": {"name": "a", "layers": [
        {"class_name": "Input", "kind": "layer", "config": {"shape": [4]}},
        {"class_name": "RepeatVector", "kind": "layer", "config": {"n": 10**9}},
    ]}}  # fmt: skip
    wide = {"class_name": "Sequential", "kind": "layer", "config": {"name": "a", "layers": [
        {"class_name": "Input", "kind": "layer", "config": {"shape": [6, 6, 1 << 20]}},
        {"class_name": "ZeroPadding2D", "kind": "layer", "config": {"padding": 1}},
    ]}}  # fmt: skip
    many = {"class_name": "Sequential", "kind": "layer", "config": {"name": "a", "layers": [
        {"class_name": "Flatten", "kind": "layer", "config": {"name": f"f{n}"}} for n in range(10_001)
    ]}}  # fmt: skip
    return {
        "samples of at most 16,777,216 elements, received the shape": enlarged(
            padded, "ZeroPadding2D", "padding", 10**6
        ),
        "UpSampling2D 'up_sampling2d': expected": enlarged(larger, "UpSampling2D", "size", [10**6, 10**6]),
        "size: expected at most 1,048,576 in a file": enlarged(smooth, "UpSampling2D", "size", [1, 10**9]),
        "pool_size: expected at most 1,048,576 in a file, received": enlarged(
            pooled, "AveragePooling2D", "pool_size", [10**9, 10**9]
        ),
        "received the shape (1, 1000000000, 4)": vector,
        "received the shape (6, 6, 1048576)": wide,
        "at most 10,000 layers, received more": many,
    }


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_layers_that_make_much_of_little_are_refused(saved: bytes, tmp_path: Path) -> None:
    cases = configs()
    paths = []
    for number, config in enumerate(cases.values()):
        paths.append(tmp_path / f"{number}.tensorlab")
        paths[-1].write_bytes(with_header(saved, model=config, built_for=None))
    done = subprocess.run([sys.executable, "-c", LOAD, *paths], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    *messages, grown = done.stdout.splitlines()
    assert len(messages) == len(cases), done.stdout
    for said, message in zip(cases, messages, strict=True):
        assert said.partition("'up_sampling2d'")[0] in message
    assert int(grown) < 256 << 10  # in KB


def test_objects_are_bounded_only_while_a_file_is_read() -> None:
    with tl.device("reference"):
        assert tl.metrics.AUC(num_thresholds=3).num_thresholds == 3
        layer = SeparableConv2D(1, 1, depth_multiplier=5, name="a")
        layer.build((None, 4096, 4096, 1))
        image = tl.asarray(np.broadcast_to(np.float32(0.0), (1, 4096, 4096, 1)))
    loading.check_count("anything", 10**30, 1)
    loading.check_elements("anything", 10**30)
    token = loading.loading.set(loading.Loading("file"))
    try:
        with pytest.raises(SavedFileError, match="file: auc num_thresholds: expected at most 1,048,576 in a file"):
            tl.metrics.AUC(num_thresholds=10**7)
        with pytest.raises(SavedFileError, match="SeparableConv2D 'a': expected at most 16,777,216 in a file"):
            layer(image)
        with pytest.raises(SavedFileError, match="UpSampling2D: expected at most 16,777,216 in a file"):
            _between(1 << 14, 4)
    finally:
        loading.loading.reset(token)


def test_large_samples_need_consent(tmp_path: Path) -> None:
    path = tmp_path / "model.tensorlab"
    with tl.device("reference"):
        tl.Sequential([tl.Input(((1 << 24) + 1,), dtype="uint8"), tl.layers.Flatten()]).save(path)
        with pytest.raises(SavedFileError, match=r"the shape .16777217,.; if you trust the file, load it with large"):
            tl.load_model(path)
        assert tl.load_model(path, large_samples=True).output_shape == (None, (1 << 24) + 1)
    token = loading.loading.set(loading.Loading("file", large_samples=True))
    try:
        loading.check_elements("anything", 1 << 25)
    finally:
        loading.loading.reset(token)


@pytest.mark.parametrize("shape", [(None, 4), (2, 3, 4)])
def test_output_shapes_are_those_of_calls(shape: tuple[int | None, ...]) -> None:
    known = tuple([2 if length is None else length for length in shape])
    with tl.device("reference"):
        layer = Dense(5)
        assert tuple(layer.compute_output_shape(known)) == layer(tl.ones(known)).shape
        assert layer.compute_output_shape(shape) == (*shape[:-1], 5)
        if len(shape) == 2:
            repeat = tl.layers.RepeatVector(3)
            assert tuple(repeat.compute_output_shape(known)) == repeat(tl.ones(known)).shape
            assert repeat.compute_output_shape(shape) == (None, 3, 4)


# Checkpoints


class Named(tl.callbacks.Callback):
    """A callback with paths among its arguments and a state."""

    def __init__(self, path: str, paths: Any = (), count: int = 0) -> None:
        self.path, self.paths, self.count = path, list(paths), count
        self.phase, self.best = "warm", None


def test_a_state_does_not_choose_paths() -> None:
    callback = Named("own", ["own too"])
    callback.set_state({"path": "/etc/passwd", "paths": ["/etc/shadow"], "count": 3, "phase": "late", "best": 0.5})
    own = {name: value for name, value in vars(callback).items() if name != "_constructed_with"}
    assert own == {"path": "own", "paths": ["own too"], "count": 3, "phase": "late", "best": 0.5}


@pytest.mark.parametrize("state", [{"count": {}}, {"count": "1"}, {"phase": 3}, {"paths": 1}, {"count": object()}])
def test_a_state_has_the_kinds_of_the_attributes(state: dict[str, Any]) -> None:
    callback = Named("own")
    with pytest.raises(ArgumentTypeError, match=r"Named.set_state: expected a value like .* for '(count|phase|paths)'"):
        callback.set_state(state)
    assert (callback.count, callback.phase) == (0, "warm")


@pytest.mark.parametrize(
    ("callback", "state"),
    [
        (tl.callbacks.EarlyStopping(), {"best": "1"}),
        (tl.callbacks.EarlyStopping(), {"best": [1.0]}),
        (tl.callbacks.EarlyStopping(), {"best": np.ones(2)}),
        (tl.callbacks.EarlyStopping(), {"best_weights": 1}),
        (tl.callbacks.EarlyStopping(), {"wait": None}),
        (tl.callbacks.EarlyStopping(), {"wait": np.ones(2)}),
        (tl.callbacks.EarlyStopping(), {"start_from_epoch": None}),
        (tl.callbacks.EarlyStopping(), {"baseline": "0"}),
        (tl.callbacks.ReduceLROnPlateau(), {"best": []}),
        (tl.callbacks.ReduceLROnPlateau(), {"cooldown_counter": None}),
        (tl.callbacks.ModelCheckpoint("a"), {"best": {}}),
        (tl.callbacks.ModelCheckpoint("a"), {"_batches": None}),
        (tl.callbacks.History(), {"epoch": None}),
    ],
    ids=lambda given: str(given) if isinstance(given, dict) else type(given).__name__,
)
def test_a_state_has_the_kinds_of_the_annotations(callback: tl.callbacks.Callback, state: dict[str, Any]) -> None:
    ((name, before),) = [(name, vars(callback).get(name)) for name in state]
    with pytest.raises(ArgumentTypeError, match=rf"set_state: expected a value like .* for '{name}'"):
        callback.set_state(state)
    assert vars(callback).get(name) is before


def test_a_state_may_be_none_or_a_number_where_the_annotations_say_so() -> None:
    stop = tl.callbacks.EarlyStopping(baseline=1.0)
    stop.set_state({"best": 0.5, "baseline": None, "best_weights": [np.ones(2)], "wait": np.array(3)})
    assert (stop.best, stop.baseline, stop.wait) == (0.5, None, 3)
    stop.set_state({"best": None})
    assert stop.best is None


def test_a_metric_that_is_no_number_is_not_compared() -> None:
    stop = tl.callbacks.EarlyStopping("loss")
    with pytest.raises(ArgumentTypeError, match="EarlyStopping: the metric 'loss': expected a number, received 'x'"):
        stop.on_epoch_end(0, {"loss": "x"})


def test_a_checkpoint_does_not_choose_the_file_of_a_logger(tmp_path: Path) -> None:
    """The file of a logger is restored with the text of the checkpoint; at another path, it would replace any file."""
    folder, log, other = tmp_path / "run", tmp_path / "log.csv", tmp_path / "other.csv"
    other.write_text("precious")
    x, y = data(8)

    def fit(epochs: int) -> None:
        make_plain().fit(x, y, verbose=0, epochs=epochs, callbacks=[tl.callbacks.CSVLogger(log)], checkpoint=folder)

    fit(1)
    (path,) = folder.glob("epoch*")
    ours = json.loads(_header(path.read_bytes())["__metadata__"]["tensorlab"])
    ours["run"]["callbacks"]["CSVLogger/0"]["filename"] = str(other)
    path.write_bytes(with_header(path.read_bytes(), run=ours["run"]))
    fit(2)
    assert other.read_text() == "precious"
    assert log.read_text().count("\n") == 3


def _header(content: bytes) -> Any:
    return json.loads(content[8 : 8 + struct.unpack("<Q", content[:8])[0]])


def test_a_history_and_a_metric_refuse_what_is_not_theirs() -> None:
    with pytest.raises(
        ArgumentTypeError, match=r"History\.set_state: expected lists by the names of metrics, received"
    ):
        tl.callbacks.History().set_state({"epoch": [], "history": {"loss": 3}})
    metric = tl.metrics.Mean()
    (state,) = metric.get_state()
    assert "_added_variables" not in state["attributes"]
    metric.set_state([state | {"attributes": {"_added_variables": ["x"]}}])
    metric.reset_state()
    assert metric.variables == []


@pytest.mark.parametrize(
    "state", [{}, {"text": "a"}, {"text": np.zeros(1)}, {"text": np.zeros(1, np.uint8), "_columns": [[]]}]
)
def test_a_logger_refuses_another_state(state: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ArgumentTypeError, match=r"CSVLogger\.set_state: expected what get_state returned"):
        tl.callbacks.CSVLogger(tmp_path / "log.csv").set_state(state)
