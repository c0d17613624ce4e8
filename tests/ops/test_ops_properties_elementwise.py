"""Check every elementwise operation in `tensorlab.ops` against NumPy, on random arrays.

The arrays broadcast, and have every dtype in the domain, every memory layout, and special values.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import any_array
import numpy as np
import pytest
import test_ops_properties
import test_ops_properties_products
import test_ops_properties_reduction
from any_array import DTYPES, Array, arrays, plain, shapes
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import tensorlab as tl
from tensorlab import ops
from tensorlab.errors import DTypeError
from tensorlab.ops.lift import Elementwise

OPERATIONS: dict[str, Elementwise] = {
    name: operation for name in ops.__all__ if isinstance(operation := getattr(ops, name), Elementwise)
} | {"pow": ops.powers._pow}

WORDS = {"number": "numbers", "integer": "integers", "bits": "integers or bools"}


def _whole(function: Callable[[Array], Array]) -> Callable[[Array], Array]:
    return lambda x: function(x) if x.dtype.kind == "f" else x


def _floor_divide(a: Array, b: Array) -> Array:
    quotient = np.floor_divide(a, b)
    return np.where(np.isinf(a), np.floor(a / b), quotient) if a.dtype.kind == "f" else quotient  # NumPy: NaN


def _by_math(function: Callable[[float], float]) -> Callable[[Array], Array]:
    return lambda x: np.vectorize(function, otypes=[np.float64])(x).astype(x.dtype)


ORACLES: dict[str, Callable[..., Any]] = {
    "ceil": _whole(np.ceil),
    "erf": _by_math(math.erf),
    "erfc": _by_math(math.erfc),
    "floor": _whole(np.floor),
    "floor_divide": _floor_divide,
    "reciprocal": lambda x: 1 / x,
    "relu": lambda x: np.where(x > 0, x, np.where(x == x, 0, x)).astype(x.dtype),
    "round": _whole(np.rint),
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "sigmoid": lambda x: (1 / (1 + np.exp(-x.astype(np.float64)))).astype(x.dtype),
    "trunc": _whole(np.trunc),
}
"""NumPy equivalents of operations that NumPy defines differently or lacks."""

ROUNDED = 3e-6, 1e-14
"""Tolerances in float32 and float64 for functions from different math libraries."""


def second(data: st.DataObject, name: str, array: Array) -> Array:
    """Draw a second operand that broadcasts with the first and is valid for the operation."""
    start = data.draw(st.integers(0, array.ndim))
    shape = tuple(1 if data.draw(st.booleans()) else length for length in array.shape[start:])
    other = data.draw(arrays(dtypes=(array.dtype.newbyteorder("=").name,), shape=shape))
    if array.dtype.kind in "iu" and ("shift" in name or name == "pow"):
        other = plain(other) & 7  # avoid negative powers and shifts by too many bits
    return other


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("device", ["cpu", "reference"])
@settings(deadline=None, max_examples=20)
@given(st.data())
def test_results_match_numpy(name: str, device: str, data: st.DataObject) -> None:
    operation = OPERATIONS[name]
    kernels = ("int32",) if operation.domain in WORDS and operation.domain != "number" else ("float32",)
    # Compiling a kernel for each dtype is slow; test_ops_standard.py tests them on the CPU.
    array = data.draw(arrays((0, 8 if device == "cpu" else 4), DTYPES if device == "reference" else kernels))
    operands = [array, second(data, name, array)][: operation.scalar.arity]
    function: Any = getattr(tl, name)
    before = [operand.tobytes() for operand in operands]
    with tl.device(device):
        kind = {"b": "bool", "f": "real"}.get(array.dtype.kind, "integer")
        takes = {"number": ("integer", "real"), "integer": ("integer",), "bits": ("integer", "bool")}
        if kind not in takes.get(operation.domain, (kind,)):
            message = rf"^{name}: expected tensors of {WORDS[operation.domain]}, received "
            with pytest.raises(DTypeError, match=message + plain(array).dtype.name):
                function(*operands)
            return
        result = function(*operands)
    computed = [plain(operand) for operand in operands]
    if operation.domain == "real" and kind != "real":
        computed = [operand.astype(np.float32) for operand in computed]
    with np.errstate(all="ignore"):
        expected = np.asarray((ORACLES.get(name) or getattr(np, name))(*computed))
    assert result.device == device
    assert result.shape == np.broadcast_shapes(*[operand.shape for operand in operands])
    assert result.dtype == (bool if operation.result == "bool" else computed[0].dtype)
    if result.dtype.kind == "f":
        np.testing.assert_allclose(result.numpy(), expected, rtol=ROUNDED[result.dtype.itemsize == 8], atol=1e-44)
    else:
        np.testing.assert_array_equal(result.numpy(), expected, strict=True)
    assert [operand.tobytes() for operand in operands] == before


@pytest.mark.parametrize("layout", sorted(any_array.LAYOUTS))
def test_out_can_have_any_layout(layout: str, rng: np.random.Generator) -> None:
    memory = any_array.LAYOUTS[layout](rng.normal(size=(3, 4)).astype(np.float32))
    if layout in ("read-only", "stretched"):  # NumPy arrays with a stride of zero are read-only too
        with pytest.raises(tl.errors.ArgumentError, match=r"^negative: expected a writable out, receiv"):
            tl.negative(memory, out=memory)
        return
    expected = -plain(memory)
    assert tl.negative(memory, out=memory) is memory
    np.testing.assert_array_equal(memory, expected)
    other: Any = memory[::-1, ::-1]  # shares its memory
    expected = plain(memory) + plain(memory)
    assert tl.add(memory, memory, out=other) is other
    np.testing.assert_array_equal(other, expected)


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_rejected_out_is_unchanged(data: st.DataObject) -> None:
    array = data.draw(arrays((0, 4), ("float32",)))
    out: Array = np.full(data.draw(shapes((0, 4))), 7, data.draw(st.sampled_from(DTYPES)))
    assume(out.shape != array.shape or out.dtype != np.float32)
    with pytest.raises(
        (tl.errors.ShapeError, DTypeError), match=r"^negative: expected an out of (shape|float32).*, received"
    ):
        tl.negative(array, out=out)
    assert (out == np.asarray(7, out.dtype)).all()


PLAIN = (
    *("arange", "asarray", "empty", "eye", "full", "linspace", "ones", "zeros"),
    *("can_cast", "finfo", "iinfo", "isdtype", "result_type", "elementwise", "stop_gradient"),
    *("conj", "imag", "real"),  # tested in test_array_api.py
)
"""Operations that take no arrays or return them unchanged."""


def test_all_operations_are_tested() -> None:
    files = (test_ops_properties, test_ops_properties_reduction, test_ops_properties_products)
    text = "".join(inspect.getsource(file) for file in files)
    functions = [name for name in ops.__all__ if callable(getattr(ops, name)) and not name.startswith("_")]
    tried = {name for name in functions if f"tl.{name}" in text or f'"{name}"' in text}
    assert {*functions} - {*OPERATIONS} - tried <= {*PLAIN}
