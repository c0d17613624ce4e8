"""Record what Keras's Normalization computes from data: ``python tests/support/record_normalization.py``.

Run it with a Python that has Keras on TensorFlow. It writes `normalization_records.json`: for each case the weights
after `adapt`, and the outputs for the data.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

RECORD = Path(__file__).with_name("normalization_records.json")


def numbers(*shape: int) -> Any:
    return np.random.default_rng(7).normal(3.0, 2.0, shape).round(2).astype("float32")


CASES: dict[str, tuple[dict[str, Any], tuple[int, ...], Callable[[Any], Any]]] = {
    "features": ({}, (7, 3), lambda x: x),
    "all": ({"axis": None}, (7,), lambda x: x),
    "two axes": ({"axis": (1, 2)}, (4, 2, 3), lambda x: x),
    "images": ({"axis": -1, "invert": True}, (2, 3, 2, 2), lambda x: x),
    "batches": ({}, (7, 3), lambda x: [x[:4], x[4:]]),
    "pairs": ({}, (7, 3), lambda x: ((x[k : k + 3], None) for k in (0, 3, 6))),
    "constant": ({}, (4, 1), lambda x: x * 0.0 + 2.0),
}
"""The arguments of the layer, the shape of the numbers, and what `adapt` is given."""


def main() -> None:
    import keras

    known = {}
    for name, (arguments, shape, given) in CASES.items():
        layer = keras.layers.Normalization(**arguments)
        x = numbers(*shape)
        layer.adapt(given(x))
        mean, variance, count = layer.get_weights()
        known[name] = [mean.tolist(), variance.tolist(), count.tolist(), np.asarray(layer(x)).tolist()]
    RECORD.write_text(json.dumps(known, indent=1) + "\n")


if __name__ == "__main__":
    main()
