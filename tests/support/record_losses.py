"""Record what Keras computes for the losses of `loss_records.py`: ``python tests/support/record_losses.py``.

Run it with a Python that has Keras on TensorFlow. It writes `loss_records.json`: for each case the loss with each
reduction, without and with sample weights, the gradient of the weighted mean with respect to the outputs, and the
config. The weights have the shape of the result of ``reduction=None``; if that is a number, there is one a sample.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

RECORD = Path(__file__).with_name("loss_records.json")


def plain(array: Any) -> Any:
    """Return numbers with 8 digits in nested lists."""
    found = np.asarray(array)
    return [plain(item) for item in found] if found.ndim else float(f"{float(found):.8g}")


def main() -> None:
    import keras
    import tensorflow as tf
    from loss_records import CASES, REDUCTIONS, weights

    known: dict[str, Any] = {}
    for name, (kind, arguments, targets, outputs) in CASES.items():
        cls = getattr(keras.losses, kind)
        each = cls(**arguments, reduction=None)(targets, outputs)
        weight = weights(tuple(each.shape) or (len(outputs),))
        x = tf.constant(outputs)
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = cls(**arguments)(targets, x, sample_weight=weight)
        made = [cls(**arguments, reduction=reduction) for reduction in REDUCTIONS]
        known[name] = {
            "losses": [plain(loss(targets, outputs)) for loss in made],
            "weighted": [plain(loss(targets, outputs, sample_weight=weight)) for loss in made],
            "gradient": plain(tape.gradient(loss, x)),
            "config": cls(**arguments).get_config(),
        }
    lines = [f'"{name}": {json.dumps(value)}' for name, value in known.items()]
    RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
