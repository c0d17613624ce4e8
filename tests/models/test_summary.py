"""`summary`: the numbers and the layout of Keras 3.15, whose lines are recorded here."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError
from tensorlab.layers import BatchNormalization, Dense, Dropout, Flatten, Input

# What Keras prints for the models below, with `show_trainable` and `expand_nested`; borders and padding are left out.
KERAS = """\
Model: "outer"
Layer (type) | Output Shape | Param # | Train
inner (Sequential) | (None, 1) | 81 | Y
first (Dense) | (None, 8) | 40 | N
drop (Dropout) | (None, 8) | 0 | -
normal (BatchNormalization) | (None, 8) | 32 | Y
last (Dense) | (None, 1) | 9 | Y
flat (Flatten) | (None, 1) | 0 | -
Total params: 133 (536.00 B)
Trainable params: 25 (100.00 B)
Non-trainable params: 56 (224.00 B)
Optimizer params: 52 (212.00 B)""".splitlines()


def nested() -> tl.Sequential:
    layers = [
        Dense(8, activation="relu", name="first"),
        Dropout(0.5, name="drop"),
        BatchNormalization(name="normal"),
        Dense(1, name="last"),
    ]
    inner = tl.Sequential([Input((4,)), *layers], name="inner")
    inner.layers[0].trainable = False
    return tl.Sequential([Input((4,)), inner, Flatten(name="flat")], name="outer")


def lines_of(model: tl.Model, **options: Any) -> list[str]:
    """Return the lines without borders: the cells of a row, separated by |."""
    lines: list[str] = []
    model.summary(print_fn=lines.append, **{"line_length": 100, **options})
    found = [re.sub(r"\s*[│┃|]\s*", "|", line).strip("| ") for line in lines]
    return [line.replace("|", " | ") for line in found if re.search(r"\w", line)]


def test_numbers_are_those_of_keras() -> None:
    model = nested()
    model.compile("adam", "mse")
    model.fit(np.ones((8, 4)), np.ones((8, 1)), verbose=0)
    found = lines_of(model, expand_nested=True, show_trainable=True)
    # Keras counts the step and the learning rate of the optimizer too: 2 numbers, 12 bytes
    total, optimizer = "Total params: 131 (524.00 B)", "Optimizer params: 50 (200.00 B)"
    expected = [*KERAS[:8], total, *KERAS[9:11], optimizer]
    assert [line.replace("Trainable |", "Train |").removesuffix("able") for line in found] == expected
    assert [line.split(" | ")[0] for line in lines_of(model)][2:4] == ["inner (Sequential)", "flat (Flatten)"]


def test_model_that_is_not_built(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "90")
    model = tl.Sequential([Dense(512, name="hidden"), Dense(10, name="digits")], name="net")
    model.summary()
    rows = capsys.readouterr().out.splitlines()
    assert rows[0] == 'Model: "net"'
    (hidden,) = [row for row in rows if "hidden (Dense)" in row]
    assert re.findall(r"[?\w()]+", hidden) == ["hidden", "(Dense)", "?", "0", "(unbuilt)"]
    assert rows[-3].strip() == "Total params: 0 (0.00 B)"
    model.build((None, 784))
    model.summary()
    rows = capsys.readouterr().out.splitlines()
    assert rows[-3].strip() == "Total params: 407,050 (1.55 MB)"
    assert "(None, 512)" in next(row for row in rows if "hidden (Dense)" in row)
    assert max(map(len, rows)) <= 90


def test_range_of_layers() -> None:
    model = nested()
    names = [line.split(" (")[0] for line in lines_of(model, expand_nested=True, layer_range=["first", "norm.*"])]
    assert names[2:5] == ["first", "drop", "normal"]
    assert names[5].startswith("Total params")
    who = "Sequential 'outer'.summary layer_range"
    for given, message in (
        (["frist", "drop"], "expected the names of layers, received 'frist'; did you mean 'first'?"),
        ("first", "expected the names of the first and the last layer, received 'first'"),
    ):
        with pytest.raises(ArgumentError) as error:
            model.summary(expand_nested=True, layer_range=given)
        assert str(error.value) == f"{who}: {message}"


def test_wrong_arguments_of_summary() -> None:
    model = tl.Sequential([Dense(1)], name="net")
    with pytest.raises(ArgumentError) as error:
        model.summary(line_length=3)
    assert str(error.value) == (
        "Sequential 'net'.summary line_length: expected an integer from 20 to 10000, or None, received 3"
    )
    with pytest.raises(ArgumentTypeError) as wrong:
        model.summary(print_fn=3)  # type: ignore[arg-type]
    assert str(wrong.value) == (
        "Sequential 'net'.summary print_fn: expected a function of one line, or None, received 3"
    )
