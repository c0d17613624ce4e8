"""`image_dataset_from_directory`, against recorded results of Keras 3.15 for small PNG files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from record_images import CASES, RECORD, described, write_images

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, FileAccessError
from tensorlab.utils import image_dataset_from_directory

pytest.importorskip("PIL")
KERAS: dict[str, Any] = json.loads(RECORD.read_text())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_images(tmp_path)
    return tmp_path


@pytest.mark.parametrize("case", CASES)
def test_files_images_and_targets_match_keras(case: str, folder: Path) -> None:
    dataset: Any = image_dataset_from_directory(folder, verbose=False, **CASES[case])
    found = described(folder, dataset.file_paths, list(dataset))
    expected = KERAS[case]
    assert found["files"] == expected["files"]
    if "images" in expected:
        assert found["targets"] == expected["targets"]
        assert dataset.class_names == expected["class_names"]
        for one, other in zip(found["images"], expected["images"], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=2e-3)


def test_model_trains_on_images(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    training, validation = image_dataset_from_directory(
        folder, image_size=(4, 4), batch_size=2, seed=1, validation_split=0.3, subset="both"
    )
    assert capsys.readouterr().out == "Found 7 files belonging to 3 classes.\n"
    assert (len(training), len(validation)) == (3, 1)
    x, y = training[0]
    assert (x.shape, x.dtype, y.dtype) == ((2, 4, 4, 3), np.dtype("float32"), np.dtype("int32"))
    model = tl.Sequential([tl.Input((4, 4, 3)), tl.layers.Flatten(), tl.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    history = model.fit(training, validation_data=validation, epochs=1, verbose=0).history
    assert set(history) == {"loss", "val_loss"}
    grey: Any = image_dataset_from_directory(folder, color_mode="grayscale", image_size=(4, 4), seed=1, verbose=False)
    colored: Any = image_dataset_from_directory(folder, image_size=(4, 4), seed=1, verbose=False)
    luma = colored[0][0] @ np.array([0.299, 0.587, 0.114], "f4")
    np.testing.assert_allclose(grey[0][0][..., 0], luma, atol=1.0)  # which is rounded before images are resized
    single = image_dataset_from_directory(folder, image_size=(4, 4), batch_size=None, shuffle=False, verbose=False)
    assert isinstance(single, tl.utils.PyDataset)
    assert len(single) == 7
    assert single[0][0].shape == (4, 4, 3)
    with pytest.raises(IndexError):
        single[7]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"label_mode": "text"},
            ArgumentError,
            "label_mode: expected one of 'int', 'binary', 'categorical', None",
        ),
        ({"color_mode": "bgr"}, ArgumentError, "color_mode: expected one of 'grayscale', 'rgb', 'rgba', received"),
        ({"interpolation": "area"}, ArgumentError, "interpolation: expected one of 'bilinear', 'nearest', received"),
        ({"data_format": "channels_first"}, ArgumentError, "data_format: expected one of None, 'channels_last'"),
        ({"batch_size": 0}, ArgumentError, "batch_size: expected an integer of at least 1"),
        ({"image_size": 4}, ArgumentError, r"image_size: expected \(height, width\), received 4"),
        ({"validation_split": 0.5}, ArgumentError, "expected validation_split and subset together, received one"),
        ({"validation_split": 2.0, "subset": "both"}, ArgumentError, "validation_split: expected a number between"),
        ({"validation_split": 0.5, "subset": "both"}, ArgumentError, "seed: expected an integer, with validation_s"),
        ({"validation_split": 0.1, "subset": "both", "seed": 1}, ArgumentError, "for both training and validation"),
        ({"labels": [1, 2]}, ArgumentError, "labels: expected a label for each of 7 files, received 2 labels"),
        ({"labels": "folders"}, ArgumentError, "labels: expected 'inferred', a list of integers, or None"),
        ({"class_names": ["dogs"]}, ArgumentError, "class_names: expected some of the folders"),
        ({"label_mode": "binary"}, ArgumentError, "label_mode: expected 'binary' for two classes, received 3 classes"),
        ({"directory": 5}, ArgumentTypeError, "directory: expected a path as a str or a Path, received 5"),
        ({"directory": "nowhere"}, FileAccessError, "'nowhere': expected a folder that can be read"),
    ],
)
def test_invalid_arguments_are_rejected(folder: Path, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^image_dataset_from_directory.*{message}"):
        image_dataset_from_directory(**{"directory": folder, "verbose": False, **options})


def test_folders_and_files_without_images_are_rejected(tmp_path: Path) -> None:
    (tmp_path / "cats").mkdir()
    with pytest.raises(ArgumentError, match="directory: expected a folder with files "):
        image_dataset_from_directory(tmp_path, verbose=False)
    (tmp_path / "cats" / "a.png").write_bytes(b"\x89PNG\r\n\x1a\nnot")
    dataset: Any = image_dataset_from_directory(tmp_path, verbose=False)
    with pytest.raises(FileAccessError, match=r"a\.png': expected an image, received"):
        dataset[0]
