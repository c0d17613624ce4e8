"""Scripts about data, callbacks, metrics and optimizers compute the numbers of Keras 3.15.

The scripts are in `keras_scripts.py` and `keras_metric_scripts.py` of `tests/support`. `record_keras.py` recorded the
results of Keras.
"""

from __future__ import annotations

import json
from typing import Any

import keras_mask_scripts  # noqa: F401  (adds its scripts)
import numpy as np
import pytest
from keras_metric_scripts import SCRIPTS
from record_keras import RECORD, plain

import tensorlab as tl

RECORDED: dict[str, Any] = json.loads(RECORD.read_text())


def test_results_of_every_script_are_recorded() -> None:
    assert list(RECORDED) == list(SCRIPTS)


def check(ours: Any, theirs: Any, where: str) -> None:
    if isinstance(theirs, dict):
        assert set(ours) == set(theirs), where
        for name, value in theirs.items():
            check(ours[name], value, f"{where} {name}")
    elif isinstance(theirs, list) and any(isinstance(item, (list, str, dict, type(None))) for item in theirs):
        assert len(ours) == len(theirs), where
        for index, value in enumerate(theirs):
            check(ours[index], value, f"{where} {index}")
    elif isinstance(theirs, (str, bool, type(None))):
        assert ours == theirs, where
    else:
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-6, err_msg=where)


@pytest.mark.parametrize("name", SCRIPTS)
def test_results_match_keras(name: str) -> None:
    check(plain(SCRIPTS[name](tl)), RECORDED[name], name)
