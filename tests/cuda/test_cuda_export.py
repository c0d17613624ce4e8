"""Checks of CUDA memory that other libraries read without a copy. See `test_cuda_checks`."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from test_cuda_checks import DTYPES, check, on, real
from test_cuda_training import counted

import tensorlab as tl
from tensorlab.errors import DLPackError


class Interface:
    """The CUDA array interface of a tensor in the simulator, as NumPy's array interface."""

    def __init__(self, tensor: tl.Tensor) -> None:
        self.__array_interface__ = {k: v for k, v in tensor.__cuda_array_interface__.items() if k != "stream"}


@check
def memory_is_shared_with_numpy(rng):
    from tensorlab_cuda import dlpack, driver

    if not driver.simulated():
        return  # NumPy cannot read the memory of a GPU
    for dtype in DTYPES:
        values = rng.integers(0, 2, (4, 6)).astype(dtype)
        for tensor, expected in [
            (on(values), values),
            (tl.matrix_transpose(on(values))[1:, ::2], values.T[1:, ::2]),
            (on(values)[::-1], values[::-1]),
            (on(values[0, 0]), values[0, 0]),
            (on(values[:0]), values[:0]),
        ]:
            array = np.from_dlpack(tensor, copy=False)
            np.testing.assert_array_equal(array, expected, strict=True)
            np.testing.assert_array_equal(np.asarray(Interface(tensor)), expected, strict=True)
            if array.size:
                assert not array.flags.writeable
                assert array.ctypes.data == tensor.__cuda_array_interface__["data"][0]
    tensor = on(real(rng, 500))
    array, expected, memory = np.from_dlpack(tensor, copy=False), tensor.numpy(), tensor._buffer.array
    del tensor
    assert on(expected)._buffer.array is not memory
    np.testing.assert_array_equal(array, expected)
    del array
    tensor = on(expected)
    for version in (None, (0, 8), (1, 0)):
        capsule = tensor.__dlpack__(max_version=version)
        assert len(dlpack._held) == 1
        del capsule  # an unused capsule
        assert not dlpack._held
    for copy in (np.from_dlpack(tensor, copy=True), np.from_dlpack(tensor)):
        assert copy.ctypes.data != tensor.__cuda_array_interface__["data"][0]
        np.testing.assert_array_equal(copy, expected)
    for options, message in (
        ({"dl_device": (4, 0)}, r"^__dlpack__: expected device \(1, 0\) or the host, \(1, 0\), received dl_device"),
        ({"copy": False}, r"^__dlpack__: expected that a copy is allowed, received copy=False; ask for this device"),
    ):
        with pytest.raises(DLPackError, match=message):
            tensor.__dlpack__(**options)
    assert not hasattr(tensor.to_device("cpu"), "__cuda_array_interface__")


@check
def memory_is_shared_with_pytorch(rng):
    try:
        import torch
    except ImportError:
        return
    from tensorlab_cuda import driver

    if not driver.simulated() and not torch.cuda.is_available():
        return
    tensor = tl.matrix_transpose(on(real(rng, 4, 6)))[1:]
    theirs, before = torch.from_dlpack(tensor), tensor.numpy()
    np.testing.assert_array_equal(theirs.cpu().numpy(), before)
    theirs[:] = 99.0  # PyTorch ignores read-only flags, so it received a copy
    np.testing.assert_array_equal(tensor.numpy(), before)
    shared = torch.from_dlpack(tensor, copy=False)
    assert shared.data_ptr() == tensor.__cuda_array_interface__["data"][0]
    assert theirs.is_cuda != driver.simulated()
    host = np.from_dlpack(tensor, device="cpu")
    np.testing.assert_array_equal(host, tensor.numpy())


@check
def structures_match_dlpack(rng):
    from tensorlab_cuda import dlpack

    assert [ctypes.sizeof(kind) for kind in (dlpack.Tensor, dlpack.Managed, dlpack.Versioned)] == [48, 64, 80]
    assert dlpack.Versioned.tensor.offset == 32
    assert (dlpack.Tensor.shape.offset, dlpack.Tensor.byte_offset.offset) == (24, 40)
    tensor = on(real(rng, 2, 3))
    capsule = tensor.__dlpack__()  # without a version: DLPack before 1.0, a copy
    managed = dlpack.Managed.from_address(dlpack._pointer(id(capsule), b"dltensor"))
    assert managed.tensor.data != tensor.__cuda_array_interface__["data"][0]
    assert (managed.tensor.device_type, managed.tensor.device_id) == tensor.__dlpack_device__()
    assert (managed.tensor.code, managed.tensor.bits, managed.tensor.lanes, managed.tensor.ndim) == (2, 32, 1, 2)
    assert (managed.tensor.shape[:2], managed.tensor.strides[:2]) == ([2, 3], [3, 1])


@check
def capsules_describe_the_array(rng):
    from tensorlab_cuda import dlpack

    codes = {"bool": (6, 8), "int8": (0, 8), "int64": (0, 64), "uint8": (1, 8), "uint64": (1, 64)}
    codes |= {"float32": (2, 32), "float64": (2, 64)}
    for dtype, code in codes.items():
        tensor = tl.matrix_transpose(on(rng.integers(0, 2, (3, 4)).astype(dtype)))[::-1, 1:]
        for copy, flags, strides in ((False, 1, [-1, 4]), (True, 2, [2, 1]), (None, 2, [2, 1])):  # read-only; a copy
            capsule = tensor.__dlpack__(max_version=(1, 1), copy=copy)
            address = dlpack._pointer(id(capsule), b"dltensor_versioned")
            managed = dlpack.Versioned.from_address(address)
            assert (managed.major, managed.minor, managed.flags) == (1, 0, flags)
            inside = managed.tensor
            assert (inside.code, inside.bits, inside.lanes, inside.byte_offset) == (*code, 1, 0)
            assert (inside.ndim, inside.shape[:2], inside.strides[:2]) == (2, [4, 2], strides)
            assert (inside.data == tensor.__cuda_array_interface__["data"][0]) == (copy is False)


@check
def streams_match_the_array_api_standard(rng):
    from tensorlab_cuda import driver

    tensor, config = on(real(rng, 3)), driver.settings()
    plain = getattr(config, "CUDA_PER_THREAD_DEFAULT_STREAM", 0)
    try:
        for each_thread, own in ((0, (None, 1)), (1, (2,))):
            config.CUDA_PER_THREAD_DEFAULT_STREAM = each_thread
            for stream in (None, 1, 2, 3, 0x7F0012345678, -1):
                with counted(driver, ("synchronize",)) as calls:
                    tensor.__dlpack__(stream=stream, max_version=(1, 0))
                assert calls["synchronize"] == (stream != -1 and stream not in own), (each_thread, stream)
            assert tensor.__cuda_array_interface__["stream"] == own[-1]
    finally:
        config.CUDA_PER_THREAD_DEFAULT_STREAM = plain
    for stream in (0, -2, True, 1.0, "1"):
        with pytest.raises(
            DLPackError,
            match=rf"^__dlpack__: expected a stream's number, which 0 is not, -1 or None, received stream {stream!r}$",
        ):
            tensor.__dlpack__(stream=stream, max_version=(1, 0))


@check
def cuda_array_interface_has_version_3(rng):
    for dtype in DTYPES:
        size = np.dtype(dtype).itemsize
        whole = on(rng.integers(0, 2, (4, 6)).astype(dtype))
        cases = [
            (whole, None, 0),
            (whole[::-1, 1::2], (-6 * size, 2 * size), 19 * size),
            (whole[2, 3], None, 15 * size),
            (tl.expand_dims(whole, axis=0), None, 0),
        ]
        start = whole.__cuda_array_interface__["data"][0]
        for tensor, strides, offset in cases:
            described = tensor.__cuda_array_interface__
            assert described == {
                "shape": tensor.shape,
                "strides": strides,
                "typestr": np.dtype(dtype).str,
                "data": (start + offset, True),  # read-only
                "stream": 1,
                "version": 3,
            }
            assert {type(number) for number in (*described["shape"], *(strides or ()), described["data"][0])} <= {int}
        assert whole[:0].__cuda_array_interface__["data"] == (0, True)  # without elements there is no address
