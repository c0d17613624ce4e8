"""The IDX format: round trips, its definition, and an error for every kind of damage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tensorlab.datasets import idx
from tensorlab.errors import ArgumentError, DatasetError, DTypeError

WHOLE = idx.dumps(np.arange(6, dtype=np.uint8).reshape(2, 3))


def test_bytes_match_the_definition_of_the_format():
    assert WHOLE.hex() == "00000802" + "00000002" + "00000003" + "000102030405"
    assert idx.dumps(np.array([1, -2], np.int16)).hex() == "00000b01" + "00000002" + "0001" + "fffe"


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=9)))
def test_round_trip_of_uint8(array):
    loaded = idx.loads(idx.dumps(array))
    np.testing.assert_array_equal(loaded, array, strict=True)
    assert loaded.flags.writeable


@given(
    st.sampled_from(["u1", "i1", "i2", "i4", "f4", "f8", ">i4", "<f8"]).flatmap(
        lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, max_side=4))
    )
)
def test_round_trip_of_every_dtype_in_native_byte_order(array):
    loaded = idx.loads(idx.dumps(array))
    assert loaded.dtype == array.dtype.newbyteorder("=")
    assert loaded.dtype.isnative
    np.testing.assert_array_equal(loaded, array)


def test_round_trip_of_an_array_that_is_not_contiguous():
    array = np.arange(60, dtype=np.uint8).reshape(3, 4, 5).transpose(2, 0, 1)[::-2]
    np.testing.assert_array_equal(idx.loads(idx.dumps(array)), array, strict=True)


@pytest.mark.parametrize(
    ("data", "received"),
    [
        (b"", "received an empty file"),
        (b"\0\0\x08", "received a beginning of 00 00 08;"),
        (b"<!DOCTYPE html>", "received a beginning of 3c 21 44 4f;"),
        (b"\0\0\x07\x01\0\0\0\0", "received a beginning of 00 00 07 01;"),
        (b"\0\0\x08\x41" + bytes(4 * 65), "received a beginning of 00 00 08 41;"),
        (WHOLE[:9], "expected a header of 12 bytes, received a file of 9 bytes; it is truncated"),
        (
            WHOLE[:-1],
            "expected 18 bytes, as its header announces (uint8 of shape (2, 3)), received 17 bytes; it is trunc",
        ),
        (WHOLE + b"\0", "received 19 bytes; it has bytes past its end; download it again"),
    ],
)
def test_damage_is_reported(data, received):
    with pytest.raises(DatasetError) as caught:
        idx.loads(data, "some.file")
    assert str(caught.value).startswith("some.file: expected ")
    assert received in str(caught.value)


@given(st.binary(max_size=40))
def test_invalid_bytes_raise_only_dataset_errors(data):
    try:
        array = idx.loads(data)
    except DatasetError:
        return
    np.testing.assert_array_equal(idx.loads(idx.dumps(array)), array)


def test_unsupported_dtype_is_rejected():
    with pytest.raises(
        DTypeError, match=r"idx\.dumps: expected an array of uint8, int8, .*float64, received complex128"
    ):
        idx.dumps(np.zeros(3, complex))


def test_axis_too_long_for_32_bits_is_rejected():
    with pytest.raises(ArgumentError, match=r"expected axes shorter than 2\*\*32, received shape \(4294967296,\)"):
        idx.dumps(np.broadcast_to(np.uint8(0), 2**32))
