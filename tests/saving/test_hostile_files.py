"""Files that are damaged, or made to do harm, are refused with one error, in little memory, and change nothing."""

from __future__ import annotations

import copy
import json
import os
import pickle
import random
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from saving_cases import make_home_made, make_plain, trained

import tensorlab as tl
from tensorlab.errors import FileAccessError, SavedFileError
from tensorlab.models.resuming import Resuming
from tensorlab.saving import container, plain

REFUSED = (SavedFileError, FileAccessError)
READERS: dict[str, Callable[[Path], Any]] = {
    "model": tl.load_model,
    "arrays": tl.saving.read_weights,
}


def parts(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the header of a safetensors file, and its arrays."""
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def joined(header: Any, arrays: bytes) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + arrays


def with_header(data: bytes, **changes: Any) -> bytes:
    """Return a file of ours with other values in our header; ... removes a value."""
    outer, arrays = parts(data)
    ours = json.loads(outer["__metadata__"]["tensorlab"]) | changes
    ours = {name: value for name, value in ours.items() if value is not ...}
    outer["__metadata__"]["tensorlab"] = json.dumps(ours)
    return joined(outer, arrays)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("saved") / "model.tensorlab"
    trained(make_home_made).save(path)
    return path.read_bytes()


def refused(data: bytes, folder: Path, readers: Any = None) -> str:
    """Check that all readers refuse a file in little memory, and return the message."""
    path = folder / "file.tensorlab"
    path.write_bytes(data)
    model = make_plain()
    model.build((None, 4))
    before = model.get_weights()
    tracemalloc.start()
    try:
        for read in readers or (*READERS.values(), model.load_weights):
            with pytest.raises(REFUSED) as caught:
                read(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 64 << 20
    assert all(map(np.array_equal, before, model.get_weights()))
    return str(caught.value)


def test_every_truncation_is_refused(saved: bytes, tmp_path: Path) -> None:
    for length in {0, 1, 7, 8, 9, 100, len(saved) // 2, len(saved) - 1}:
        refused(saved[:length], tmp_path)
    refused(saved + b"\0", tmp_path)


def test_lengths_that_lie_are_refused(saved: bytes, tmp_path: Path) -> None:
    for length in (1 << 63, (1 << 64) - 1, 1 << 40, len(saved), 0, 1):
        assert "file" in refused(struct.pack("<Q", length) + saved[8:], tmp_path)
    huge = struct.pack("<Q", 64 << 20) + b" " * (64 << 20)
    path = tmp_path / "huge.tensorlab"
    path.write_bytes(huge)
    with pytest.raises(SavedFileError, match="a header of at most 16,777,216 bytes, received one of 67,108,864"):
        tl.load_model(path)


@pytest.mark.parametrize(
    "change",
    [
        {"data_offsets": [4, 68]},
        {"data_offsets": [0, 1 << 40]},
        {"data_offsets": [1 << 62, (1 << 62) + 64]},
        {"data_offsets": [64, 0]},
        {"data_offsets": [-64, 0]},
        {"data_offsets": "../../etc/passwd"},
        {"shape": [1 << 40, 1 << 40]},
        {"shape": [-4, -4]},
        {"shape": [4, 5]},
        {"dtype": "BF16", "shape": [4, 8]},
        {"dtype": "OBJECT"},
    ],
    ids=str,
)
def test_offsets_and_shapes_that_lie_are_refused(change: dict[str, Any], saved: bytes, tmp_path: Path) -> None:
    outer, arrays = parts(saved)
    name = next(name for name in outer if name.endswith("dense/kernel") and name.startswith("weights"))
    outer[name] |= change
    refused(joined(outer, arrays), tmp_path)


def test_other_files_are_refused(saved: bytes, tmp_path: Path) -> None:
    outer, arrays = parts(saved)
    del outer["__metadata__"]
    assert "expected a file that tensorlab saved, received another safetensors file" in refused(
        joined(outer, arrays), tmp_path
    )

    for other in (
        pickle.dumps(make_plain),
        b"\x89HDF\r\n\x1a\n" + bytes(100),
        b"PK\3\4" + bytes(100),
        os.urandom(5000),
    ):
        refused(other, tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": "keras"}, "a header of tensorlab"),
        ({"format_version": 2}, "expected format version 1, or an older one, received version 2 of tensorlab '0.1.0'"),
        ({"format_version": 0}, "the number of the format's version, received 0"),
        ({"format_version": True}, "the number of the format's version, received True"),
        ({"format_version": ...}, "the number of the format's version, received None"),
        ({"kind": "recipe"}, "received a file of kind 'recipe'"),
    ],
)
def test_headers_of_other_formats_are_refused(changes: Any, said: str, saved: bytes, tmp_path: Path) -> None:
    assert said in refused(with_header(saved, **changes), tmp_path)


@pytest.mark.parametrize("level", [300, 100_000])
def test_deep_json_is_refused(level: int, saved: bytes, tmp_path: Path) -> None:
    outer, arrays = parts(saved)
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        outer["__metadata__"]["tensorlab"] = opening * level + "1" + closing * level
        message = refused(joined(outer, arrays), tmp_path)
        assert "JSON of at most 250 levels, received more" in message
    refused(joined(b"[" * level + b"]" * level, arrays), tmp_path)


@pytest.mark.parametrize("text", ["", "{", "nul", '{"a": NaN}', '{"a": Infinity}', '{"a": 1, "a": 2}', "9" * 5000])
def test_text_that_is_no_json_is_refused(text: str, saved: bytes, tmp_path: Path) -> None:
    outer, arrays = parts(saved)
    outer["__metadata__"]["tensorlab"] = text
    refused(joined(outer, arrays), tmp_path)


def test_long_json_is_refused() -> None:
    with pytest.raises(SavedFileError, match="file: expected JSON of at most 16,777,216 bytes, received 16,777,217"):
        plain.parsed("file", b" " * ((16 << 20) + 1))
    assert plain.parsed("file", b'{"a": ["\\"]]]]", 1e999]}') == {"a": ['"]]]]', float("inf")]}


def architecture(layers: Any, **config: Any) -> dict[str, Any]:
    return {"class_name": "Sequential", "kind": "layer", "config": {"name": "a", "layers": layers, **config}}


def layer(name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": name, "kind": "layer", "config": config}


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (architecture([layer("Dense", units=10**12)], build_input_shape=[None, 4]), "an array for the weight"),
        (architecture([layer("Dense", units=4)], build_input_shape=[None, 10**12]), "samples of at most 16,777,216"),
        (
            architecture([layer("Input", shape=[10**6, 10**6]), layer("Flatten")]),
            "samples of at most 16,777,216 elements",
        ),
        (architecture([layer("Dense", units=[4])]), "an integer of at least 1, received [4]"),
        (architecture([layer("Dense", unit=4)]), "the unknown argument 'unit'; did you mean 'units'?"),
        (architecture([layer("Dense", units=4, activation="os.system")]), "the name of a registered activation"),
        (
            architecture([{"class_name": "mnist", "kind": "dataset", "config": {}}]),
            "of a model, received a dat",
        ),
        (
            architecture([{"class_name": "cpu", "kind": "backend", "config": {}}]),
            "of a model, received a back",
        ),
        (
            architecture([{"class_name": "CSVLogger", "kind": "callback", "config": {"filename": "/tmp/x"}}]),
            "the parts of a model, received a callback",
        ),
        (architecture([{"class_name": "eval", "kind": "value", "config": {}}]), "the name of a kind of value"),
        (architecture([{"class_name": "Key", "kind": "value", "config": {"words": [-1, 0]}}]), "two words of 64 bits"),
        (architecture(7), ""),
        (layer("Dense", units=3), "expected a model, received <Dense"),
        ({"$": "custom", "name": "Dense"}, "functions and classes that are known here, received 'Dense'"),
        ({"$": "custom", "name": "os; import os"}, "received 'os; import os', the user's own"),
        ({"$": "function", "name": "os.system"}, "expected plain data"),
        ({"$": "array", "name": "weights/nowhere"}, "expected plain data"),
        ({"$": "pickle", "data": "gASVAAAA"}, "expected plain data"),
        ({"$": "dict", "items": [[[], 1]]}, "expected plain data"),
        ([], "a dict as 'model' in the header, received []"),
        (..., "a dict as 'model' in the header, received none"),
    ],
)
def test_architectures_that_do_harm_are_refused(model: Any, said: str, saved: bytes, tmp_path: Path) -> None:
    assert said in refused(with_header(saved, model=model, built_for=None), tmp_path, [tl.load_model])


@pytest.mark.parametrize(
    "changes",
    [
        {"state": {}},
        {"state": {"layers": {"": ["a", 1]}, "weights": {}, "seeds": {}}},
        {"state": {"layers": {}, "weights": {}, "seeds": {"dropout.seed": -1}}},
        {"compile": {"optimizer": "sgd"}},
        {"compile": 3},
        {"optimizers": {"optimizer": {}}},
        {"optimizers": {"other": {"iterations": 0, "hyperparameters": {}, "slots": [], "weights": []}}},
        {"optimizers": {"optimizer": {"iterations": -1, "hyperparameters": {}, "slots": [], "weights": []}}},
        {"optimizers": {"optimizer": {"iterations": 1, "hyperparameters": {"x": 1}, "slots": [], "weights": []}}},
        {"optimizers": {"optimizer": {"iterations": 1, "hyperparameters": {}, "slots": ["m"], "weights": ["x"]}}},
        {"plugins": [{"kind": "layer"}]},
        {"plugins": [3]},
        {"random": []},
    ],
    ids=str,
)
def test_states_that_do_not_fit_are_refused(changes: Any, saved: bytes, tmp_path: Path) -> None:
    refused(with_header(saved, **changes), tmp_path, [lambda path: tl.load_model(path, restore_random_state=True)])


@pytest.mark.parametrize("shape", ["wide", [None, -3], [None, 2.5], {"a": [None, True]}, [[None, 3], 4]])
def test_shapes_that_are_none_are_refused(shape: Any, saved: bytes, tmp_path: Path) -> None:
    changed = with_header(saved, model=architecture([layer("Flatten")]), built_for=shape)
    refused(changed, tmp_path, [tl.load_model])


def test_random_state_that_is_none_is_refused(saved: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.tensorlab"
    path.write_bytes(with_header(saved, random={"seed": "x"}))
    tl.load_model(path)
    before = tl.random.get_state()
    with pytest.raises(SavedFileError, match="what get_state returned"):
        tl.load_model(path, restore_random_state=True)
    assert tl.random.get_state() == before


def test_arrays_larger_than_the_memory_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "sparse.tensorlab"
    size = 1 << 42
    header = {"weights/a": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}
    header["__metadata__"] = {"tensorlab": json.dumps({"format": "tensorlab", "format_version": 1, "kind": "weights"})}  # type: ignore[dict-item]
    with open(path, "wb") as file:
        file.write(joined(header, b""))
        try:
            file.truncate(file.tell() + size)
        except OSError:
            pytest.skip("the file system has no files of this size")
    with pytest.raises(
        SavedFileError, match=r"arrays that fit into the memory of this machine, .* GB, received 4398.0 GB"
    ):
        tl.saving.read_weights(path)


LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=5)
)
FUZZED = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read_or_refused(data: bytes, path: Path) -> None:
    path.write_bytes(data)
    for read in READERS.values():
        try:
            read(path)
        except REFUSED:
            continue


@given(choose=st.randoms(use_true_random=False), byte=st.integers(0, 255))
@FUZZED
def test_changed_bytes_are_refused_or_harmless(saved: bytes, tmp_path: Path, choose: random.Random, byte: int) -> None:
    data = bytearray(saved)
    for _ in range(choose.randrange(1, 4)):
        data[choose.randrange(len(data))] = byte
    read_or_refused(bytes(data), tmp_path / "file.tensorlab")


@given(choose=st.randoms(use_true_random=False), leaf=LEAVES)
@FUZZED
def test_changed_headers_are_refused_or_harmless(
    saved: bytes, tmp_path: Path, choose: random.Random, leaf: Any
) -> None:
    outer, arrays = parts(saved)
    ours = json.loads(outer["__metadata__"]["tensorlab"])
    target = choose.choice([ours, ours, outer])
    spots: list[tuple[Any, Any]] = []

    def visit(node: Any) -> None:
        for key in range(len(node)) if isinstance(node, list) else list(node):
            spots.append((node, key))
            if isinstance(node[key], (list, dict)):
                visit(node[key])

    visit(target)
    node, key = choose.choice(spots)
    other, where = choose.choice(spots)
    match choose.randrange(3):
        case 0:
            node[key] = leaf
        case 1:
            del node[key]
        case 2:
            node[key] = copy.deepcopy(other[where])
    if target is ours and "__metadata__" in outer:
        outer["__metadata__"]["tensorlab"] = json.dumps(ours)
    read_or_refused(joined(outer, arrays), tmp_path / "file.tensorlab")


@given(choose=st.randoms(use_true_random=False), leaf=LEAVES)
@settings(FUZZED, max_examples=60)
def test_changed_checkpoints_are_refused_or_harmless(tmp_path: Path, choose: random.Random, leaf: Any) -> None:
    """A checkpoint is skipped with a warning, or is of another run; nothing else happens."""
    folder = tmp_path / "run"
    x = np.ones((4, 4), "float32")
    model = make_plain()
    if not folder.exists():
        model.fit(x, x[:, :1], verbose=0, checkpoint=folder)
        (folder / "original").write_bytes(next(folder.glob("epoch*")).read_bytes())
    outer, arrays = parts((folder / "original").read_bytes())
    ours = json.loads(outer["__metadata__"]["tensorlab"])
    section = ours[choose.choice(["run", "state", "optimizers", "random", "position", "shapes"])]
    key = choose.choice([*section, "new"])
    section[key] = leaf
    outer["__metadata__"]["tensorlab"] = json.dumps(ours)
    for path in folder.glob("epoch*"):
        path.unlink()
    (folder / "epoch-00001-step-00000000.tensorlab").write_bytes(joined(outer, arrays))
    try:
        make_plain().fit(x, x[:, :1], epochs=2, verbose=0, checkpoint=folder)
    except tl.errors.TensorlabError:
        pass
    except tl.errors.SavedFileWarning:
        pass


def test_readers_are_those_of_the_package() -> None:
    writers = {"model_to_json", "save_model", "save_weights"}
    assert {*tl.saving.__all__} - writers == {"load_model", "load_weights", "model_from_json", "read_weights"}
    assert container.FORMAT_VERSION == 1
    assert Resuming.__module__ == "tensorlab.models.resuming"
