"""Check names, signatures, defaults and inspection functions against the Python array API standard 2024.12."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, UnknownNameError

# The signatures in the standard, without arguments that only complex numbers need.
SIGNATURES = """
arange(start, /, stop, step, *, dtype, device)
asarray(obj, /, *, dtype, device, copy)
empty(shape, *, dtype, device)
empty_like(x, /, *, dtype, device)
eye(n_rows, n_cols, /, *, k, dtype, device)
from_dlpack(x, /, *, device, copy)
full(shape, fill_value, *, dtype, device)
full_like(x, /, fill_value, *, dtype, device)
linspace(start, stop, /, num, *, dtype, device, endpoint)
meshgrid(*arrays, indexing)
ones(shape, *, dtype, device)
ones_like(x, /, *, dtype, device)
tril(x, /, *, k)
triu(x, /, *, k)
zeros(shape, *, dtype, device)
zeros_like(x, /, *, dtype, device)

broadcast_arrays(*arrays)
broadcast_shapes(*shapes)
broadcast_to(x, /, shape)
concat(arrays, /, *, axis)
expand_dims(x, /, *, axis)
flip(x, /, *, axis)
moveaxis(x, source, destination, /)
permute_dims(x, /, axes)
repeat(x, repeats, /, *, axis)
reshape(x, /, shape, *, copy)
roll(x, /, shift, *, axis)
squeeze(x, /, axis)
stack(arrays, /, *, axis)
tile(x, repetitions, /)
unstack(x, /, *, axis)

take(x, indices, /, *, axis)
take_along_axis(x, indices, /, *, axis)

argmax(x, /, *, axis, keepdims)
argmin(x, /, *, axis, keepdims)
count_nonzero(x, /, *, axis, keepdims)
nonzero(x, /)
searchsorted(x1, x2, /, *, side, sorter)

argsort(x, /, *, axis, descending, stable)
sort(x, /, *, axis, descending, stable)

isin(x1, x2, /, *, invert)
unique_all(x, /)
unique_counts(x, /)
unique_inverse(x, /)
unique_values(x, /)

all(x, /, *, axis, keepdims)
any(x, /, *, axis, keepdims)
cumulative_prod(x, /, *, axis, dtype, include_initial)
cumulative_sum(x, /, *, axis, dtype, include_initial)
diff(x, /, *, axis, n, prepend, append)
max(x, /, *, axis, keepdims)
mean(x, /, *, axis, keepdims)
min(x, /, *, axis, keepdims)
prod(x, /, *, axis, dtype, keepdims)
std(x, /, *, axis, correction, keepdims)
sum(x, /, *, axis, dtype, keepdims)
var(x, /, *, axis, correction, keepdims)

matmul(x1, x2, /)
matrix_transpose(x, /)
tensordot(x1, x2, /, *, axes)
vecdot(x1, x2, /, *, axis)

astype(x, dtype, /, *, copy, device)
can_cast(from_, to, /)
finfo(type, /)
iinfo(type, /)
isdtype(dtype, kind)
result_type(*arrays_and_dtypes)

conj(x, /)
imag(x, /)
real(x, /)

clip(x, /, min, max)
where(condition, x1, x2, /)

__array_namespace_info__()

linalg.cholesky(x, /, *, upper)
linalg.cross(x1, x2, /, *, axis)
linalg.det(x, /)
linalg.diagonal(x, /, *, offset)
linalg.eigh(x, /)
linalg.eigvalsh(x, /)
linalg.inv(x, /)
linalg.matmul(x1, x2, /)
linalg.matrix_norm(x, /, *, keepdims, ord)
linalg.matrix_power(x, n, /)
linalg.matrix_rank(x, /, *, rtol)
linalg.matrix_transpose(x, /)
linalg.outer(x1, x2)
linalg.pinv(x, /, *, rtol)
linalg.qr(x, /, *, mode)
linalg.slogdet(x, /)
linalg.solve(x1, x2, /)
linalg.svd(x, /, *, full_matrices)
linalg.svdvals(x, /)
linalg.tensordot(x1, x2, /, *, axes)
linalg.trace(x, /, *, offset, dtype)
linalg.vecdot(x1, x2, /, *, axis)
linalg.vector_norm(x, /, *, axis, keepdims, ord)
"""

OTHER_NAMES = """
abs acos acosh add asin asinh atan atan2 atanh bitwise_and bitwise_invert bitwise_left_shift bitwise_or
bitwise_right_shift bitwise_xor ceil clip copysign cos cosh divide equal exp expm1 floor floor_divide greater
greater_equal hypot isfinite isinf isnan less less_equal log log10 log1p log2 logaddexp logical_and logical_not
logical_or logical_xor maximum minimum multiply negative nextafter not_equal positive pow reciprocal remainder
round sign signbit sin sinh sqrt square subtract tan tanh trunc where

bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64
e inf nan newaxis pi
"""

TWO = """
add atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor copysign divide equal floor_divide
greater greater_equal hypot less less_equal logaddexp logical_and logical_or logical_xor maximum minimum multiply
nextafter not_equal pow remainder subtract
"""

TABLE = {line.partition("(")[0]: line for line in SIGNATURES.split("\n") if line}


POSITIONAL = """
expand_dims sum mean prod max min any all var std concat stack unstack flip roll repeat argmax argmin count_nonzero
cumulative_sum cumulative_prod take take_along_axis sort argsort vecdot tensordot tril triu searchsorted eye
zeros ones empty full zeros_like ones_like empty_like full_like arange asarray
linalg.trace linalg.diagonal linalg.svd linalg.qr linalg.tensordot linalg.vecdot
"""
"""Functions whose first keyword argument can also be positional, as in NumPy and Keras."""
OTHER = {"diff": "diff(x, /, n, axis, *, prepend, append)"}
"""Functions with positional arguments in the order of NumPy and Keras, which is not that of the standard."""


def function_of(name: str) -> Any:
    return functools.reduce(getattr, name.split("."), tl)


def signature_of(name: str) -> str:
    """Return the signature of a function in the format of the table."""
    parameters = [
        parameter.replace(default=inspect.Parameter.empty, annotation=inspect.Parameter.empty)
        for parameter in inspect.signature(function_of(name)).parameters.values()
    ]
    return f"{name}{inspect.Signature(parameters)}"


def standard(name: str) -> str:
    """Return the expected signature: that of the standard, except for functions in POSITIONAL and OTHER."""
    if name in OTHER:
        return OTHER[name]
    if name not in POSITIONAL.split():
        return TABLE[name]
    before, after = TABLE[name].rstrip(")").split("*, ")
    first, *others = after.split(", ")
    return f"{name}({', '.join([before.partition('(')[2] + first, *(['*', *others] if others else [])])})"


@pytest.mark.parametrize("name", TABLE)
def test_signatures_match_the_standard(name: str) -> None:
    assert signature_of(name) == standard(name)


def test_axis_can_be_positional(rng: np.random.Generator) -> None:
    array = rng.permutation(12).reshape(3, 4).astype("float32")
    for name in ("sum", "mean", "prod", "max", "min", "any", "all", "var", "std", "argmax", "argmin", "flip", "sort"):
        expected = getattr(np, name)(array, 1)
        np.testing.assert_allclose(getattr(tl, name)(array, 1).numpy(), expected, rtol=1e-5)
    assert tl.expand_dims(array, 1).shape == (3, 1, 4)
    assert tl.stack([array, array], 2).shape == (3, 4, 2)
    assert tl.concat([array, array], 1).shape == (3, 8)
    assert tl.take(array, [1], 1).shape == (3, 1)
    assert tl.zeros((2,), "int8").dtype == tl.ones((2,), "int8").dtype == tl.asarray([1], "int8").dtype == tl.int8
    np.testing.assert_array_equal(tl.tril(array, 1).numpy(), np.tril(array, 1))


@pytest.mark.parametrize("name", [name for name in OTHER_NAMES.partition("bool")[0].split() if name not in TABLE])
def test_elementwise_signatures_match_the_standard(name: str) -> None:
    of_two = name in TWO.split()
    assert signature_of(name) == f"{name}({'x1, x2' if of_two else 'x'}, /, *, out)"


def test_all_names_of_the_standard_exist() -> None:
    own = [name for name in TABLE if "." not in name]
    missing = [name for name in (*own, *OTHER_NAMES.split()) if not hasattr(tl, name)]
    assert not missing
    assert {*own, *OTHER_NAMES.split(), "linalg"} <= {*tl.__all__}
    assert {f"linalg.{name}" for name in tl.linalg.__all__} == {*TABLE} - {*own}


def test_defaults_match_the_standard() -> None:
    defaults: Mapping[str, Mapping[str, object]] = {
        "arange": {"stop": None, "step": 1},
        "argsort": {"axis": -1, "descending": False, "stable": True},
        "concat": {"axis": 0},
        "cumulative_sum": {"axis": None, "dtype": None, "include_initial": False},
        "diff": {"axis": -1, "n": 1, "prepend": None, "append": None},
        "expand_dims": {"axis": 0},
        "eye": {"n_cols": None, "k": 0},
        "isin": {"invert": False},
        "linspace": {"dtype": None, "endpoint": True},
        "meshgrid": {"indexing": "xy"},
        "repeat": {"axis": None},
        "searchsorted": {"side": "left", "sorter": None},
        "sort": {"axis": -1, "descending": False, "stable": True},
        "stack": {"axis": 0},
        "sum": {"axis": None, "dtype": None, "keepdims": False},
        "take_along_axis": {"axis": -1},
        "tensordot": {"axes": 2},
        "unstack": {"axis": 0},
        "var": {"axis": None, "correction": 0.0, "keepdims": False},
        "vecdot": {"axis": -1},
    }
    for name, expected in defaults.items():
        parameters = inspect.signature(getattr(tl, name)).parameters
        assert {key: parameters[key].default for key in expected} == expected, name


def test_docstrings_cite_the_standard() -> None:
    for name in TABLE:
        text = inspect.getdoc(function_of(name))
        assert text is not None
        assert re.search(
            rf"Source: .*array API standard, ``(linalg.)?{name.removeprefix('linalg.')}``", text, re.DOTALL
        ), name


def test_array_namespace_of_a_tensor() -> None:
    x = tl.zeros((2, 3))
    assert tl.__array_api_version__ == "2024.12"
    for version in (None, "2021.12", "2022.12", "2023.12", "2024.12"):
        assert x.__array_namespace__(api_version=version) is tl
    assert tl.Variable(1.0).__array_namespace__() is tl
    with pytest.raises(
        ArgumentError, match=r"^__array_namespace__: expected one of 2021\.12, .*, 2024\.12, received '2020\.01'$"
    ):
        x.__array_namespace__(api_version="2020.01")
    with pytest.raises(ArgumentTypeError, match=r"^__array_namespace__: expected a version such as '2024\.12', rece"):
        x.__array_namespace__(api_version=2024)


def test_tensor_attributes_and_to_device() -> None:
    x = tl.reshape(tl.arange(6), (2, 3))
    assert (x.shape, x.ndim, x.size, x.dtype, x.device) == ((2, 3), 2, 6, tl.int64, "cpu")
    assert x.T.tolist() == x.mT.tolist() == [[0, 3], [1, 4], [2, 5]]
    assert x.to_device("reference").device == "reference"
    assert x.to_device("cpu", stream=None) is x
    with pytest.raises(ArgumentError, match=r"^to_device: expected no stream, as a backend has its own, received 1$"):
        x.to_device("cpu", stream=1)


def test_namespace_info_matches_capabilities() -> None:
    info = tl.__array_namespace_info__()
    assert info.capabilities() == {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}
    deep = tl.zeros((1,) * 64)
    assert tl.expand_dims(deep[0], axis=0).ndim == 64
    assert deep[tl.asarray([True])].shape == deep.shape
    assert info.default_device() == "cpu"
    with tl.device("reference"):
        assert info.default_device() == "reference"
    devices = info.devices()
    assert {"cpu", "reference"} <= {*devices}
    for device in devices:
        assert tl.zeros(1, device=device).device == device
    kinds = info.default_dtypes()
    assert kinds == {"real floating": tl.float32, "integral": tl.int64, "indexing": tl.int64}
    assert info.default_dtypes(device="reference") == kinds
    assert tl.zeros(1).dtype == tl.asarray(1.5).dtype == kinds["real floating"]
    assert tl.arange(3).dtype == kinds["integral"]
    assert tl.argsort([2, 1]).dtype == kinds["indexing"]


def test_namespace_info_lists_all_dtypes() -> None:
    info = tl.__array_namespace_info__()
    every = info.dtypes()
    assert len(every) == 11
    for name, dtype in every.items():
        assert getattr(tl, name) == dtype == np.dtype(name)
        assert tl.asarray([1], dtype=dtype).dtype == dtype
    characters = {
        "bool": "b",
        "signed integer": "i",
        "unsigned integer": "u",
        "integral": "iu",
        "real floating": "f",
        "complex floating": "c",
        "numeric": "iufc",
    }
    for kind, letters in characters.items():
        assert info.dtypes(kind=kind) == {name: dtype for name, dtype in every.items() if dtype.kind in letters}
    assert info.dtypes(kind=("bool", "real floating"), device="cpu") == {
        name: every[name] for name in ("bool", "float32", "float64")
    }
    assert info.dtypes(kind=()) == {}
    with pytest.raises(ArgumentError, match=r"^dtypes: expected kinds of 'bool', .*'numeric', received 'real'$"):
        info.dtypes(kind="real")
    for refused in (info.dtypes, info.default_dtypes):
        with pytest.raises(UnknownNameError, match=r"received 'gpu'"):
            refused(device="gpu")


def test_asarray_honors_copy() -> None:
    array = np.arange(3.0)
    assert np.shares_memory(tl.asarray(array).numpy(), array)
    assert np.shares_memory(tl.asarray(array, copy=False).numpy(), array)
    assert not np.shares_memory(tl.asarray(array, copy=True).numpy(), array)
    assert tl.asarray(memoryview(array)).tolist() == [0.0, 1.0, 2.0]
    x = tl.asarray(array)
    assert tl.asarray(x, copy=False) is tl.asarray(x) is x
    assert not np.shares_memory(tl.asarray(x, copy=True).numpy(), array)

    class OnlyDLPack:
        __dlpack__, __dlpack_device__ = array.__dlpack__, array.__dlpack_device__

    assert np.shares_memory(tl.asarray(OnlyDLPack()).numpy(), array)
    for refused, message in (
        (lambda: tl.asarray(array, dtype="float32", copy=False), r"float64 data with copy=False, received dtype flo"),
        (lambda: tl.asarray(x, dtype="float32", copy=False), r"float64 on 'cpu' with copy=False, received dtype flo"),
        (lambda: tl.asarray(x, device="reference", copy=False), r".* with copy=False, .* device 'reference'$"),
        (
            lambda: tl.asarray([1, 2], copy=False),
            r"an array with copy=False, received list; numbers have to be copied$",
        ),
    ):
        with pytest.raises(ArgumentError, match=r"^asarray: expected " + message):
            refused()


def test_real_imag_and_conj_of_real_arrays() -> None:
    for array in (np.array([1.5, -0.0, np.inf, np.nan]), np.array([3, -4]), np.array([7], np.uint8)):
        for function in (tl.real, tl.conj):
            np.testing.assert_array_equal(function(array).numpy(), array, strict=True)
        np.testing.assert_array_equal(tl.imag(array).numpy(), np.zeros_like(array), strict=True)
    with pytest.raises(DTypeError, match=r"^imag: expected tensors of numbers, received bool"):
        tl.imag([True])


def test_astype_honors_copy_and_device() -> None:
    array = np.arange(3.0)
    x = tl.asarray(array)
    assert not np.shares_memory(tl.astype(x, "float64").numpy(), array)
    assert tl.astype(x, "float64", copy=False) is x
    assert x.astype("float64") is x
    moved = tl.astype(x, "float32", device="reference")
    assert (moved.device, moved.dtype, moved.tolist()) == ("reference", tl.float32, [0.0, 1.0, 2.0])
    with pytest.raises(UnknownNameError, match=r"received 'gpu'"):
        tl.astype(x, "float32", device="gpu")


def test_asarray_copy_is_differentiable() -> None:
    x = tl.Variable([1.0, 2.0])
    with tl.GradientTape() as tape, tl.device("reference"):
        y = tl.asarray(x, copy=True)
    assert tape.gradient(y, x).tolist() == [1.0, 1.0]
