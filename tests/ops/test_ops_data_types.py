"""Check the data type functions against NumPy and the tables of the array API standard."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab import dtypes
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, TensorlabError

KINDS = {
    "bool": ["bool"],
    "signed integer": ["int8", "int16", "int32", "int64"],
    "unsigned integer": ["uint8", "uint16", "uint32", "uint64"],
    "real floating": ["float32", "float64"],
    "complex floating": [],
}
KINDS["integral"] = KINDS["signed integer"] + KINDS["unsigned integer"]
KINDS["numeric"] = KINDS["integral"] + KINDS["real floating"]


@pytest.mark.parametrize("name", KINDS["real floating"])
def test_finfo_matches_numpy(name: str) -> None:
    wanted = np.finfo(name)
    for asked in (getattr(tl, name), tl.asarray(np.zeros(2, name)), np.zeros(2, name), name):
        info = tl.finfo(asked)
        for attribute in ("bits", "eps", "max", "min", "smallest_normal"):
            found = getattr(info, attribute)
            assert found == getattr(wanted, attribute)
            assert type(found) in (int, float)
        assert info.dtype == np.dtype(name)


@pytest.mark.parametrize("name", KINDS["integral"])
def test_iinfo_matches_numpy(name: str) -> None:
    wanted = np.iinfo(name)
    for asked in (getattr(tl, name), tl.asarray(np.zeros(2, name))):
        info = tl.iinfo(asked)
        assert (info.bits, info.max, info.min, info.dtype) == (wanted.bits, wanted.max, wanted.min, np.dtype(name))
        assert type(info.max) is int


@pytest.mark.parametrize("kind", KINDS)
def test_isdtype_of_every_kind(kind: str) -> None:
    assert [name for name in dtypes.NAMES if tl.isdtype(getattr(tl, name), kind)] == [
        name for name in dtypes.NAMES if name in KINDS[kind]
    ]


def test_isdtype_accepts_dtypes_and_tuples() -> None:
    assert tl.isdtype(tl.float32, tl.float32)
    assert not tl.isdtype(tl.float32, tl.float64)
    assert tl.isdtype(tl.int8, ("bool", "signed integer"))
    assert tl.isdtype(tl.int8, (tl.bool, tl.int8))
    assert not tl.isdtype(tl.int8, ())


@pytest.mark.parametrize(("one", "two"), [*itertools.product(dtypes.NAMES, repeat=2)])
def test_promotion_and_casting_are_consistent(one: str, two: str) -> None:
    """A dtype can be cast only to dtypes that it promotes to."""
    kinds = [{"i": "iu", "u": "iu"}.get(np.dtype(name).kind, np.dtype(name).kind) for name in (one, two)]
    if kinds[0] != kinds[1] or np.promote_types(one, two).kind not in kinds[0]:
        with pytest.raises(DTypeError, match=rf"^result_type: expected arrays of one .* received {one} and {two};"):
            tl.result_type(getattr(tl, one), tl.zeros(1, dtype=two))
        assert not tl.can_cast(one, two)
        return
    common = tl.result_type(getattr(tl, one), tl.zeros(1, dtype=two))
    assert common == np.promote_types(one, two)
    assert tl.can_cast(getattr(tl, one), getattr(tl, two)) == (common == np.dtype(two))
    assert tl.can_cast(tl.zeros(1, dtype=one), two) == (common == np.dtype(two))


def test_result_type_ignores_python_numbers_next_to_arrays() -> None:
    assert tl.result_type(tl.float64, 1, 2.5) == tl.float64
    assert tl.result_type(1, np.zeros(2, "int8"), tl.int16) == tl.int16
    assert tl.result_type(1, 2.0) == tl.float32


def test_constants() -> None:
    assert (tl.e, tl.pi, tl.inf) == (math.e, math.pi, math.inf)
    assert math.isnan(tl.nan)
    assert tl.ones((2, 3))[:, tl.newaxis].shape == (2, 1, 3)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: tl.finfo(tl.int8),
            DTypeError,
            r"^finfo: expected a real dtype, received int8; use iinfo for integers$",
        ),
        (
            lambda: tl.iinfo("float32"),
            DTypeError,
            r"^iinfo: expected an integer dtype, received float32; use finfo for real dtypes$",
        ),
        (lambda: tl.iinfo(tl.bool), DTypeError, r"^iinfo: expected an integer dtype, received bool;"),
        (lambda: tl.finfo("float16"), DTypeError, r"^finfo: expected one of bool, .*, received 'float16'"),
        (
            lambda: tl.finfo(None),
            ArgumentTypeError,
            r"^finfo: expected a dtype, a tensor or an array, received None",
        ),
        (lambda: tl.finfo(1.0), ArgumentTypeError, r"^finfo: expected a dtype, a tensor or an array, received float"),
        (
            lambda: tl.isdtype(tl.int8, "integer"),
            ArgumentError,
            r"^isdtype: expected a kind of dtype, received 'integer'; did you mean .*'integral'",
        ),
        (lambda: tl.isdtype("complex64", "numeric"), DTypeError, r"^isdtype: expected one of bool, .*'complex64'"),
        (lambda: tl.can_cast(tl.int8, "text"), DTypeError, r"^can_cast: expected one of bool, .*, received 'text'"),
        (
            lambda: tl.result_type(),
            ArgumentError,
            r"^result_type: expected an array, a dtype or a number, received",
        ),
        (
            lambda: tl.result_type(tl.int64, np.zeros(1, "uint64")),
            DTypeError,
            r"^result_type: expected arrays of one kind of dtype, received int64 and uint64",
        ),
    ],
)
def test_invalid_arguments_are_rejected(call: Callable[[], Any], kind: type[TensorlabError], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()


CASTS = ["bool", "int8", "uint8", "int64", "float32", "float64"]


@pytest.mark.parametrize(
    ("source", "device"), [("bool", "reference"), ("int64", "reference"), ("float64", "reference"), ("float64", "cpu")]
)
def test_astype_matches_numpy(source: str, device: str, rng: np.random.Generator) -> None:
    x = rng.uniform(0, 120, (3, 4)).astype(source)
    x[0, 0] = 0
    tensor = tl.asarray(x, device=device)
    for target in CASTS:
        result = tensor.astype(target)
        assert result.dtype == np.dtype(target)
        np.testing.assert_array_equal(result.numpy(), x.astype(target))
    assert tensor.astype(source) is tensor
    copy = tl.astype(tensor, source, copy=True)
    assert copy is not tensor
    assert not np.shares_memory(copy.numpy(), tensor.numpy())


def test_astype_of_negative_and_special_values() -> None:
    for device in ("cpu", "reference"):
        x = tl.asarray(np.array([-1.9, 2.9, -0.0]), device=device)
        assert x.astype("int64").tolist() == [-1, 2, 0]
        assert x.astype("bool").tolist() == [True, True, False]
        assert tl.asarray([np.nan, np.inf], device=device).astype("bool").tolist() == [True, True]
        assert tl.asarray(np.array([1e300, -1e300]), device=device).astype("float32").tolist() == [np.inf, -np.inf]
        assert tl.asarray([300, -1], device=device).astype("uint8").tolist() == [44, 255]
