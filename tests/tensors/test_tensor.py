"""Tensors: conversion from and to other types, immutability, and error messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from any_layout import layouts

import tensorlab as tl
from tensorlab.errors import ArgumentError, DeviceError, DTypeError, ShapeError, UnknownNameError

# asarray and back


@pytest.mark.parametrize(
    ("value", "dtype", "shape"),
    [
        (1.5, "float32", ()),
        (3, "int64", ()),
        (True, "bool", ()),
        ([1, 2.5], "float32", (2,)),
        ([[1, 2], [3, 4]], "int64", (2, 2)),
        ([], "float32", (0,)),
        ([[], []], "float32", (2, 0)),
        (range(4), "int64", (4,)),
        (np.float64(1.5), "float64", ()),
        (np.zeros((2, 3), ">f8"), "float64", (2, 3)),
        (np.zeros(3, np.uint16), "uint16", (3,)),
        ((np.int8(1), np.int8(2)), "int8", (2,)),
    ],
)
def test_asarray_infers_dtype_and_shape(value: Any, dtype: str, shape: tuple[int, ...]) -> None:
    tensor = tl.asarray(value)
    assert (tensor.dtype, tensor.shape, tensor.ndim) == (np.dtype(dtype), shape, len(shape))
    assert tensor.size == np.size(value)
    assert tensor.device == "cpu"
    np.testing.assert_array_equal(tensor.numpy(), np.asarray(value))


def test_asarray_of_tensors_in_lists() -> None:
    x = tl.asarray([1.0, 2.0])
    np.testing.assert_array_equal(tl.asarray([x, [3.0, 4.0]]).numpy(), [[1, 2], [3, 4]])
    assert tl.asarray(x) is x
    assert tl.asarray(x, dtype="float64").dtype == np.float64


def test_asarray_shares_host_memory_unless_copy_is_true(rng: np.random.Generator) -> None:
    for array in layouts(rng.standard_normal((3, 4))).values():
        shared, copied = tl.asarray(array), tl.asarray(array, copy=True)
        assert np.shares_memory(shared.numpy(), array)
        assert not np.shares_memory(copied.numpy(), array)
        np.testing.assert_array_equal(copied.numpy(), array)
        assert not np.shares_memory(tl.asarray(shared, copy=True).numpy(), array)
        assert np.shares_memory(tl.asarray(array, copy=False).numpy(), array)


def test_asarray_reads_unaligned_memory() -> None:
    raw = np.zeros(33, np.uint8)
    unaligned = raw[1:].view(np.float32)
    unaligned[...] = np.arange(8)
    assert not unaligned.flags.aligned
    assert (tl.asarray(unaligned) + 1.0).tolist() == list(range(1, 9))


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: tl.asarray("abc"),
            DTypeError,
            r"^asarray: expected data of bool, .*, received <U3 data; convert it to num",
        ),
        (lambda: tl.asarray(None), DTypeError, r"received objects \(NoneType\); convert it to numbers first$"),
        (
            lambda: tl.asarray([[1, 2], [3]]),
            DTypeError,
            r"^asarray: expected numbers, or nested lists of equal lengths, received list; Nu",
        ),
        (lambda: tl.asarray(1j), DTypeError, r"received complex128 data"),
        (lambda: tl.asarray(np.float16(1)), DTypeError, r"received float16 data"),
        (lambda: tl.asarray(2**70), DTypeError, r"received objects \(int\)"),
        (
            lambda: tl.asarray([1.0], dtype="float16"),
            DTypeError,
            r"^asarray: expected one of bool, .*, received 'float16'",
        ),
        (
            lambda: tl.asarray(np.zeros(2), dtype="float32", copy=False),
            ArgumentError,
            r"^asarray: expected float64 data with copy=False, received dtype float32$",
        ),
        (
            lambda: tl.asarray([1.0], device="gpu"),
            UnknownNameError,
            r"^backend: expected the name of a registered backend, received 'gpu'; (did you mean|known names)",
        ),
        (lambda: tl.asarray([1.0]).to_device("tpu"), UnknownNameError, r"received 'tpu'"),
        (lambda: tl.device("nowhere").__enter__(), UnknownNameError, r"received 'nowhere'"),
        (lambda: tl.device("nowhere:1").__enter__(), UnknownNameError, r"received 'nowhere:1'"),
        (
            lambda: tl.device("cpu:1").__enter__(),
            DeviceError,
            r"^device 'cpu:1': expected 'cpu' or 'cpu:0', the only one, received 1$",
        ),
        (
            lambda: len(tl.asarray(1.0)),
            DTypeError,
            r"^len: expected a tensor with an axis, received a tensor of rank 0$",
        ),
        (
            lambda: [*tl.asarray(1.0)],
            DTypeError,
            r"^iter: expected a tensor with an axis, received a tensor of rank 0$",
        ),
        (
            lambda: float(tl.asarray([1.0, 2.0])),
            ShapeError,
            r"^float: expected a tensor of one element, received shape \(2,\)$",
        ),
        (
            lambda: int(tl.asarray([1, 2])),
            ShapeError,
            r"^int: expected a tensor of one element, received shape \(2,\)$",
        ),
        (lambda: tl.asarray([1, 2]).item(), ShapeError, r"^item: expected a tensor of one element, received"),
        (
            lambda: bool(tl.asarray([])),
            ShapeError,
            r"^bool: expected a tensor of one element, received shape \(0,\); use tl\.any\(x\) or tl\.all\(x\)$",
        ),
        (
            lambda: f"{tl.asarray([1.0, 2.0]):.2f}",
            ShapeError,
            r"^format: expected a tensor of one element, received shape \(2,\); format each element$",
        ),
        (
            lambda: [1, 2][tl.asarray(1.0)],
            DTypeError,
            r"^index: expected an integer tensor of rank 0, received float32 of shape \(\)$",
        ),
        (lambda: [1, 2][tl.asarray([1])], DTypeError, r"^index: .* received int64 of shape \(1,\)$"),
        (
            lambda: tl.asarray([1.0]).__array__("float64", copy=False),
            ArgumentError,
            r"^__array__: expected dtype float32 with copy=False, received float64$",
        ),
    ],
)
def test_error_messages(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()


def test_tensor_of_one_element_converts_to_numbers() -> None:
    x = tl.asarray(1.23456)
    assert float(x) == pytest.approx(1.23456)
    assert int(x) == 1
    assert bool(x) is True
    assert complex(x) == pytest.approx(1.23456)
    assert x.item() == float(x)
    assert isinstance(tl.asarray([[3]]).item(), int)
    assert bool(tl.asarray(0.0)) is False
    assert f"{x:.2f}" == "1.23"
    assert f"{tl.asarray(7):04d}" == "0007"
    assert f"{x}" == str(x)
    assert [10, 20, 30][tl.asarray(2)] == 30
    assert list(range(tl.asarray(3))) == [0, 1, 2]


def test_tensor_is_a_sequence_of_its_first_axis(rng: np.random.Generator) -> None:
    array = rng.standard_normal((3, 2))
    tensor = tl.asarray(array)
    assert len(tensor) == 3
    rows = list(tensor)
    assert all(isinstance(row, tl.Tensor) and row.shape == (2,) for row in rows)
    np.testing.assert_array_equal([row.numpy() for row in rows], array)
    assert tensor.tolist() == array.tolist()
    assert array[1, 1] in tensor
    assert 17.0 not in tensor


def test_repr() -> None:
    assert repr(tl.asarray([1.0, 2.5])) == "Tensor([1. , 2.5], dtype=float32)"
    assert repr(tl.asarray(True)) == "Tensor(True, dtype=bool)"
    assert repr(tl.asarray([[1], [2]], device="reference")) == (
        "Tensor([[1],\n        [2]], dtype=int64, device='reference')"
    )
    assert repr(tl.zeros((2, 0))) == "Tensor([], shape=(2, 0), dtype=float32)"
    assert repr(tl.zeros((2000,))).endswith("shape=(2000,), dtype=float32)")
    assert len(repr(tl.zeros((2000,)))) < 200
    assert repr(tl.Variable(1.0, name="bias")) == "Variable(1., dtype=float32, name='bias')"


def test_numpy_and_dlpack_share_memory(rng: np.random.Generator) -> None:
    for array in layouts(rng.standard_normal((3, 4)).astype(np.float32)).values():
        tensor = tl.asarray(array)
        for view in (np.asarray(tensor), np.from_dlpack(tensor, copy=False), tensor.numpy()):
            np.testing.assert_array_equal(view, array)
            assert np.shares_memory(view, array)
        assert np.asarray(tensor, dtype=np.float64).dtype == np.float64
        copy = np.array(tensor)
        assert not np.shares_memory(copy, array)
        assert copy.flags.writeable
    assert tensor.__dlpack_device__() == (1, 0)
    assert tl.asarray(array).numpy().flags.writeable is False
    assert array.flags.writeable
    assert np.concatenate([tensor, tensor]).shape == (6, 4)


def test_devices() -> None:
    x = tl.asarray([1.0, 2.0])
    assert x.to_device("cpu") is x
    moved = x.to_device("reference")
    assert moved.device == "reference"
    assert (moved + moved).tolist() == [2.0, 4.0]
    with tl.device("reference"):
        assert tl.zeros((2,)).device == "reference"
        with tl.device("cpu"):
            assert tl.zeros((2,)).device == "cpu"
        assert tl.Variable(1.0).device == "reference"
        assert tl.asarray(x).device == "cpu"
        assert tl.asarray(x, device="reference").device == "reference"
    assert tl.zeros((2,)).device == "cpu"
    with pytest.raises(ZeroDivisionError), tl.device("reference"):
        raise ZeroDivisionError
    assert tl.zeros((2,)).device == "cpu"


def test_tensor_is_immutable() -> None:
    x = tl.asarray([1.0, 2.0])
    with pytest.raises(ValueError, match="read-only"):
        x.numpy()[0] = 3.0
    before = x
    x += 1.0
    assert before.tolist() == [1.0, 2.0]
    assert x.tolist() == [2.0, 3.0]
    assert len({before, x}) == 2  # hashed by identity


def test_python_numbers_keep_their_precision_in_a_wider_dtype():
    assert tl.asarray([0.1], dtype="float64").numpy()[0] == 0.1
    assert float(tl.asarray(1e-300, dtype="float64")) == 1e-300


@pytest.mark.parametrize("number", [300, -1, float("nan")])
def test_number_out_of_range_is_rejected(number):
    with pytest.raises(tl.errors.ArgumentError, match=r"asarray: expected numbers that uint8 holds, received \["):
        tl.asarray([number], dtype="uint8")


def test_arrays_and_numbers_are_moved_to_the_device_of_the_tensor():
    x = tl.asarray([1.0, 2.0], device="reference")
    assert (x + np.ones(2, np.float32)).device == (2 * x).device == "reference"
    assert (x @ np.ones((2, 3), np.float32)).device == "reference"


def test_device_may_be_given_with_its_number() -> None:
    tensor = tl.asarray([1.0], device="cpu:0")
    assert tensor.device == "cpu"
    assert tensor.to_device("cpu:0") is tensor
