"""Record what Keras computes for `recurrent_cases.py`: ``python tests/support/record_recurrent.py``.

Run it with a Python that has Keras on TensorFlow. It writes `recurrent_cases.json`: for each case and dtype the
outputs, and the gradients of the sum of ``output * share`` for the inputs, the initial states and each weight; for each
script its results.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from record_windows import DIGITS, plain

RECORD = Path(__file__).with_name("recurrent_cases.json")


def flat(outputs: Any) -> list[Any]:
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


def main() -> None:
    import keras
    import tensorflow as tf
    from recurrent_cases import BATCH, CASES, FEATURES, MASK, SCRIPTS, TIME, UNITS, numbers

    known: dict[str, Any] = {}
    for name, (make, options) in CASES.items():
        for dtype, digits in DIGITS.items():
            layer = make(keras.layers, dtype)
            layer.build((BATCH, TIME, FEATURES))
            layer.set_weights([numbers(f"{name} {k}", tuple(w.shape)) for k, w in enumerate(layer.weights)])
            x = tf.constant(numbers(name, (BATCH, TIME, FEATURES)), dtype)
            count = options.get("states", 0)
            states = [tf.constant(numbers(f"{name} state {k}", (BATCH, UNITS)), dtype) for k in range(count)]
            given = {"initial_state": states} if states else {}
            given |= {"mask": tf.constant(MASK)} if options.get("mask") else {}
            with tf.GradientTape() as tape:
                tape.watch([x, *states])
                outputs = flat(layer(x, **given))
                shares = [numbers(f"{name} share {k}", tuple(each.shape)) for k, each in enumerate(outputs)]
                parts = [tf.reduce_sum(o * tf.constant(s, dtype)) for o, s in zip(outputs, shares, strict=True)]
                total = tf.add_n(parts)
            found = tape.gradient(total, [x, *states, *[w.value for w in layer.trainable_weights]])
            known[f"{name} {dtype}"] = {
                "outputs": [plain(each, digits) for each in outputs],
                "gradients": [plain(tf.convert_to_tensor(each), digits) for each in found],
            }
    for name, script in SCRIPTS.items():
        known[name] = {key: plain(np.asarray(value), 7) for key, value in script(keras).items()}
    lines = [f'"{name}": {json.dumps(value)}' for name, value in known.items()]
    RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
