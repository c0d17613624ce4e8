"""Check every elementwise operation of the array API standard 2024.12 against NumPy.

The tests use every dtype in the domain, random shapes and layouts, and special values.
"""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import numpy as np
import pytest
from any_layout import layouts
from kernels_together import at_once, definition, together
from operation_oracles import OPERATIONS, ORACLES, STANDARD, compare

import tensorlab as tl
from tensorlab import dtypes
from tensorlab.errors import ArgumentError, DTypeError

Array = np.ndarray[Any, Any]

INTEGERS = [name for name in dtypes.NAMES if "int" in name]
REALS = ["float32", "float64"]
NUMBERS = INTEGERS + REALS
DOMAINS = {
    "any": list(dtypes.NAMES),
    "number": NUMBERS,
    "real": REALS,
    "integer": INTEGERS,
    "bits": ["bool", *INTEGERS],
}
"""The dtypes in which operations of each domain compute."""
UNARY, BINARY = ([name for name, o in OPERATIONS.items() if o.scalar.arity == count] for count in (1, 2))

LIMITS = {name: np.iinfo(name) for name in INTEGERS}


def special(dtype: str) -> Array:
    """Return the special values of a dtype."""
    if dtype == "bool":
        return np.array([False, True])
    if dtype in INTEGERS:
        low, high = int(LIMITS[dtype].min), int(LIMITS[dtype].max)
        return np.array([low, low + 1, high - 1, high, 0, 1, 2, 3, 7, *([-1, -2, -3] if low else [])], dtype)
    info = np.finfo(dtype)
    sizes = [0.0, 1.0, 0.5, 1.5, 2.5, 3.0, float(info.smallest_subnormal), float(info.tiny), float(info.max), 1e-9, 4e5]
    return np.array([*sizes, *(-size for size in sizes), np.inf, -np.inf, np.nan], dtype)


def values(rng: np.random.Generator, dtype: str, shape: tuple[int, ...]) -> Array:
    """Return random numbers, half of them special values."""
    unusual = rng.choice(special(dtype), shape)
    if dtype == "bool":
        return np.asarray(unusual)
    if dtype in INTEGERS:
        usual = rng.integers(LIMITS[dtype].min, LIMITS[dtype].max, shape, dtype, endpoint=True)
    else:
        usual = (rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 3, shape)).astype(dtype)
    return np.where(rng.random(shape) < 0.5, unusual, usual)


@functools.cache
def at_once_of(dtype: str, arity: int) -> tuple[Any, list[str], list[str]]:
    """Return all operations of one or two arguments in a dtype as one function, with names and result dtypes."""
    names = [name for name in (UNARY, BINARY)[arity - 1] if dtype in DOMAINS[OPERATIONS[name].domain]]
    results = ["bool" if OPERATIONS[name].result == "bool" else dtype for name in names]
    return together(names, ("x", "x1, x2")[arity - 1], dtype), names, results


def check_on_the_cpu(dtype: str, x1: Array, x2: Array, y1: Array, y2: Array) -> None:
    """Compare every operation on tensors ``x`` with NumPy on arrays ``y`` of the same elements."""
    for arity in (1, 2):
        function, names, results = at_once_of(dtype, arity)
        for power in (False, True) if arity == 2 and dtype in INTEGERS else (False,):
            # pow needs different second arguments than divisions and shifts
            second = (y2 & np.array(LIMITS[dtype].max, dtype)) if power else y2
            given = (x1, tl.asarray(second)._buffer if power else x2)[:arity]
            for name, found in zip(names, at_once(function, given, dtype, results), strict=True):
                if arity == 1 or power == (name == "pow") or dtype not in INTEGERS:
                    compare(name, dtype, found, *(y1, second)[:arity])


def shapes_that_broadcast(rng: np.random.Generator) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return two shapes of rank 0 to 8 that broadcast, sometimes without elements."""
    full = tuple(int(n) for n in rng.choice([0, 1, 2, 3, 5], rng.integers(0, 9), p=[0.04, 0.2, 0.5, 0.2, 0.06]))
    cut = [tuple(1 if rng.random() < 0.3 else n for n in full)[rng.integers(0, len(full) + 1) :] for _ in range(2)]
    return cut[0], cut[1]


def unusual(array: Array) -> dict[str, Array]:
    """Return equal arrays with unusual memory: unaligned, in another byte order, read-only, or strided."""
    packed = np.zeros(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    packed[...] = array
    frozen = array.copy()
    frozen.flags.writeable = False
    return {
        **layouts(array),
        "unaligned": packed,
        "other byte order": array.astype(array.dtype.newbyteorder()),
        "read-only": frozen,
    }


@pytest.mark.parametrize("dtype", dtypes.NAMES)
def test_cpu_operations_match_numpy(dtype: str, rng: np.random.Generator) -> None:
    pairs = np.array([*itertools.product(special(dtype), repeat=2)], dtype)
    one, two = np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])
    check_on_the_cpu(dtype, one, two, one, two)
    for _ in range(8):
        first, second = (values(rng, dtype, shape) for shape in shapes_that_broadcast(rng))
        laid_out = [list(unusual(array).values()) for array in (first, second)]
        x1, x2 = (choices[rng.integers(len(choices))] for choices in laid_out)
        check_on_the_cpu(dtype, tl.asarray(x1)._buffer, tl.asarray(x2)._buffer, first, second)


@pytest.mark.parametrize("dtype", dtypes.NAMES)
def test_scalar_definitions_match_numpy(dtype: str, rng: np.random.Generator) -> None:
    x1, x2 = rng.choice(special(dtype), (2, 3, 12))
    if dtype in INTEGERS:
        x2 = np.where(x2 > 64, np.array(rng.integers(0, 9), dtype), x2)
    for name, operation in OPERATIONS.items():
        if dtype in DOMAINS[operation.domain]:
            given: tuple[Array, ...] = (x1, x2)[: operation.scalar.arity]
            if name == "pow" and dtype in INTEGERS:
                given = x1, np.where(x2 < 0, np.array(5, dtype), x2)  # pow rejects negative exponents
            result = operation(*(tl.asarray(x, device="reference") for x in given))
            assert result.device == "reference"
            compare(name, dtype, result.numpy(), *given)
        elif operation.domain != "real":
            with pytest.raises(DTypeError, match=rf"^{operation.__name__}: expected tensors of .*, received {dtype};"):
                operation(*[tl.asarray(x1)] * operation.scalar.arity)


@pytest.mark.parametrize("dtype", ["bool", *INTEGERS])
def test_real_operations_convert_integers_to_float32(dtype: str, rng: np.random.Generator) -> None:
    x = rng.choice(special(dtype), (2, 5))
    for name, operation in OPERATIONS.items():
        if operation.domain == "real":
            result = operation(*[tl.asarray(x, device="reference")] * operation.scalar.arity)
            compare(name, "float32", result.numpy(), *[x.astype("float32")] * operation.scalar.arity)


LAID_OUT = ("add", "floor_divide", "isnan", "maximum")


@pytest.mark.parametrize("name", LAID_OUT)
def test_operations_accept_arrays_of_every_layout(name: str, rng: np.random.Generator) -> None:
    x1, x2 = values(rng, "float32", (3, 2, 4)), values(rng, "float32", (2, 4))
    for one, two in zip(unusual(x1).values(), reversed(unusual(x2).values()), strict=True):
        kept = [np.array(array) for array in (one, two)]
        given = (one, two)[: OPERATIONS[name].scalar.arity]
        compare(name, "float32", OPERATIONS[name](*given).numpy(), *(x1, x2)[: len(given)])
        compare(name, "float32", OPERATIONS[name](*map(tl.asarray, given)).numpy(), *(x1, x2)[: len(given)])
        for array, before in zip((one, two), kept, strict=True):
            np.testing.assert_array_equal(array, before)
    spread = np.broadcast_to(x2[0, :1], (5, 4)), np.broadcast_to(x1[0, 0], (5, 4))
    compare(name, "float32", OPERATIONS[name](*spread[: len(given)]).numpy(), *spread[: len(given)])


def test_all_elementwise_names_of_the_standard_exist() -> None:
    assert [name for name in STANDARD if not hasattr(tl, name)] == []
    assert [name for name in STANDARD if name not in tl.__all__ and name not in tl.ops.__all__] == []
    assert set(OPERATIONS) <= set(ORACLES)


# Results that the standard defines and NumPy does not, or differently


@pytest.mark.parametrize("device", ["cpu", "reference"])
def test_floor_divide_of_infinities_follows_the_standard(device: str) -> None:
    x1 = np.array([np.inf, np.inf, -np.inf, -np.inf, np.inf, 3, 3, -3, -3, 0.0, -0.0, 5, -5, 5], np.float32)
    x2 = np.array([2, -2, 2, -2, np.inf, np.inf, -np.inf, np.inf, -np.inf, -1, 1, 0.0, 0.0, -0.0], np.float32)
    wanted = [np.inf, -np.inf, -np.inf, np.inf, np.nan, 0.0, -1, -1, 0.0, -0.0, -0.0, np.inf, -np.inf, -np.inf]
    found = (tl.asarray(x1, device=device) // tl.asarray(x2, device=device)).numpy()
    np.testing.assert_array_equal(found, np.array(wanted, np.float32))
    np.testing.assert_array_equal(np.signbit(found[wanted == 0]), np.signbit(np.array(wanted)[wanted == 0]))


@pytest.mark.parametrize("dtype", ["int8", "int64"])
def test_integer_division_by_zero_and_overflow(dtype: str) -> None:
    low = int(np.iinfo(dtype).min)
    x = tl.asarray(np.array([low, low, 5, -5], dtype))
    y = tl.asarray(np.array([-1, 0, 0, -1], dtype))
    assert (x // y).tolist() == [low, 0, 0, 5]
    assert (x % y).tolist() == [0, 0, 0, 0]
    assert abs(x).tolist() == [low, low, 5, 5]
    assert (-x).tolist() == [low, low, -5, 5]


def test_shift_counts_outside_the_bit_width() -> None:
    for dtype in ("int8", "int64"):
        x = tl.asarray(np.array([-5, 5, -5, 5, 5], dtype), device="reference")
        count = tl.asarray(np.array([64, 64, -1, -1, 1], dtype), device="reference")
        assert (x << count).tolist() == [0, 0, 0, 0, 10]
        assert (x >> count).tolist() == [-1, 0, -1, 0, 2]


# Powers


def test_integer_powers_are_exact() -> None:
    x = np.array([[2], [-3], [0], [7]], np.int64)
    y = np.array([0, 1, 2, 13, 62], np.int64)
    for device in ("cpu", "reference"):
        result = tl.asarray(x, device=device) ** tl.asarray(y, device=device)
        assert result.dtype == np.int64
        np.testing.assert_array_equal(result.numpy(), x**y)
    assert (tl.asarray([3]) ** 2).tolist() == [9]
    assert (2 ** tl.asarray([3, 0])).tolist() == [8, 1]
    assert (tl.asarray([2], dtype="uint8") ** 7).dtype == np.uint8
    assert tl.pow(tl.asarray([3, 2])[:0], tl.asarray([1])).shape == (0,)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integer_powers_wrap_on_overflow(dtype: str) -> None:
    info = LIMITS[dtype]
    bases = np.array([0, 1, 2, 3, 7, info.max, info.min, info.min + 1], dtype)
    exponents = np.array([0, 1, 2, 63, 64, info.max], np.uint64).astype(dtype)[:, None]
    exponents[exponents < 0] = 5
    with tl.device("reference"), np.errstate(over="ignore"):
        np.testing.assert_array_equal(tl.pow(bases, exponents).numpy(), np.power(bases, exponents), strict=True)


@pytest.mark.parametrize(
    ("base", "exponent", "received"),
    [
        (tl.asarray([2, 3]), -1, "-1 in the Python int -1 for a base of int64"),
        (tl.asarray([2, 3], dtype="int8"), tl.asarray([1, -2], dtype="int8"), "-2 in int8 for a base of int8"),
        (tl.asarray([2], dtype="uint8"), np.array([-3, 3], "int16"), "-3 in int16 for a base of uint8"),
        (2, tl.asarray([0, -1]), "-1 in int64 for a base of the Python int 2"),
        (np.array([2, 3]), tl.asarray(-4), "-4 in int64 for a base of int64"),
    ],
)
def test_negative_integer_powers_are_rejected(base: Any, exponent: Any, received: str) -> None:
    for call in (lambda: tl.pow(base, exponent), lambda: base**exponent):
        with pytest.raises(ArgumentError) as error:
            call()
        assert str(error.value) == (
            "pow: expected non-negative exponents for an integer base, "
            f"received {received}; make the base real, e.g. x.astype('float32')"
        )


def test_float_base_accepts_negative_exponents() -> None:
    with tl.device("reference"):
        assert (tl.asarray([2.0, 4.0]) ** -1).tolist() == [0.5, 0.25]
        assert (2.0 ** tl.asarray([-1, 1])).tolist() == [0.5, 2.0]


# clip and where


CLIPPED = ["int8", "uint64", "float32", "float64"]


@pytest.mark.parametrize("dtype", CLIPPED)
def test_clip_follows_the_standard(dtype: str, rng: np.random.Generator) -> None:
    with tl.device("cpu" if dtype == "float32" else "reference"):
        for _ in range(6):
            x, low = (values(rng, dtype, shape) for shape in shapes_that_broadcast(rng))
            high = values(rng, dtype, ())
            for lower, upper in ((low, high), (None, low), (low, None), (None, None), (high, low)):
                wanted = x if lower is None else np.maximum(x, lower)
                wanted = wanted if upper is None else np.minimum(wanted, upper)
                result = tl.clip(x, lower, upper)
                assert result.dtype == np.dtype(dtype)
                np.testing.assert_array_equal(result.numpy(), wanted)
        result = tl.clip(tl.asarray(np.array([1, 5, 9], dtype)), 2, max=8)
        assert (result.tolist(), result.dtype) == ([2, 5, 8], np.dtype(dtype))


def test_clip_keeps_the_dtype_of_x() -> None:
    with tl.device("reference"):
        x = tl.asarray([0.5, 2.5])
        assert tl.clip(x, np.float64(1.0), np.array([2.0])).dtype == np.float32
        assert tl.clip(tl.asarray([1, 300], dtype="int16"), max=tl.asarray([5], dtype="int8")).dtype == np.int16
        assert tl.clip(x, 1, 2).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("pair", [("float32", "float64"), ("int8", "int64"), ("uint8", "int16"), ("bool", "bool")])
def test_where_promotes_dtypes(pair: tuple[str, str], rng: np.random.Generator) -> None:
    condition = rng.random((3, 1)) < 0.5
    x1, x2 = (values(rng, dtype, (4,)) for dtype in pair)
    with tl.device("reference"):
        result = tl.where(condition, x1, x2)
        wanted = np.where(condition, x1, x2)
        assert result.dtype == wanted.dtype
        np.testing.assert_array_equal(result.numpy(), wanted)


def test_where_accepts_numbers() -> None:
    with tl.device("reference"):
        condition = tl.asarray([True, False])
        for x1, x2, dtype in ((1, 2, "int64"), (1.5, 2, "float32"), (True, False, "bool")):
            result = tl.where(condition, x1, x2)
            assert (result.tolist(), result.dtype) == ([x1, x2], np.dtype(dtype))
        assert tl.where(condition, tl.asarray([1], dtype="uint8"), 7).dtype == np.uint8


def test_numbers_beyond_the_float_range_become_infinite() -> None:
    with tl.device("reference"):
        assert (tl.asarray([1.0]) < 1e300).tolist() == [True]
        assert (tl.asarray([1.0]) * -1e300).tolist() == [-math.inf]


def test_comparisons_of_large_unsigned_numbers_are_exact() -> None:
    large = 2**64 - 1
    x = tl.asarray(np.array([large, large - 1, 2**63, 0], np.uint64))
    assert (x == large).tolist() == [True, False, False, False]
    assert (x > large - 1).tolist() == [True, False, False, False]
    assert tl.relu(x).tolist() == tl.maximum(x, 1 - 1).tolist() == [large, large - 1, 2**63, 0]
    assert definition("sign", "uint64").python(large) == 1
