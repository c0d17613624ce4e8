"""Conversions between dtypes agree for every length, layout, device and function that converts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from any_layout import layouts
from backend_conversions import EDGES, INTEGERS, expected, odd

import tensorlab as tl
from tensorlab.errors import ArgumentError
from tensorlab.host_arrays import cast

Array = np.ndarray[Any, Any]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", INTEGERS)
def test_cast_of_host_arrays_matches_the_definition(name: str, dtype: str, rng: np.random.Generator) -> None:
    with np.errstate(over="ignore"):
        edges = rng.permutation(np.array(EDGES)).astype(dtype)
    for layout in layouts(edges[:60].reshape(5, 12)).values():
        np.testing.assert_array_equal(cast(layout, np.dtype(name)), expected(layout, name), strict=True)
    assert cast(np.empty((0, 3), dtype), np.dtype(name)).shape == (0, 3)
    rank_0 = cast(np.asarray(-2.0, dtype), np.dtype(name))
    assert rank_0.shape == ()
    assert rank_0 == expected(np.asarray(-2.0), name)


WAYS: dict[str, Callable[[Array, Any], Any]] = {
    "astype": lambda x, device: tl.astype(tl.asarray(x, device=device), "uint8"),
    "method": lambda x, device: tl.asarray(x, device=device).astype("uint8"),
    "asarray": lambda x, device: tl.asarray(x, dtype="uint8", device=device),
    "asarray of a tensor": lambda x, device: tl.asarray(tl.asarray(x, device=device), dtype="uint8"),
    "asarray of lists": lambda x, device: tl.asarray(x.tolist(), dtype="uint8", device=device),
    "Variable": lambda x, device: tl.Variable(tl.asarray(x, device=device), dtype="uint8"),
    "NumPy": lambda x, device: np.asarray(tl.asarray(x, device=device), "uint8"),
    "full": lambda x, device: tl.stack([tl.full((), value, dtype="uint8", device=device) for value in x.tolist()]),
}


@pytest.mark.parametrize("device", ["cpu", "reference"])
@pytest.mark.parametrize("way", WAYS)
def test_all_functions_convert_in_the_same_way(way: str, device: str, rng: np.random.Generator) -> None:
    for count in (1, 3, 8, 100):
        values = rng.choice([-2.0, 300.5, -129.9, 1e9, 4294967551.0, -1e15], count)
        np.testing.assert_array_equal(np.asarray(WAYS[way](values, device)), expected(values, "uint8"))


def test_python_numbers_out_of_range_are_rejected() -> None:
    for value in (np.nan, np.inf, 1e300, -1e30):
        for make in (lambda x: tl.asarray(x, dtype="uint8"), lambda x: tl.full((2,), x, dtype="int64")):
            with pytest.raises(
                ArgumentError, match=r"^\w+: expected numbers that u?int\d+ holds, received .*64-bit integer$"
            ):
                make(float(value))
    with pytest.raises(ArgumentError, match=r"^asarray: expected numbers that uint8 holds, received \[300\]"):
        tl.asarray([300], dtype="uint8")
    assert int(tl.asarray(2.0**63, dtype="uint64")) == 2**63


OF_BOOLS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "sum": (tl.sum, np.sum),
    "mean": (lambda x: tl.mean(tl.astype(x, "float32")), lambda x: np.mean(x, dtype=np.float32)),
    "any": (tl.any, np.any),
    "all": (tl.all, np.all),
    "int64": (lambda x: tl.astype(x, "int64"), lambda x: x.astype(np.int64)),
    "bool": (lambda x: tl.astype(x, "bool", copy=True).numpy().view(np.uint8), lambda x: x.astype(np.uint8)),
    "equal": (lambda x: tl.equal(x, x[::-1]), lambda x: x == x[::-1]),
    "and": (lambda x: x & x[::-1], lambda x: x & x[::-1]),
    "xor": (lambda x: x ^ x[::-1], lambda x: x ^ x[::-1]),
    "invert": (lambda x: ~x, lambda x: ~x),
    "not": (tl.logical_not, np.logical_not),
    "where": (lambda x: tl.where(x, 1, 2), lambda x: np.where(x, 1, 2)),
    "mask": (lambda x: tl.asarray(np.arange(40))[x], lambda x: np.arange(40)[x]),
    "cumulative sum": (lambda x: tl.cumulative_sum(tl.astype(x, "int64")), lambda x: np.cumsum(x)),
    "nonzero": (lambda x: tl.nonzero(x)[0], lambda x: np.nonzero(x)[0]),
    "unique": (tl.unique_values, np.unique),
    "sort": (tl.sort, np.sort),
    "concatenated": (lambda x: tl.sum(tl.concat([x, x])), lambda x: 2 * np.sum(x)),
    "list": (lambda x: np.array(x.tolist()), lambda x: x),
    "stored": (lambda x: tl.sum(tl.Variable(x)), np.sum),
}


@pytest.mark.parametrize("device", ["cpu", "reference"])
@pytest.mark.parametrize("name", OF_BOOLS)
def test_nonzero_bytes_of_bool_memory_are_true(name: str, device: str, rng: np.random.Generator) -> None:
    truth = rng.random(40) < 0.5
    ours, numpys = OF_BOOLS[name]
    np.testing.assert_array_equal(np.asarray(ours(tl.asarray(odd(truth, rng), device=device))), numpys(truth))


def test_bool_memory_that_changes_after_sharing() -> None:
    memory = np.zeros(50, np.uint8)
    tensor = tl.asarray(memory.view(bool))
    memory[::2] = 7
    assert int(tl.sum(tensor)) == 25
    from_another_library = tl.from_dlpack(memory.view(bool))
    assert int(tl.sum(from_another_library)) == 25


def test_result_of_a_bool_operation_is_0_or_1() -> None:
    @tl.elementwise(domain="any", result="bool")
    def itself(x: float) -> float:
        return x

    result = itself(tl.asarray(np.array([0.0, 2.5, -1.0, np.nan], np.float32)))
    assert result.numpy().view(np.uint8).tolist() == [0, 1, 1, 1]
    assert int(tl.sum(result)) == 3
