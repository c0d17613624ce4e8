"""Record what Keras computes for the metrics of `metric_records.py`: ``python tests/support/record_metrics.py``.

Run it with a Python that has Keras. It writes `metric_records.json`: for each case the results after both batches, and
for each function its values.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

RECORD = Path(__file__).with_name("metric_records.json")


def plain(array: Any) -> Any:
    """Return numbers with 8 digits in nested lists."""
    found = np.asarray(array)
    return [plain(item) for item in found] if found.ndim else float(f"{float(found):.8g}")


def main() -> None:
    import keras
    from metric_records import CASES, FUNCTIONS, batches

    known: dict[str, Any] = {}
    for name, (kind, arguments, _, _) in CASES.items():
        metric = getattr(keras.metrics, kind)(**arguments)
        results = []
        for targets, outputs, weights in batches(name):
            metric.update_state(targets, outputs, sample_weight=weights)
            results.append(plain(metric.result()))
        known[name] = {"results": results, "name": metric.name}
    for name, (arguments, targets, outputs) in FUNCTIONS.items():
        known[name] = plain(getattr(keras.metrics, name)(targets, outputs, **arguments))
    lines = [f'"{name}": {json.dumps(value)}' for name, value in known.items()]
    RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
