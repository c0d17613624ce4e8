"""Checks of CUDA memory, host fallbacks, and error messages. See `test_cuda_checks`."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from test_cuda_checks import check, on, real, same

import tensorlab as tl
from tensorlab.errors import ArgumentError, DeviceError, ScalarError


@contextlib.contextmanager
def fallback(choice: str) -> Iterator[None]:
    before = os.environ.get("TENSORLAB_CUDA_FALLBACK")
    os.environ["TENSORLAB_CUDA_FALLBACK"] = choice
    try:
        yield
    finally:
        os.environ.pop("TENSORLAB_CUDA_FALLBACK")
        if before is not None:
            os.environ["TENSORLAB_CUDA_FALLBACK"] = before


# Host fallbacks


def hosted(x: np.ndarray) -> dict[str, Any]:
    """Return calls that fall back to the host, with NumPy's results, by name."""
    last = x.reshape(-1)
    return {
        "sort": (lambda: tl.sort(on(x), descending=True), -np.sort(-x)),
        "argsort": (lambda: tl.argsort(on(x), axis=0), x.argsort(0)),
        "unique_all": (lambda: tl.unique_all(on(x)).values, np.unique(x)),
        "unique_counts": (lambda: tl.unique_counts(on(x)).counts, np.unique(x, return_counts=True)[1]),
        "unique_inverse": (lambda: tl.unique_inverse(on(x)).values, np.unique(x)),
        "unique_values": (lambda: tl.unique_values(on(x)), np.unique(x)),
        "isin": (lambda: tl.isin(on(x), on(last[:2])), np.isin(x, last[:2])),
        "nonzero": (lambda: tl.nonzero(on(x))[0], x.nonzero()[0]),
        "searchsorted": (lambda: tl.searchsorted(on(np.sort(last)), on(x)), np.sort(last).searchsorted(x)),
        "repeat": (lambda: tl.repeat(on(x), on([2, 0, 1]), axis=0), x.repeat([2, 0, 1], 0)),
        "take_along_axis": (lambda: tl.take_along_axis(on(x), on(x.argsort())), np.sort(x)),
        "indexing by a tensor": (lambda: on(x)[on(x > 2)], x[x > 2]),
    }


@check
def operations_without_a_kernel_run_on_the_host(rng):
    from tensorlab_cuda import fallback as policy

    calls = hosted(rng.permutation(12).reshape(3, 4) // 2)
    policy._warned.clear()
    with fallback("warn"), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for run, expected in 2 * list(calls.values()):
            same(run(), expected, 0)
    told = [str(warning.message) for warning in caught]
    assert [text.partition(" has no kernel")[0] for text in told] == list(calls)
    assert {warning.category for warning in caught} == {policy.HostFallbackWarning}
    assert {warning.filename for warning in caught} == {__file__}
    assert told[0] == (
        "sort has no kernel for the device 'cuda': the host computes it, and its tensors are copied "
        "(set TENSORLAB_CUDA_FALLBACK=error to raise instead, =silent to disable this warning)"
    )
    policy._warned.clear()
    with fallback("silent"), warnings.catch_warnings():
        warnings.simplefilter("error")
        for run, expected in calls.values():
            same(run(), expected, 0)


@check
def fallback_can_be_disabled(rng):
    with fallback("error"):
        for name, (run, _) in hosted(np.arange(12).reshape(3, 4)).items():
            with pytest.raises(
                DeviceError,
                match=rf"^{name}: expected a kernel for the device 'cuda', received none "
                r"\(TENSORLAB_CUDA_FALLBACK=error\); move the tensor with x\.to_device\('cpu'\), or set",
            ):
                run()
        with tl.device("cuda"):
            variable = tl.Variable([1.0, 2.0])
        variable[np.array([0])].assign([3.0])  # computed on the device
        same(variable, np.float32([3, 2]), 0)
    with (
        fallback("never"),
        pytest.raises(
            ArgumentError, match=r"^TENSORLAB_CUDA_FALLBACK: expected 'warn', 'error' or 'silent', received 'never'$"
        ),
    ):
        tl.sort(on([1, 2]))


# Memory


@check
def released_memory_is_reused(rng):
    x = real(rng, 30, 5)
    first = on(x)
    view = first[1:]
    array = first._buffer.array
    del first
    assert on(x)._buffer.array is not array  # a view uses it
    del view
    again = on(x.reshape(150))
    assert again._buffer.array is array
    same(again, x.ravel(), 0)
    assert on(x.astype(int))._buffer.array is not array


@contextlib.contextmanager
def room_for(requests: list[bool]) -> Iterator[None]:
    """Let allocations succeed or fail, as given for each request."""
    from tensorlab_cuda import driver

    plain, told = driver.device_array, driver.free_memory
    try:
        driver.device_array = lambda size, kind: plain(size, kind) if requests.pop(0) else None
        driver.free_memory = lambda: (12_500_000, 80_000_000_000)
        yield
    finally:
        driver.device_array, driver.free_memory = plain, told


@check
def failed_allocation_reports_the_sizes(rng):
    from tensorlab_cuda import allocator

    array = on(real(rng, 777))._buffer.array  # already released
    with (
        room_for([False, False]),
        pytest.raises(
            DeviceError,
            match=r"^device 'cuda': expected to find 4\.0 MB for 1,000,001 elements of float32, received 12\.5 MB that "
            r"are free, of 80,000\.0 MB; delete tensors that are not needed any more, or use smaller batches$",
        ),
    ):
        on(np.zeros(1_000_001, np.float32))
    assert not any(allocator._shelves.values())  # released memory was freed first
    with room_for([False, True]):
        same(on(np.float32([1, 2, 3])), np.float32([1, 2, 3]))
    assert on(real(rng, 777))._buffer.array is not array


# Errors


def fake(**changes: Any) -> SimpleNamespace:
    """Return a fake module ``numba.cuda`` of a working machine, with some changes."""
    parts = {"error": None, "gpus": [0], "driver": (13, 0), "toolkit": (13, 5), "nvvm": True, **changes}
    driver = SimpleNamespace(driver=SimpleNamespace(get_version=lambda: parts["driver"]))
    return SimpleNamespace(
        cuda_error=lambda: parts["error"],
        gpus=parts["gpus"],
        runtime=SimpleNamespace(get_version=lambda: parts["toolkit"]),
        cudadrv=SimpleNamespace(driver=driver, nvvm=SimpleNamespace(is_available=lambda: parts["nvvm"])),
    )


@check
def missing_components_are_reported(rng):
    from tensorlab_cuda import driver

    driver._check(fake())
    driver._check(fake(driver=(13, 0), toolkit=(12, 9)))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    os.environ["CUDA_VISIBLE_DEVICES"] = "7"
    try:
        for changes, message in (
            (
                {"error": "no\n driver."},
                r"an NVIDIA GPU with its driver, received none \(no driver\); to run",
            ),
            (
                {"gpus": []},
                r"an NVIDIA GPU, received a driver that finds none among CUDA_VISIBLE_DEVICES='7'; nvidia-smi lists",
            ),
            (
                {"nvvm": False},
                r"the compiler of the CUDA toolkit, received none \(NVVM is missing\); pip install",
            ),
            (
                {"driver": (12, 4)},
                r"a driver for CUDA 13, as the toolkit that is installed, received one for CUDA 12\.4; update the "
                r'driver, or pip install "numba-cuda\[cu12\]"$',
            ),
        ):
            with pytest.raises(DeviceError, match=f"^device 'cuda': expected {message}"):
                driver._check(fake(**changes))
    finally:
        os.environ.pop("CUDA_VISIBLE_DEVICES")
        if visible is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = visible


class Refusing:
    """A kernel whose launch raises an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getitem__(self, configuration: Any) -> Any:
        return self

    def __call__(self, *arguments: Any) -> None:
        raise self.error


class CudaAPIError(Exception):
    """Named like Numba's error for driver errors."""


@check
def error_of_the_compiler_names_the_scalar_function(rng):
    from numba.core.errors import TypingError
    from tensorlab_cuda import driver

    def mish(x):
        return x * x

    line = mish.__code__.co_firstlineno
    plain = driver.compile_kernel
    try:
        driver.compile_kernel = Refusing(TypingError("no\n  such function"))
        with pytest.raises(
            ScalarError,
            match=rf"^scalar function 'mish' \(.*test_cuda_driver\.py, line {line}\): expected what Numba compiles for "
            r"CUDA, received TypingError: no such function; on the device 'cpu' it may work$",
        ):
            tl.elementwise(mish)(on(real(rng, 3)))
        driver.compile_kernel = Refusing(ZeroDivisionError())
        with pytest.raises(ZeroDivisionError):  # other errors are not converted
            tl.elementwise(mish)(on(real(rng, 3)))
    finally:
        driver.compile_kernel = plain
    same(tl.elementwise(mish)(on([3.0])), np.float32([9]), 0)  # compiling again succeeds


@check
def device_of_another_number_is_rejected(rng):
    from tensorlab_cuda import driver

    with tl.device("cuda:0"):
        assert tl.asarray([1.0]).device == "cuda"
    first = on(real(rng, 3))
    assert first.to_device("cuda:0") is first
    count = len(driver.cuda().gpus)
    with pytest.raises(
        DeviceError,
        match=rf"^device 'cuda:{count}': expected 'cuda' or 'cuda:0', since a process uses one GPU, the first of those "
        rf"that it sees, received {count}, with {count} in sight; nvidia-smi lists the GPUs by their numbers$",
    ):
        tl.asarray([1.0], device=f"cuda:{count}")
    plain = driver.cuda
    try:
        driver.cuda = lambda: SimpleNamespace(gpus=[None] * 3)
        with (
            pytest.raises(
                DeviceError, match=r"; to use that one, set CUDA_VISIBLE_DEVICES=2 before Python starts, which"
            ),
            tl.device("cuda:2"),
        ):
            pass
    finally:
        driver.cuda = plain


@check
def failed_launch_is_reported(rng):
    from tensorlab_cuda import driver
    from tensorlab_cuda.kernel import Kernel

    failing = Kernel(Refusing(CudaAPIError("[700] illegal address")), "map mish float32", 1)
    with pytest.raises(
        DeviceError,
        match=r"^device 'cuda', kernel 'map mish float32': expected a launch that succeeds, received \[700\] illegal "
        r"address; after such an error restart Python$",
    ):
        driver.launch_flat(failing, 1)
    failing = Kernel(Refusing(CudaAPIError("UNSUPPORTED_PTX_VERSION")), "map mish float32", 1)
    with pytest.raises(DeviceError, match=r"; an update of the driver may help$"):
        driver.launch_flat(failing, 1)


@check
def use_in_a_forked_child_raises(rng):
    tensor = on(real(rng, 3))
    uses = [lambda: on([1.0]), lambda: tensor + tensor, tensor.numpy, lambda: tl.sum(tensor)]
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a warning about forking with threads
        child = os.fork()
    if not child:
        said = []
        for use in uses:
            try:
                use()
            except DeviceError as error:
                said.append(str(error))
        os.write(writing, "\n".join(said).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read().splitlines()
    os.waitpid(child, 0)
    expected = (
        "device 'cuda': expected the process that used it first, received a child that was forked from it; "
        'start processes with multiprocessing.get_context("spawn"), or fork before the first use'
    )
    assert told == [expected] * len(uses)
    same(tensor + 0, tensor.numpy())
