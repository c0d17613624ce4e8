"""Checks that every gradient on CUDA matches the reference backend. See `test_cuda_checks`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradient_cases
import numpy as np
from test_cuda_checks import check
from test_cuda_driver import fallback

import tensorlab as tl

ON_THE_HOST = {"sort", "top_k"}
"""Operations without a kernel, which are computed on the host."""


def agree(name: str, function: Callable[..., Any], arrays: Sequence[np.ndarray], rng: np.random.Generator) -> None:
    """Assert that a function has the same values and gradients on both backends."""
    results: list[list[np.ndarray]] = []
    cotangent = None
    for device in ("reference", "cuda"):
        with tl.device(device), tl.GradientTape() as tape:
            inputs = [tl.asarray(array) for array in arrays]
            tape.watch(inputs)
            value = function(*inputs)
            cotangent = rng.normal(size=value.shape).astype(value.dtype) if cotangent is None else cotangent
            seed = tl.asarray(cotangent)
        found = [value, *tape.gradient(value, inputs, seed)]
        assert {tensor.device for tensor in found} == {device}, name
        results.append([tensor.numpy() for tensor in found])
    for expected, received in zip(*results, strict=True):
        assert (received.dtype, received.shape) == (expected.dtype, expected.shape), name
        np.testing.assert_allclose(received, expected, rtol=2e-5, atol=2e-5, err_msg=name)


@check
def gradients_match_the_reference_backend(rng):
    for case in gradient_cases.CASES:
        arrays = [gradient_cases.laid_out(rng, array.astype(np.float32)) for array in case.arrays(rng)]
        with fallback("silent" if any(f"tl.{name}(" in case.ours for name in ON_THE_HOST) else "error"):
            agree(str(case), case.function, arrays, rng)


@check
def elementwise_gradients_match_the_reference_backend(rng):
    for count, makers in ((1, gradient_cases.UNARY), (2, gradient_cases.BINARY)):
        for name, make in makers.items():
            arrays = [make(rng, *((2, 3), (3,))[number]).astype(np.float32) for number in range(count)]
            agree(name, getattr(tl, name), arrays, rng)
