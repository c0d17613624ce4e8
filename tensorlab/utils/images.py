"""Data sets of image files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tensorlab import random
from tensorlab.errors import ArgumentError, ArgumentTypeError, FileAccessError, StateError, short_repr
from tensorlab.rules import finite, integer
from tensorlab.utils.arrays import to_categorical
from tensorlab.utils.data import PyDataset

Array = np.ndarray[Any, Any]

_ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
_MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
_LABEL_MODES = ("int", "binary", "categorical", None)
_INTERPOLATIONS = ("bilinear", "nearest")


class ImageDataset(PyDataset):
    """Batches of image files, which are read when they are needed; see `image_dataset_from_directory`.

    Attributes:
        file_paths: the files, in order.
        class_names: the names of the classes, in the order of their labels; None without labels.
    """

    def __init__(self, paths: list[str], targets: Array | None, class_names: list[str] | None, **reading: Any) -> None:
        super().__init__()
        self.file_paths, self.class_names = paths, class_names
        self._targets, self._batch_size = targets, reading.pop("batch_size")
        self._reading = reading

    def __len__(self) -> int:
        return -(-len(self.file_paths) // self._batch_size) if self._batch_size else len(self.file_paths)

    def __getitem__(self, index: int) -> Any:
        """Return the images of a batch, as float32 from 0 to 255, and their targets."""
        if not 0 <= index < len(self):
            raise IndexError(index)  # which ends a loop over the batches
        size = self._batch_size or 1
        chosen = slice(index * size, (index + 1) * size)
        images = np.stack([_image(path, **self._reading) for path in self.file_paths[chosen]])
        targets = None if self._targets is None else self._targets[chosen]
        if self._batch_size is None:
            images, targets = images[0], None if targets is None else targets[0]
        return images if targets is None else (images, targets)


def image_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    verbose: bool = True,
) -> ImageDataset | tuple[ImageDataset, ImageDataset]:
    """Return the images in a folder as batches, which `fit`, `evaluate` and `predict` accept as ``x``.

    It needs Pillow, the extra ``images``. The files are BMP, GIF, JPEG and PNG; of an animation the
    first image is read. Their order and their split with a seed are those of Keras.

    Args:
        directory: the folder. With ``labels="inferred"`` it has a folder for each class.
        labels: "inferred" for the folders, a list with an integer for each file in alphanumeric order, or None.
        label_mode: "int" for integers, "binary" for float32 0 or 1, shape ``(n, 1)``, "categorical" for one-hot rows,
            None for no targets.
        class_names: the folders that are classes, in the order of their labels; all in alphanumeric order if None.
        color_mode: "grayscale", "rgb" or "rgba", with 1, 3 or 4 channels.
        batch_size: how many images a batch has; None for single images.
        image_size: the height and width to which images are resized.
        shuffle: whether the files are shuffled, once; otherwise they are in alphanumeric order.
        seed: of the shuffling; None to draw one from the global stream.
        validation_split: a fraction of the files, from the end of their order, that are for validation.
        subset: "training", "validation", or "both" for a pair; with ``validation_split``.
        interpolation: "bilinear" or "nearest".
        follow_links: whether folders that are symbolic links are visited.
        crop_to_aspect_ratio: whether images are cropped to the aspect ratio of ``image_size``, around their center,
            before they are resized.
        data_format: None or "channels_last".
        verbose: whether to print how many files were found.

    Returns:
        a data set of batches, ``x`` or ``(x, y)``, with the attributes ``class_names`` and ``file_paths``.

    Raises:
        ArgumentError: for an argument that is none of these, or a folder without images.
        FileAccessError: for a folder that cannot be read; when a batch is read, for a file that is no image.
        StateError: if Pillow is not installed.

    Source: Keras, ``keras.utils.image_dataset_from_directory``.
    """
    who = "image_dataset_from_directory"
    for name, value, known in (
        ("label_mode", label_mode, _LABEL_MODES),
        ("color_mode", color_mode, tuple(_MODES)),
        ("interpolation", interpolation, _INTERPOLATIONS),
        ("data_format", data_format, (None, "channels_last")),
        ("subset", subset, (None, "training", "validation", "both")),
    ):
        if not (value is None or isinstance(value, str)) or value not in known:
            raise ArgumentError(f"{who} {name}", f"one of {', '.join(map(repr, known))}", short_repr(value))
    if batch_size is not None:
        integer(f"{who} batch_size", batch_size, 1)
    size = _checked_size(who, image_size)
    if (validation_split is None) != (subset is None):
        raise ArgumentError(who, "validation_split and subset together", "one of them")
    if validation_split is not None and not 0 < finite(f"{who} validation_split", validation_split) < 1:
        raise ArgumentError(f"{who} validation_split", "a number between 0 and 1", short_repr(validation_split))
    if validation_split is not None and shuffle and seed is None:
        hint = "otherwise both parts could have the same files"
        raise ArgumentError(f"{who} seed", "an integer, with validation_split and shuffle", "None", hint)
    if seed is not None:
        integer(f"{who} seed", seed, 0)
    _pillow(who)
    paths, numbers, names = _indexed(who, directory, labels, class_names, follow_links)
    if label_mode == "binary" and numbers is not None and len(names or ()) != 2:
        raise ArgumentError(f"{who} label_mode", "'binary' for two classes", f"{len(names or ())} classes")
    if verbose:
        of_classes = "" if names is None else f" belonging to {len(names)} classes"
        print(f"Found {len(paths)} files{of_classes}.")
    if shuffle:
        drawn = int(random.randint((), 0, 1_000_000, use=who).numpy()) if seed is None else seed
        order = np.arange(len(paths))
        np.random.RandomState(drawn).shuffle(order)  # the order of Keras
        paths = [paths[index] for index in order]
        numbers = None if numbers is None else numbers[order]
    targets = _targets(numbers, label_mode, len(names or ()))
    options = {
        "batch_size": batch_size,
        "size": size,
        "mode": _MODES[color_mode],
        "interpolation": interpolation,
        "crop": crop_to_aspect_ratio,
    }

    def part(chosen: slice) -> ImageDataset:
        kept = None if targets is None else targets[chosen]
        return ImageDataset(paths[chosen], kept, names if targets is not None else None, **options)

    if validation_split is None:
        return part(slice(None))
    held = int(validation_split * len(paths))
    if not 0 < held < len(paths):
        received = f"{held} of {len(paths)} files"
        raise ArgumentError(f"{who} validation_split", "files for both training and validation", received)
    training, validation = part(slice(-held)), part(slice(-held, None))
    if verbose and subset != "both":
        print(f"Using {len(paths) - held if subset == 'training' else held} files for {subset}.")
    return (training, validation) if subset == "both" else training if subset == "training" else validation


def _checked_size(who: str, size: Any) -> tuple[int, int]:
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        raise ArgumentError(f"{who} image_size", "(height, width)", short_repr(size))
    height, width = (integer(f"{who} image_size", each, 1) for each in size)
    return height, width


def _pillow(who: str) -> Any:
    try:
        from PIL import Image
    except ImportError:
        from tensorlab.environment import install_extra

        raise StateError(who, "Pillow, which reads images, is not installed", install_extra("images")) from None
    return Image


def _indexed(
    who: str, directory: Any, labels: Any, class_names: Any, follow_links: bool
) -> tuple[list[str], Array | None, list[str] | None]:
    """Return the files in alphanumeric order, their labels, and the names of the classes."""
    if not isinstance(directory, (str, os.PathLike)):
        raise ArgumentTypeError(f"{who} directory", "a path as a str or a Path", short_repr(directory))
    folder = os.fspath(directory)
    try:
        entries = sorted(os.listdir(folder))
    except OSError as error:
        raise FileAccessError(f"{who} {folder!r}", "a folder that can be read", str(error)) from None
    if isinstance(labels, str) and labels != "inferred":
        raise ArgumentError(f"{who} labels", "'inferred', a list of integers, or None", short_repr(labels))
    if not isinstance(labels, str):
        if class_names is not None:
            raise ArgumentError(f"{who} class_names", "None, unless labels are inferred", short_repr(class_names))
        paths = list(_files(folder, follow_links))
        if labels is None:
            return _some(who, folder, paths), None, None
        given = np.asarray([integer(f"{who} labels", each, 0) for each in labels], "int32")
        if len(given) != len(paths):
            raise ArgumentError(f"{who} labels", f"a label for each of {len(paths)} files", f"{len(given)} labels")
        return _some(who, folder, paths), given, [str(each) for each in sorted({*given.tolist()})]
    folders = [name for name in entries if os.path.isdir(os.path.join(folder, name)) and not name.startswith(".")]
    names = folders if class_names is None else list(class_names)
    if not {*names} <= {*folders}:
        raise ArgumentError(f"{who} class_names", f"some of the folders {folders}", short_repr(class_names))
    each = [list(_files(os.path.join(folder, name), follow_links)) for name in names]
    numbers = np.repeat(np.arange(len(names), dtype="int32"), [len(paths) for paths in each])
    return _some(who, folder, [path for paths in each for path in paths]), numbers, names


def _some(who: str, folder: str, paths: list[str]) -> list[str]:
    if not paths:
        raise ArgumentError(f"{who} directory", f"a folder with files {', '.join(_ENDINGS)}", short_repr(folder))
    return paths


def _files(folder: str, follow_links: bool) -> Iterator[str]:
    for root, _, names in sorted(os.walk(folder, followlinks=follow_links), key=lambda each: each[0]):
        yield from (os.path.join(root, name) for name in sorted(names) if name.lower().endswith(_ENDINGS))


def _targets(numbers: Array | None, mode: str | None, classes: int) -> Array | None:
    if numbers is None or mode is None:
        return None
    if mode == "binary":
        return numbers.astype("float32")[:, None]
    return to_categorical(numbers, classes).astype("float32") if mode == "categorical" else numbers


def _image(path: str, size: tuple[int, int], mode: str, interpolation: str, crop: bool) -> Array:
    """Return an image as float32, resized, with an axis of channels."""
    try:
        with _pillow("image_dataset_from_directory").open(path) as image:
            pixels = np.asarray(image.convert(mode), "float32")
    except (OSError, SyntaxError, ValueError) as error:
        raise FileAccessError(f"image_dataset_from_directory {path!r}", "an image", str(error)) from None
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    if crop:
        height, width = pixels.shape[:2]
        inner = (min(height, int(width * size[0] / size[1])), min(width, int(height * size[1] / size[0])))
        top, left = (int((whole - part) / 2) for whole, part in zip((height, width), inner, strict=True))
        pixels = pixels[top : top + inner[0], left : left + inner[1]]
    for axis in (0, 1):
        pixels = _resized(pixels, axis, size[axis], interpolation)
    return pixels


def _resized(pixels: Array, axis: int, length: int, interpolation: str) -> Array:
    """Resize along an axis; the centers of the new pixels are between those of the old ones."""
    before = pixels.shape[axis]
    if before == length:
        return pixels
    centers = (np.arange(length) + 0.5) * (before / length)
    if interpolation == "nearest":
        return np.asarray(pixels.take(np.minimum(centers.astype(int), before - 1), axis))
    centers = centers - 0.5
    lower = np.floor(centers).astype(int)
    share = (centers - lower).astype("float32").reshape(-1, *(1,) * (pixels.ndim - 1 - axis))
    first, second = (pixels.take(np.clip(index, 0, before - 1), axis) for index in (lower, lower + 1))
    return np.asarray(first + (second - first) * share)
