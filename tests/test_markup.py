"""Objects in notebooks: the HTML is well-formed, small and without scripts, and shows the right values."""

from __future__ import annotations

import math
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab import markup
from tensorlab.layers import Dense


class Reader(HTMLParser):
    """Reads the texts of cells and other elements, and checks that each element is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.texts: dict[str, list[str]] = {"caption": [], "pre": []}
        self.feed(html)
        self.close()
        assert self.open == []
        assert len(html) < 20_000

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        assert tag in ("table", "caption", "tr", "th", "td", "pre")
        assert {name for name, _ in attributes} <= {"style"}
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1] in ("th", "td"):
            self.rows[-1][-1] += data
        else:
            self.texts[self.open[-1]].append(data)


def read(thing: Any) -> Reader:
    return Reader(thing._repr_html_())


def test_tensors_of_one_and_two_axes_are_tables() -> None:
    found = read(tl.asarray([[1.5, -2.0], [math.nan, 1e-7]]))
    assert found.rows == [["1.5", "-2"], ["nan", "1e-07"]]
    assert found.texts["caption"] == ["Tensor: shape=(2, 2), dtype=float32"]
    assert read(tl.asarray([True, False])).rows == [["True", "False"]]
    assert read(tl.Variable([1, 2], name="w")).rows == [["1", "2"]]
    assert "device='reference'" in read(tl.asarray([1.0], device="reference")).texts["caption"][0]


@pytest.mark.parametrize("shape", [(), (0,), (2, 0), (1, 2, 3)])
def test_other_tensors_are_text(shape: tuple[int, ...]) -> None:
    assert tl.zeros(shape)._repr_html_() is None


def test_long_tensors_are_clipped() -> None:
    found = read(tl.reshape(tl.arange(1_000_000), (1000, 1000)))
    assert found.rows[0] == [*"01234", "...", "995", "996", "997", "998", "999"]
    ends = [*range(5), None, *range(995, 1000)]
    assert [row[0] for row in found.rows] == ["..." if k is None else str(1000 * k) for k in ends]


def test_models_and_histories() -> None:
    model = tl.Sequential([tl.Input((4,)), Dense(3, name="<b>")], name="small & plain")
    found = read(model)
    assert found.rows == [["Layer (type)", "Output Shape", "Param #"], ["<b> (Dense)", "(None, 3)", "15"]]
    assert found.texts["caption"] == ['Model: "small & plain"']
    assert found.texts["pre"][0].startswith(" Total params: 15")
    model.compile("sgd", "mse")
    x, y = np.ones((4, 4)), np.zeros((4, 3))
    history = model.fit(x, y, epochs=25, validation_split=0.5, verbose=0)
    rows = read(history).rows
    assert rows[0] == ["epoch", "loss", "val_loss"]
    assert [row[0] for row in rows[1:]] == [str(epoch) for epoch in range(6, 26)]
    assert rows[-1][1] == f"{history.history['loss'][-1]:.4f}"
    history.history["note"] = ["late"]
    assert read(history).rows[-1][-1] == "late"
    assert read(tl.callbacks.History()).rows == [["epoch"]]
    assert read(tl.Sequential([Dense(2)])).rows[1][1] == "?"


def test_functions_and_plans() -> None:
    @tl.elementwise
    def clipped(x: float) -> float:
        return x if x < 1.0 else 1.0

    (text,) = read(clipped).texts["pre"]
    assert "def clipped(x):" in text
    assert "x < 1.0" in text
    assert "test_markup.py, line" in text
    assert read(clipped.scalar).texts["pre"] == [text]

    @tl.jit
    def doubled(x: tl.Tensor) -> tl.Tensor:
        return x + x

    assert read(doubled).texts["pre"] == ["no plan: fewer than three calls with equal shapes"]
    for _ in range(4):
        doubled(tl.ones((3,)))
    found = read(doubled)
    assert found.rows[0] == ["", "kernel", "shapes", "bytes", "flops", "share"]
    assert found.rows[1][2].endswith("(3) -> (3)")


def test_text_and_cells_are_escaped() -> None:
    attack = "<script>alert('&')</script>"
    assert Reader(markup.text(attack, "b")).texts["pre"] == [f"{attack}\nb"]
    assert Reader(markup.table([attack], [[attack]], caption=attack)).rows == [[attack], [attack]]
