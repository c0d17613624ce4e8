"""Check elementwise operations against NumPy in float64: values, dtypes, broadcasting and errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from any_layout import layouts
from kernels_together import at_once, together

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, DeviceError, DTypeError, ScalarError, ShapeError
from tensorlab.ops.lift import Elementwise

Array = np.ndarray[Any, Any]


def mapped(function: Callable[..., float]) -> Callable[..., Array]:
    """Apply a function of ``math`` to every element."""
    ufunc = np.frompyfunc(function, 1, 1)
    return lambda x: ufunc(x).astype(np.float64)


def sigmoid(x: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-x))


UNARY: dict[str, tuple[Callable[[Array], Array], float, float]] = {
    "abs": (np.abs, -5, 5),
    "acos": (np.arccos, -1, 1),
    "acosh": (np.arccosh, 1, 50),
    "asin": (np.arcsin, -1, 1),
    "asinh": (np.arcsinh, -50, 50),
    "atan": (np.arctan, -50, 50),
    "atanh": (np.arctanh, -1, 1),
    "ceil": (np.ceil, -5, 5),
    "cos": (np.cos, -10, 10),
    "cosh": (np.cosh, -10, 10),
    "erf": (mapped(math.erf), -4, 4),
    "erfc": (mapped(math.erfc), -4, 4),
    "exp": (np.exp, -20, 20),
    "expm1": (np.expm1, -3, 3),
    "floor": (np.floor, -5, 5),
    "isfinite": (np.isfinite, -1, 1),
    "isinf": (np.isinf, -1, 1),
    "isnan": (np.isnan, -1, 1),
    "log": (np.log, 0, 50),
    "log10": (np.log10, 0, 50),
    "log1p": (np.log1p, -1, 5),
    "log2": (np.log2, 0, 50),
    "logical_not": (np.logical_not, -1, 1),
    "negative": (np.negative, -5, 5),
    "positive": (np.positive, -5, 5),
    "reciprocal": (lambda x: 1 / x, -5, 5),
    "relu": (lambda x: np.maximum(x, 0), -5, 5),
    "round": (np.rint, -5, 5),
    "rsqrt": (lambda x: 1 / np.sqrt(x), 0, 50),
    "sigmoid": (sigmoid, -20, 20),
    "sign": (np.sign, -5, 5),
    "signbit": (np.signbit, -5, 5),
    "sin": (np.sin, -10, 10),
    "sinh": (np.sinh, -10, 10),
    "sqrt": (np.sqrt, 0, 50),
    "square": (np.square, -5, 5),
    "tan": (np.tan, -1.5, 1.5),
    "tanh": (np.tanh, -5, 5),
    "trunc": (np.trunc, -5, 5),
}
"""The NumPy function, and the interval of random arguments."""

BINARY: dict[str, Callable[[Array, Array], Array]] = {
    "add": np.add,
    "atan2": np.arctan2,
    "copysign": np.copysign,
    "divide": np.divide,
    "equal": np.equal,
    "floor_divide": lambda x, y: np.where(np.isinf(x), x / y, np.floor_divide(x, y)),  # NumPy: NaN for infinities
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "hypot": np.hypot,
    "less": np.less,
    "less_equal": np.less_equal,
    "logaddexp": np.logaddexp,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_xor": np.logical_xor,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "multiply": np.multiply,
    "not_equal": np.not_equal,
    "remainder": np.remainder,
    "subtract": np.subtract,
}

SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 2.5, -750.0, 1e-20, 1e30], np.float32)

DTYPES = {"cpu": "float32", "reference": "float64"}
"""Kernels are tested in float32, the usual dtype of networks, and the reference in float64, the dtype of the oracle."""


@pytest.fixture(params=list(DTYPES))
def device(request: pytest.FixtureRequest) -> str:
    return str(request.param)


TOGETHER = {1: (together(UNARY, "x"), list(UNARY)), 2: (together(BINARY, "x1, x2"), list(BINARY))}


def apply(name: str, device: str, *arrays: Array) -> tl.Tensor:
    """Apply an operation. On the CPU, one kernel computes all operations."""
    if device != "cpu":
        return getattr(tl, name)(*(tl.asarray(array, device=device) for array in arrays))
    function, names = TOGETHER[len(arrays)]
    types = ["bool" if getattr(tl, each).result == "bool" else "float32" for each in names]
    return tl.asarray(at_once(function, arrays, "float32", types)[names.index(name)])


def close(result: tl.Tensor, expected: Array, device: str) -> None:
    values = result.numpy()
    assert values.shape == expected.shape
    assert result.device == device
    if expected.dtype.kind == "b":
        assert values.dtype == np.bool_
        np.testing.assert_array_equal(values, expected)
    else:
        assert values.dtype == DTYPES[device]
        with np.errstate(over="ignore"):
            expected = expected.astype(values.dtype)
        rtol = 16 * np.finfo(values.dtype).eps
        np.testing.assert_allclose(values, expected, rtol=rtol, atol=np.finfo(values.dtype).tiny)


def test_all_operations_are_tested() -> None:
    operations = {name for name in tl.ops.__all__ if isinstance(getattr(tl.ops, name), Elementwise)}
    bitwise = {name for name in operations if name.startswith("bitwise_")}  # see test_ops_standard
    assert operations - bitwise == {*UNARY, *BINARY, "nextafter"}


@pytest.mark.parametrize("name", UNARY)
def test_unary_operations_match_numpy(name: str, device: str, rng: np.random.Generator) -> None:
    function, low, high = UNARY[name]
    x = rng.uniform(low, high, (3, 1, 67)).astype(DTYPES[device])
    close(apply(name, device, x), function(x.astype(np.float64)), device)


@pytest.mark.parametrize("name", UNARY)
def test_unary_operations_of_special_values(name: str, device: str) -> None:
    x = SPECIAL.astype(DTYPES[device])
    with np.errstate(all="ignore"):
        expected = UNARY[name][0](x.astype(np.float64))
    if name in ("sin", "cos", "tan"):
        x, expected = x[:-1], expected[:-1]  # 1e30 is rounded differently in each dtype
    close(apply(name, device, x), expected, device)


@pytest.mark.parametrize("name", BINARY)
def test_binary_operations_match_numpy(name: str, device: str, rng: np.random.Generator) -> None:
    x = rng.uniform(2 if name == "logaddexp" else -3, 3, (4, 1, 33)).astype(DTYPES[device])
    y = rng.uniform(-3, 3, (5, 1)).astype(DTYPES[device])
    y[2] = x[0, 0, 0] if name == "equal" else 0
    for one, two in ((x, y), (x, np.broadcast_to(y, (5, 33)))):
        result = apply(name, device, one, two)
        with np.errstate(divide="ignore", invalid="ignore"):
            close(result, BINARY[name](one.astype(np.float64), two.astype(np.float64)), device)


@pytest.mark.parametrize("name", BINARY)
def test_binary_operations_of_special_values(name: str, device: str) -> None:
    x = SPECIAL.astype(DTYPES[device])
    with np.errstate(all="ignore"):
        expected = BINARY[name](x[:, None].astype(np.float64), x.astype(np.float64))
    close(apply(name, device, x[:, None], x), expected, device)


@pytest.mark.parametrize("name", ["exp", "isnan", "relu"])
def test_separate_kernels_match_the_combined_kernel(name: str, rng: np.random.Generator) -> None:
    x = np.concatenate([SPECIAL, rng.standard_normal(1000).astype(np.float32)])
    np.testing.assert_array_equal(getattr(tl, name)(tl.asarray(x)).numpy(), apply(name, "cpu", x).numpy())


def test_where_and_clip_match_numpy(device: str, rng: np.random.Generator) -> None:
    dtype = DTYPES[device]
    condition = rng.random((4, 1)) < 0.5
    x, y = rng.standard_normal((3,)).astype(dtype), rng.standard_normal((2, 1, 1)).astype(dtype)
    where = tl.where(*(tl.asarray(array, device=device) for array in (condition, x, y)))
    close(where, np.where(condition, x, y).astype(np.float64), device)
    tensor = tl.asarray(x, device=device)
    for low, high in ((-0.5, 0.5), (None, 0.0), (0.0, None), (x[::-1].copy(), 2.0)):
        bound = low if not isinstance(low, np.ndarray) else tl.asarray(low, device=device)
        close(tl.clip(tensor, bound, high), np.clip(x, low, high).astype(np.float64), device)
    close(tl.clip(tl.asarray(np.array([np.nan, 1], dtype), device=device), 0, 0.5), np.array([np.nan, 0.5]), device)
    same = tl.clip(tensor)
    same[0] = 9.0
    close(tensor, x.astype(np.float64), device)
    close(tl.where(tl.asarray([True, False], device=device), tensor[:1], 2), np.array([float(x[0]), 2.0]), device)


@pytest.mark.parametrize("dtype", ["int64", "uint8"])
def test_integers_stay_integers(dtype: str, rng: np.random.Generator) -> None:
    x = rng.integers(0, 256, (5, 1)).astype(dtype)
    y = rng.integers(1, 256, (1, 7)).astype(dtype)
    calls: tuple[tuple[Callable[[Any, Any], Any], Array], ...] = (
        (lambda one, two: one + two, x + y),
        (lambda one, two: one + 1, x + np.ones(1, dtype)),
        (lambda one, two: one * two, x * y),
        (lambda one, two: tl.maximum(one, two), np.maximum(x, y)),
        (lambda one, two: one - two, x - y),
        (lambda one, two: -one, -x),
        (lambda one, two: tl.square(two), y * y),
        (lambda one, two: tl.sign(one), np.sign(x)),
    )
    for device, used in (("cpu", calls[:4]), ("reference", calls)):
        for call, expected in used:
            result = call(tl.asarray(x, device=device), tl.asarray(y, device=device))
            assert result.dtype == np.dtype(dtype)
            np.testing.assert_array_equal(result.numpy(), expected)


def test_real_operations_on_integers_return_float32() -> None:
    with tl.device("reference"):
        x = tl.asarray([1, 4, 9])
        for result, expected in ((tl.sqrt(x), [1, 2, 3]), (x / 2, [0.5, 2, 4.5]), (x * 0.5, [0.5, 2, 4.5])):
            assert result.dtype == np.float32
            assert result.tolist() == expected
        assert (x**-0.5).tolist() == pytest.approx([1, 0.5, 1 / 3])


def test_results_are_the_same_for_every_layout(rng: np.random.Generator) -> None:
    x, y = rng.standard_normal((2, 3, 4, 5)).astype(np.float32)
    for one, two in zip(layouts(x).values(), reversed(layouts(y).values()), strict=True):
        np.testing.assert_array_equal((tl.asarray(one) + tl.asarray(two)).numpy(), x + y)
    scalar = tl.asarray(np.float32(2.5))
    assert (scalar + scalar).shape == ()
    assert (tl.asarray(x) + scalar).shape == (3, 4, 5)
    assert (tl.asarray(np.zeros((0, 3), np.float32)) + scalar).shape == (0, 3)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: tl.asarray([1.0, 2.0]) + tl.asarray([1.0, 2.0, 3.0]),
            ShapeError,
            r"^add: expected shapes that broad.*",
        ),
        (
            lambda: tl.asarray([1.0]) + tl.asarray([1]),
            DTypeError,
            r"^add: expected arrays of one kind of dtype, received float32 and int64; convert one of them",
        ),
        (
            lambda: tl.asarray([True]) + tl.asarray([False]),
            DTypeError,
            r"^add: expected tensors of numbers, received bool; convert them with \.astype\(\)$",
        ),
        (
            lambda: tl.asarray([1.0]) * tl.asarray([1.0], device="reference"),
            DeviceError,
            r"^multiply: expected tensors on one device, received 'cpu' and 'reference'; move one of them",
        ),
        (lambda: tl.exp(None), ArgumentTypeError, r"^exp: expected a tensor, an array or a number, received NoneType"),
        (
            lambda: tl.exp(print),
            ArgumentTypeError,
            r"^exp: expected a tensor, an array or a number, received builtin_f",
        ),
        (
            lambda: tl.asarray([1], dtype="uint8") + 300,
            ArgumentError,
            r"^add: expected a number that uint8 holds, received 300; convert the tensors to a wider dtype",
        ),
        (
            lambda: tl.where(tl.asarray([1.0]), 1.0, 2.0),
            DTypeError,
            r"^where: expected a condition of bool, received float32; compare it, e\.g\. x != 0$",
        ),
        (
            lambda: tl.clip(None, 0.0, 1.0),
            ArgumentTypeError,
            r"expected a tensor, an array or a number, received NoneTyp",
        ),
        (lambda: tl.add(tl.asarray([1.0])), ArgumentTypeError, r"^add: expected 2 arguments, received 1$"),
        (
            lambda: tl.astype(tl.asarray([1.0]), "float16"),
            DTypeError,
            r"^astype: expected one of bool, .* received 'float16'; convert the data first",
        ),
    ],
)
def test_invalid_arguments_are_rejected(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()


def test_elementwise_lifts_a_function_of_numbers(rng: np.random.Generator) -> None:
    @tl.elementwise
    def mish(x: float) -> float:
        return x * math.tanh(math.log1p(math.exp(x)))

    @tl.elementwise(domain="number", result="bool")
    def between(x: float, low: float, high: float) -> float:
        return low <= x and x < high

    x = rng.standard_normal((4, 5))
    expected = [[mish.scalar.python(value) for value in row] for row in x.tolist()]
    np.testing.assert_allclose(mish(tl.asarray(x)).numpy(), expected, rtol=1e-13)
    assert mish(tl.asarray([1, 2])).dtype == np.float32
    assert mish.__name__ == "mish"
    assert repr(mish) == "<elementwise operation 'mish'>"
    result = between(tl.asarray([1, 5, 7]), 2, 6)
    assert result.dtype == np.bool_
    assert result.tolist() == [False, True, False]
    with pytest.raises(DTypeError, match=r"^between: expected tensors of numbers, received bool"):
        between(tl.asarray([True]), False, True)
    with pytest.raises(ScalarError, match="open"):

        @tl.elementwise
        def impossible(x: float) -> float:
            return open(x)
