"""Record what Keras computes in the scripts of this folder: ``python tests/support/record_keras.py [name ...]``.

Run it with a Python that has Keras. It writes `keras_scripts.json` for the scripts of `keras_metric_scripts.py` and
`keras_graph_scripts.json` for those of `keras_graph_scripts.py`, which the tests compare with.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

RECORD = Path(__file__).with_name("keras_scripts.json")
GRAPH_RECORD = Path(__file__).with_name("keras_graph_scripts.json")


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
    import keras_graph_scripts
    import keras_layer_scripts  # noqa: F401  (adds its scripts)
    import keras_mask_scripts  # noqa: F401  (adds its scripts)
    import keras_metric_scripts

    for record, scripts in ((RECORD, keras_metric_scripts.SCRIPTS), (GRAPH_RECORD, keras_graph_scripts.SCRIPTS)):
        keras.utils.set_random_seed(0)
        names = [name for name in sys.argv[1:] or scripts if name in scripts]
        known = json.loads(record.read_text()) if record.exists() else {}
        known |= {name: plain(scripts[name](keras)) for name in names}
        lines = [f'"{name}": {json.dumps(known[name])}' for name in scripts if name in known]
        record.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
