"""Check every reduction and cumulative operation, in the dtypes of the standard, against NumPy on random arrays."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from any_array import DTYPES, Array, Case, arrays, axes_of, axis_of, plain
from hypothesis import given, settings
from hypothesis import strategies as st

import tensorlab as tl


def _wide(a: Array) -> Any:
    return {"b": np.int64, "i": np.int64, "u": np.uint64}.get(a.dtype.kind, a.dtype.newbyteorder("="))


def _sums(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    axes, keepdims, name = axes_of(data, a), data.draw(st.booleans()), data.draw(st.sampled_from(["sum", "prod"]))
    if a.dtype.kind == "f":
        magnitudes = np.abs(plain(a)[np.isfinite(plain(a)) & (plain(a) != 0)].astype(np.float64))
        if np.abs(np.log2(magnitudes)).sum() > 120:  # the product may overflow in some order, and inf * 0 is NaN
            name = "sum"
    expected = getattr(np, name)(a, axis=axes, keepdims=keepdims, dtype=np.float64 if a.dtype.kind == "f" else _wide(a))
    return getattr(tl, name)(x, axis=axes, keepdims=keepdims), np.asarray(expected).astype(_wide(a))


def _truths(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    axes, keepdims = axes_of(data, a), data.draw(st.booleans())
    name = data.draw(st.sampled_from(["any", "all", "count_nonzero"]))
    expected = getattr(np, name)(plain(a), axis=axes, keepdims=keepdims)
    return getattr(tl, name)(x, axis=axes, keepdims=keepdims), expected


def _extremes(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    axes, keepdims, name = axes_of(data, a), data.draw(st.booleans()), data.draw(st.sampled_from(["max", "min"]))
    if any(a.shape[k] == 0 for k in (range(a.ndim) if axes is None else axes)):
        with pytest.raises(tl.errors.ShapeError, match=rf"^{name}: expected at least one element, .*no identity$"):
            getattr(tl, name)(x, axis=axes, keepdims=keepdims)
        return x, a
    return getattr(tl, name)(x, axis=axes, keepdims=keepdims), getattr(np, name)(a, axis=axes, keepdims=keepdims)


def _moments(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    axes, keepdims = axes_of(data, a), data.draw(st.booleans())
    name = data.draw(st.sampled_from(["mean", "var", "std"]))
    kind = a.dtype.newbyteorder("=") if a.dtype.kind == "f" else np.dtype(np.float32)
    wide = a.astype(np.float64)  # integers are not rounded to float32 first
    if name == "mean":
        return tl.mean(x, axis=axes, keepdims=keepdims), np.asarray(wide.mean(axes, keepdims=keepdims)).astype(kind)
    correction = data.draw(st.sampled_from([0, 1, 2.5]))
    count = np.prod([a.shape[k] for k in (range(a.ndim) if axes is None else axes)], dtype=int)
    squares = np.square(wide - wide.mean(axes, keepdims=True)).sum(axes, keepdims=keepdims)
    if a.dtype.kind == "f":
        with np.errstate(over="ignore"):  # the sum of squares overflows in float32 too
            squares = np.asarray(squares).astype(kind).astype(np.float64)
    variance = squares / (count - correction if count > correction else np.nan)
    expected = np.asarray(variance if name == "var" else np.sqrt(variance)).astype(kind)
    return getattr(tl, name)(x, axis=axes, keepdims=keepdims, correction=correction), expected


def _cumulative(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    axis, initial = axis_of(data, a), data.draw(st.booleans())
    name = data.draw(st.sampled_from(["cumulative_sum", "cumulative_prod"]))
    function = np.cumulative_sum if name == "cumulative_sum" else np.cumulative_prod
    expected: Any = function(
        plain(a), axis=axis, include_initial=initial, dtype=np.float64 if a.dtype.kind == "f" else _wide(a)
    )
    return getattr(tl, name)(x, axis=axis, include_initial=initial), expected.astype(_wide(a))


def _logsumexp(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    axes, keepdims = axes_of(data, a), data.draw(st.booleans())
    kind = a.dtype.newbyteorder("=") if a.dtype.kind == "f" else np.dtype(np.float32)
    wide = a.astype(kind).astype(np.float64)
    largest = np.max(wide, axes, keepdims=True, initial=-np.inf)
    largest = np.where(np.isfinite(largest), largest, 0.0)
    expected = np.asarray(np.log(np.exp(wide - largest).sum(axes, keepdims=True)) + largest)
    if not keepdims:
        expected = expected.squeeze(tuple(range(a.ndim)) if axes is None else axes)
    return tl.logsumexp(x, axis=axes, keepdims=keepdims), expected.astype(kind)


def _diff(data: st.DataObject, x: tl.Tensor, a: Array) -> Case:
    if a.dtype.kind == "b":
        return x, a
    axis, n = axis_of(data, a), data.draw(st.integers(0, 3))
    ends = dict.fromkeys(data.draw(st.lists(st.sampled_from(["prepend", "append"]), unique=True)), plain(a))
    return tl.diff(x, axis=axis, n=n, **ends), np.diff(plain(a), n, axis, **ends)


REDUCING: dict[str, tuple[Any, tuple[int, int]]] = {
    "any, all, count_nonzero": (_truths, (0, 8)),
    "cumulative": (_cumulative, (1, 5)),
    "diff": (_diff, (1, 5)),
    "logsumexp": (_logsumexp, (0, 5)),
    "max, min": (_extremes, (0, 8)),
    "mean, var, std": (_moments, (0, 5)),
    "sum, prod": (_sums, (0, 8)),
}


@pytest.mark.parametrize("name", REDUCING)
@pytest.mark.parametrize("device", ["cpu", "reference"])
@settings(deadline=None, max_examples=60)
@given(st.data())
def test_reductions_and_scans_match_numpy(name: str, device: str, data: st.DataObject) -> None:
    operation, ranks = REDUCING[name]
    # Compiling a kernel for each dtype is slow; the CPU is tested in two dtypes here.
    array = data.draw(arrays(ranks, DTYPES if device == "reference" else ("float32", "int64")))
    with tl.device(device), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=RuntimeWarning)  # NumPy: mean of an empty slice
        result, expected = operation(data, tl.asarray(array), array)
    expected = np.asarray(expected)
    assert result.device == device
    assert result.shape == expected.shape
    assert result.dtype == expected.dtype.newbyteorder("=")
    if expected.dtype.kind == "f":
        # Rounding errors depend on the order of summation; variances square them.
        parts = np.abs(plain(array).astype(np.float64))
        largest = float(parts[np.isfinite(parts)].sum())
        with np.errstate(invalid="ignore"):
            atol = 3e-5 * (1.0 + max(largest, largest**2) if "var" in name else 1.0 + largest)
            np.testing.assert_allclose(result.numpy().astype(np.float64), expected.astype(np.float64), 3e-5, atol)
    else:
        np.testing.assert_array_equal(result.numpy(), plain(expected), strict=True)
