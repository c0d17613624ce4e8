"""Checks that unsupported arrays of other libraries are rejected. See `test_cuda_checks`."""

from __future__ import annotations

import gc
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from cuda_libraries import Described, Exported
from test_cuda_checks import check, real, same

import tensorlab as tl
from tensorlab.errors import ArgumentError, DeviceError, DTypeError


@check
def unsupported_arrays_are_rejected(rng):
    values = real(rng, 4)
    known = "one of bool, int8, .*, float64"
    half, big = values.astype(np.float16), values.astype(">f4")
    cases: list[tuple[Any, type[Exception], str]] = [
        (Described(half), DTypeError, rf"{known}, received <f2; convert it first"),
        (Described(big), DTypeError, rf"{known}, received >f4; convert it first"),
        (Exported(half), DTypeError, rf"{known}, received DLPack's \(2, 16, 1\); convert it first"),
        (Exported(values, code=(2, 32, 4)), DTypeError, rf"{known}, received DLPack's \(2, 32, 4\); convert it first"),
        (
            Described(values, mask=Described(values > 0)),
            ArgumentError,
            r"an array without a mask, received cuda_libraries\.Described; fill in what it hides",
        ),
        (
            Described(values, shape=(2,), strides=(6,)),
            ArgumentError,
            r"strides in whole elements of float32, received \(6,\) bytes; copy it first",
        ),
        (
            Exported(values, offset=2),
            ArgumentError,
            r"elements of float32 at multiples of 4 bytes, received address 0x[0-9a-f]+; copy it first",
        ),
        (
            Exported(values, device=(2, 3)),
            DeviceError,
            r"an array on GPU 0, the one that this process uses, received one on 3; copy it to that GPU with its own",
        ),
        (
            Exported(values, version=2),
            ArgumentError,
            r"an array that its library exports, received cuda_libraries\.Exported; its capsule is of DLPack 2, and",
        ),
    ]
    for array, kind, message in cases:
        with pytest.raises(kind, match=rf"^asarray: expected {message}"):
            tl.asarray(array)
        gc.collect()
        if isinstance(array, Exported):
            assert array.given_back == (array.changes.get("device") is None)  # by the capsule


class Odd(Exported):
    """An array whose library returns something wrong from ``__dlpack__``."""

    def __init__(self, view: np.ndarray, give: Any) -> None:
        super().__init__(view)
        self.give = give

    def __dlpack__(self, **options: Any) -> Any:
        return self.give(super().__dlpack__(**options))


@check
def errors_of_another_library_are_reported(rng):
    def refuse(capsule: Any) -> Any:
        raise BufferError("it requires\n gradient")

    values, capsules = real(rng, 4), []
    taken = Odd(values, lambda capsule: capsules.append(capsule) or capsule)
    held = tl.from_dlpack(taken)
    for give, message in (
        (refuse, r"it requires gradient$"),
        (lambda capsule: None, r"its __dlpack__ gave None, which is no capsule of DLPack that can be used$"),
        (lambda capsule: capsules[0], r'its __dlpack__ gave <capsule object "used_dltensor_versioned" at .*used$'),
    ):
        array = Odd(values, give)
        with pytest.raises(
            ArgumentError,
            match=rf"^from_dlpack: expected an array that its library exports, received .*\.Odd; {message}",
        ):
            tl.from_dlpack(array)
    same(held, values, 0)


@check
def inaccessible_memory_is_reported(rng):
    from tensorlab_cuda import driver

    def refuse(address: int) -> None:
        raise RuntimeError("[1] cuPointerGetAttribute:\n INVALID_VALUE")

    pointers = SimpleNamespace(get_devptr_for_active_ctx=refuse)
    module = SimpleNamespace(cudadrv=SimpleNamespace(driver=pointers), from_cuda_array_interface=lambda said: said)
    plain = driver.cuda, driver.simulated
    try:
        driver.cuda, driver.simulated = lambda: module, lambda: False
        with pytest.raises(
            DeviceError,
            match=r"^asarray: expected memory of GPU 0, the one that this process uses, received address 0x10 \(\[1\] "
            r"cuPointerGetAttribute: INVALID_VALUE\); copy it to that GPU with its own library$",
        ):
            driver.borrowed_array("asarray", 16, 3, np.float32)
        pointers.get_devptr_for_active_ctx = lambda address: address
        described = {"shape": (3,), "typestr": "<f4", "data": (16, False), "version": 3}
        assert driver.borrowed_array("asarray", 16, 3, np.float32) == described
    finally:
        driver.cuda, driver.simulated = plain
