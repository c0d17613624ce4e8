"""Write small images, and record what Keras reads from them: ``python tests/support/record_images.py``.

Run it with a Python that has Keras on TensorFlow. It writes `image_records.json`: for each case the names of the
files in order, the targets, and the mean of each image's rows.
"""

from __future__ import annotations

import json
import struct
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

RECORD = Path(__file__).with_name("image_records.json")

CASES: dict[str, dict[str, Any]] = {
    "plain": {"shuffle": False, "image_size": (4, 3)},
    "larger": {"shuffle": False, "image_size": (11, 13)},
    "nearest": {"shuffle": False, "image_size": (3, 8), "interpolation": "nearest", "color_mode": "rgba"},
    "shuffled": {"seed": 5, "image_size": (4, 4), "label_mode": "categorical", "batch_size": 3},
    "training": {"seed": 3, "validation_split": 0.4, "subset": "training", "image_size": (2, 2)},
    "validation": {"seed": 3, "validation_split": 0.4, "subset": "validation", "image_size": (2, 2)},
    "cropped": {"shuffle": False, "image_size": (6, 3), "crop_to_aspect_ratio": True},
    "two classes": {"shuffle": False, "class_names": ["cats", "ants"], "label_mode": "binary", "image_size": (3, 3)},
    "given labels": {"shuffle": False, "labels": [2, 0, 1, 1, 0, 2, 0], "image_size": (3, 3)},
    "no labels": {"shuffle": False, "labels": None, "image_size": (3, 3)},
}


def png(pixels: np.ndarray[Any, Any]) -> bytes:
    """Return an image of shape ``(height, width, 3)`` as a PNG file."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def write_images(folder: Path) -> None:
    """Write images of three classes, of different sizes, one of them in a folder of its own."""
    rng = np.random.default_rng(7)
    for index, name in enumerate(
        ("ants/a.png", "ants/inner/b.png", "bees/c.png", "bees/d.PNG", "cats/e.png", "cats/f.png", "cats/g.png")
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(rng.integers(0, 256, (5 + index, 9 - index, 3)).astype("uint8")))
    (folder / "cats" / "notes.txt").write_text("no image")


def described(folder: Path, paths: Any, batches: list[Any]) -> dict[str, Any]:
    """Return what a case is compared by."""
    images, targets = [], []
    for batch in batches:
        x, y = batch if isinstance(batch, tuple) else (batch, None)
        images += [np.asarray(image, float).mean(axis=(1, 2)).round(3).tolist() for image in x]
        targets += [] if y is None else np.asarray(y).tolist()
    return {
        "files": [Path(path).relative_to(folder).as_posix() for path in paths],
        "images": images,
        "targets": targets,
    }


def main() -> None:
    import keras

    known = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_images(folder)
        for case, arguments in CASES.items():
            dataset = keras.utils.image_dataset_from_directory(folder, verbose=False, **arguments)
            if arguments.get("shuffle", True):  # the set itself shuffles again: read the files in their order
                again = keras.utils.image_dataset_from_directory(folder, verbose=False, **arguments)
                known[case] = {"files": described(folder, again.file_paths, [])["files"]}
                continue
            batches = [tuple(map(np.asarray, b)) if isinstance(b, tuple) else np.asarray(b) for b in dataset]
            known[case] = described(folder, dataset.file_paths, batches)
            known[case]["class_names"] = dataset.class_names
    lines = [f'"{case}": {json.dumps(value)}' for case, value in known.items()]
    RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
