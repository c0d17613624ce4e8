"""Layers over windows compute what Keras computes: outputs and gradients, in float32 and float64."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from window_cases import CASES, numbers

import tensorlab as tl

KERAS = json.loads((Path(__file__).parents[1] / "support" / "window_cases.json").read_text())
TOLERANCES = {"float32": 2e-5, "float64": 1e-10}


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("name", CASES)
def test_outputs_and_gradients_are_those_of_keras(name: str, dtype: str) -> None:
    kind, arguments, shape = CASES[name]
    layer = getattr(tl.layers, kind)(**arguments, dtype=dtype)
    layer.build(shape)
    layer.set_weights([numbers(f"{name} {k}", weight.shape) for k, weight in enumerate(layer.weights)])
    inputs = numbers(name, shape)
    x = tl.asarray(inputs.astype(dtype) if inputs.dtype.kind == "f" else inputs)
    with tl.GradientTape() as tape:
        tape.watch([x] if x.dtype.kind == "f" else [])
        outputs = layer(x)
        total = tl.sum(outputs * tl.asarray(numbers(f"{name} share", outputs.shape).astype(dtype)))
    sources = [*([x] if inputs.dtype.kind == "f" else []), *layer.trainable_weights]
    expected, *gradients = KERAS[f"{name} {dtype}"]
    assert outputs.dtype == dtype
    assert layer.compute_output_shape(shape) == outputs.shape
    assert layer.compute_output_shape((None, *shape[1:])) == (None, *outputs.shape[1:])
    # TensorFlow interpolates in float32.
    tolerance = TOLERANCES["float32" if name == "bilinear" else dtype]
    np.testing.assert_allclose(outputs.numpy(), expected, rtol=tolerance, atol=tolerance)
    found = tape.gradient(total, sources)
    assert len(found) == len(gradients)
    for received, gradient in zip(found, gradients, strict=True):
        np.testing.assert_allclose(received.numpy(), gradient, rtol=tolerance, atol=tolerance)
