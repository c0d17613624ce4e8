"""Record what Keras computes for `optimizer_records.py`: ``python tests/support/record_optimizers.py``.

Run it with a Python that has Keras. It writes `optimizer_records.json`: for each case the weights after the steps, and
after `finalize_variable_values`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

RECORD = Path(__file__).with_name("optimizer_records.json")


def main() -> None:
    import keras
    from optimizer_records import CASES, START, gradients

    def numbers(weights: list[Any]) -> list[float]:
        flat = np.concatenate([np.asarray(weight).ravel() for weight in weights])
        return [float(f"{value:.8g}") for value in flat]

    known: dict[str, list[list[float]]] = {}
    for name, (kind, arguments) in CASES.items():
        weights = [keras.Variable(start) for start in START]
        optimizer = getattr(keras.optimizers, kind)(**arguments)
        for each in gradients(name):
            optimizer.apply_gradients(list(zip([keras.ops.convert_to_tensor(g) for g in each], weights, strict=True)))
        after = numbers(weights)
        optimizer.finalize_variable_values(weights)
        known[name] = [after, numbers(weights)]
    lines = [f'"{name}": {json.dumps(value)}' for name, value in known.items()]
    RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
