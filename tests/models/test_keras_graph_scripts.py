"""Programs with several inputs and outputs, shared layers and added losses compute the numbers of Keras 3.15.

The programs are in `keras_graph_scripts.py` of `tests/support`. `record_keras.py` recorded the results of Keras.
"""

from __future__ import annotations

import json
from typing import Any

import keras_layer_scripts  # noqa: F401  (adds its scripts)
import pytest
from keras_graph_scripts import SCRIPTS
from record_keras import GRAPH_RECORD, plain
from test_keras_scripts import check

import tensorlab as tl

pytestmark = pytest.mark.filterwarnings("ignore:.*do not pass an `input_shape`")

RECORDED: dict[str, Any] = json.loads(GRAPH_RECORD.read_text())


def test_results_of_every_script_are_recorded() -> None:
    assert list(RECORDED) == list(SCRIPTS)


@pytest.mark.parametrize("name", SCRIPTS)
def test_results_match_keras(name: str) -> None:
    check(plain(SCRIPTS[name](tl)), RECORDED[name], name)
