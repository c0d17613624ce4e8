"""Record what Keras computes for the layers of `window_cases.py`: ``python tests/support/record_windows.py``.

Run it with a Python that has Keras on TensorFlow. It writes `window_cases.json`: for each case and dtype the outputs,
then the gradients of ``sum(outputs * share)`` for the inputs and for each weight.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

RECORD = Path(__file__).with_name("window_cases.json")
DIGITS = {"float32": 7, "float64": 12}


def plain(array: Any, digits: int) -> Any:
    """Return numbers in nested lists."""
    found = np.asarray(array)
    return [plain(item, digits) for item in found] if found.ndim else float(f"{float(found):.{digits}g}")


def main() -> None:
    import keras
    import tensorflow as tf
    from window_cases import CASES, numbers

    known: dict[str, Any] = {}
    for name, (kind, arguments, shape) in CASES.items():
        for dtype, digits in DIGITS.items():
            layer = getattr(keras.layers, kind)(**arguments, dtype=dtype)
            layer.build(shape)
            weights = [numbers(f"{name} {k}", tuple(w.shape)) for k, w in enumerate(layer.weights)]
            layer.set_weights(weights)
            inputs = numbers(name, shape)
            x = tf.constant(inputs, dtype if inputs.dtype.kind == "f" else "int32")
            with tf.GradientTape() as tape:
                tape.watch(x)
                outputs = layer(x)
                total = tf.reduce_sum(outputs * tf.constant(numbers(f"{name} share", tuple(outputs.shape)), dtype))
            found = tape.gradient(total, [x, *[w.value for w in layer.weights]])
            parts = [outputs, *[tf.convert_to_tensor(each) for each in found if each is not None]]
            known[f"{name} {dtype}"] = [plain(part, digits) for part in parts]
            assert tuple(layer.compute_output_shape(shape)) == tuple(outputs.shape)
    lines = [f'"{name}": {json.dumps(value)}' for name, value in known.items()]
    RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
