"""Record what Keras computes in the scripts of `keras_metric_scripts.py`: ``python tests/support/record_keras.py``.

Run it with a Python that has Keras. It writes `keras_scripts.json`, which the tests compare with.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

RECORD = Path(__file__).with_name("keras_scripts.json")


def plain(value: Any) -> Any:
    """Return numbers with 7 digits, in lists and dicts."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (str, bool, type(None))):
        return value
    array = np.asarray(value)
    return plain(array.tolist()) if array.ndim else float(f"{float(array):.7g}")


def main() -> None:
    import keras
    from keras_metric_scripts import SCRIPTS

    keras.utils.set_random_seed(0)
    names = sys.argv[1:] or SCRIPTS
    known = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    known |= {name: plain(SCRIPTS[name](keras)) for name in names}
    lines = [f'"{name}": {json.dumps(known[name])}' for name in SCRIPTS if name in known]
    RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
