"""`tl.inspect`: sources, derivatives, and the vectors, instructions and bytes of the compiled loop."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentTypeError, DTypeError, ScalarError, StateError, UnknownNameError
from tensorlab.kernels.runtime import library, processor


def vector_bytes() -> int:
    """Return the size of the longest vectors that kernels on this processor may use."""
    known = processor.features()
    return 64 if "avx512f" in known else 32 if "avx2" in known else 16


def twice_positive(x: float) -> float:
    return max(x, 0.0) * 2.0


def wave(x: float, y: float) -> float:
    return math.sin(x) * y + math.exp(x * y)


def halvings(x: float) -> float:
    count = 0.0
    while x > 1.0:
        x = x / 2.0
        count = count + 1.0
    return count


def run(source: str, name: str, *arguments: float) -> float:
    namespace: dict[str, Any] = {"math": math}
    exec(source, namespace)
    return float(namespace[name](*arguments))


@pytest.mark.parametrize(("dtype", "size"), [("float32", 4), ("float64", 8), ("int32", 4)])
def test_loops_have_vectors_of_the_processor(dtype: str, size: int) -> None:
    found = tl.inspect(tl.add, dtype)
    assert found.dtype == np.dtype(dtype)
    assert found.vector_width == vector_bytes() // size
    assert found.elements % found.vector_width == 0
    assert found.bytes == 3 * size  # two are read and one is written


def test_instructions_are_those_of_the_assembly() -> None:
    found = tl.inspect(twice_positive)
    lines = found.assembly.splitlines()
    assert found.instructions == len(lines) / found.elements
    assert 1 / found.vector_width <= found.instructions < 1.0
    if processor.machine() in ("x86_64", "amd64"):
        register = {64: "%zmm", 32: "%ymm", 16: "%xmm"}[vector_bytes()]
        stores = [line for line in lines if line.startswith("vmovup") and line.endswith(")")]
        assert len(stores) == found.elements // found.vector_width
        assert all(register in line for line in stores)
        assert lines[-1].startswith("j")


def test_sources_compute_the_function_and_its_derivatives() -> None:
    found, x, y, h = tl.inspect(wave), 0.7, -0.4, 1e-6
    assert found.name == "wave"
    assert run(found.source, "wave", x, y) == wave(x, y)
    by_x = (wave(x + h, y) - wave(x - h, y)) / (2.0 * h)
    by_y = (wave(x, y + h) - wave(x, y - h)) / (2.0 * h)
    assert list(found.derivatives) == ["x", "y"]
    assert run(found.derivatives["x"], "wave_d_x", x, y) == pytest.approx(by_x, abs=1e-8)
    assert run(found.derivatives["y"], "wave_d_y", x, y) == pytest.approx(by_y, abs=1e-8)


def test_activations_are_found_by_name_and_keep_their_own_derivative() -> None:
    found = tl.inspect("relu")
    assert found == tl.inspect(tl.activations.relu)
    assert found.bytes == 8.0

    def step(x: float) -> float:
        return 1.0 if x > 0 else 0.0

    def surrogate(x: float) -> float:
        return 1.0 / (1.0 + x * x)

    assert "x * x" in tl.inspect(tl.Activation(step, derivative=surrogate)).derivatives["x"]


def test_text_has_everything() -> None:
    text = str(tl.inspect(twice_positive))
    assert text == repr(tl.inspect(twice_positive))
    for part in ("twice_positive of float32", "def twice_positive(x):", "its derivative in x", "8 bytes an element"):
        assert part in text
    assert f"vectors of {vector_bytes() // 4}" in text


def test_loops_with_branches_are_not_vectorized() -> None:
    found = tl.inspect(halvings)
    assert (found.vector_width, found.instructions, found.bytes, found.assembly) == (1, None, None, "")
    assert "its loop has branches, so it is not vectorized" in str(found)


def test_functions_of_several_results_are_inspected() -> None:
    found = tl.inspect(lambda x, y: (x * y, x - y), "float64")
    assert found.bytes == 32.0
    assert found.vector_width == vector_bytes() // 8


@pytest.mark.parametrize("thing", ["softmax", "linear", tl.activations.softmax, tl.sum, len, 3, None])
def test_other_things_are_rejected(thing: Any) -> None:
    with pytest.raises(
        ArgumentTypeError, match=r"^inspect: expected a function of numbers, received .*; give a Python"
    ):
        tl.inspect(thing)


def test_errors_of_functions_and_names_are_kept() -> None:
    with pytest.raises(UnknownNameError, match="relu"):
        tl.inspect("rellu")
    with pytest.raises(ScalarError, match="print"):
        tl.inspect(lambda x: print(x))
    with pytest.raises(DTypeError):
        tl.inspect(tl.add, "complex64")
    with pytest.raises(DTypeError):
        tl.inspect(tl.bitwise_and, "float32")


def test_missing_compiler_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "lowering", _without_numba)
    with pytest.raises(StateError, match=r"numba, which compiles kernels, is not installed, .*; pip install numba"):
        tl.inspect(twice_positive)


def _without_numba(maker: str) -> Any:
    raise ModuleNotFoundError("No module named 'numba'", name="numba")
