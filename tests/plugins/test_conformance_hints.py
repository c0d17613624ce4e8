"""Hints of failed checks of layers name the cause."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from conformance_cases import why

import tensorlab as tl
from tensorlab.layers import Dense, Layer
from tensorlab.testing.layer import LayerSubject


class Drawing(Layer):
    def call(self, inputs: tl.Tensor) -> tl.Tensor:
        return inputs * random.random()


class Counting(Layer):
    calls = 0

    def call(self, inputs: tl.Tensor) -> tl.Tensor:
        self.calls += 1
        return inputs * self.calls


class Narrow(Layer):
    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight((input_shape[-1],), "ones", dtype="float32", name="scale")

    def call(self, inputs: tl.Tensor) -> tl.Tensor:
        return inputs * self.scale


class Outside(Layer):
    def call(self, inputs: tl.Tensor) -> tl.Tensor:
        return tl.asarray(np.tanh(inputs.numpy()))


class Centred(Layer):
    def call(self, inputs: tl.Tensor) -> tl.Tensor:
        return inputs - tl.mean(inputs, axis=0)


class Failing(Layer):
    def call(self, inputs: tl.Tensor) -> tl.Tensor:
        return inputs * np.load("nowhere.npy")


class Silent(Layer):
    def call(self, inputs: tl.Tensor) -> Any:
        inputs * 2.0


class Listing(Layer):
    def call(self, inputs: tl.Tensor) -> Any:
        return [inputs]


REPEATS = "do not depend on the time, on global generators or on earlier calls"


@pytest.mark.parametrize(
    ("cls", "heading", "words"),
    [
        (Drawing, "backends", f"its results differ from call to call: {REPEATS}"),
        (Drawing, "gradients", f"its results differ from call to call: {REPEATS}"),
        (Drawing, "shapes", f"its results differ from call to call: {REPEATS}"),
        (Counting, "gradients", f"a second call gives different results: {REPEATS}"),
        (Counting, "shapes", f"a second call gives different results: {REPEATS}"),
        (
            Narrow,
            "dtypes",
            "/scale' of float32; make it with self.add_weight in build, which takes the layer's dtype",
        ),
        (Outside, "gradients", "no recorded operation connects them: NumPy and .numpy() are not recorded"),
        (
            Centred,
            "shapes",
            "the result of a sample depends on other samples: reduce only along the axes after the first",
        ),
        (Failing, "shapes", "expected no exception, received FileNotFoundError: "),
        (Failing, "shapes", "; see test_conformance_hints.py, line 50"),
        (Silent, "shapes", "call: expected a tensor as its result, received None"),
    ],
)
def test_hint_names_the_cause(cls: type[Layer], heading: str, words: str) -> None:
    found = why(LayerSubject(cls), heading)
    assert words in found
    assert "give check_layer inputs" not in found


def test_layers_whose_output_is_not_one_tensor_are_skipped() -> None:
    with tl.device("reference"):
        results = [check.result() for check in LayerSubject(Listing).checks() if check.heading != "config"]
    assert {result.outcome for result in results} == {"skipped"}
    why = "its output is a list; layers whose output is not one tensor are not checked"
    assert {result.why for result in results} == {why}


def test_inner_layers_have_the_dtype_of_the_checked_layer() -> None:
    class Block(Layer):
        def build(self, input_shape: Any) -> None:
            self.inner = Dense(2)

        def call(self, inputs: tl.Tensor) -> tl.Tensor:
            return self.inner(inputs)

    with tl.device("reference"):
        (check,) = [check for check in LayerSubject(Block).checks() if check.heading == "dtypes"]
        assert check.result().outcome == "passed"
