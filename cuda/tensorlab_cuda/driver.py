"""The only module that uses Numba's CUDA on the host: discovery, memory, compilation and launches.

The text of kernels also refers to ``cuda``, for what they do on the device; `build` passes the module to them.
"""

from __future__ import annotations

import functools
import inspect
import math
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from tensorlab.errors import DeviceError
from tensorlab_cuda import simulator
from tensorlab_cuda.kernel import Kernel, explain
from tensorlab_cuda.listener import recording

_WHO = "device 'cuda'"
_INSTALL = 'pip install "numba-cuda[cu13]" (or [cu12], whichever the driver supports)'
_SIMULATE = "to run without a GPU, slowly, set NUMBA_ENABLE_CUDASIM=1 before Python starts"


@dataclass(frozen=True)
class Device:
    """A device and its launch limits.

    Attributes:
        name: its product name.
        number: its index among the GPUs that the process sees.
        compute_capability: its generation, such as ``(9, 0)``.
        processors: the number of multiprocessors, and so of blocks that certainly run at the same time.
        blocks: the maximum number of blocks in a launch; a kernel with more work loops in strides of the grid.
        threads: the maximum number of threads in a block, a power of two.
        across: the number of threads that read adjacent memory together, a power of two.
    """

    name: str
    number: int
    compute_capability: tuple[int, int]
    processors: int
    blocks: int
    threads: int
    across: int


_in_child = False
"""Whether this process was forked from one that has used CUDA."""


def cuda() -> Any:
    """Return the module ``numba.cuda``, of numba-cuda or of an older Numba, after checking that it works.

    Raises:
        DeviceError: if something is missing, naming it.
    """
    if _in_child:
        hint = 'start processes with multiprocessing.get_context("spawn"), or fork before the first use'
        raise DeviceError(_WHO, "the process that used it first", "a child that was forked from it", hint)
    return _module()


@functools.cache
def _module() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Numba's own numba.cuda is deprecated
            from numba import cuda
    except ImportError as error:
        raise DeviceError(_WHO, "the package numba-cuda", f"ImportError: {error}", _INSTALL) from error
    # A small tensor uses few blocks; the user can do nothing about that.
    settings().CUDA_LOW_OCCUPANCY_WARNINGS = 0
    if _is_simulator(cuda):
        simulator.prepare()
    else:
        _check(cuda)
    os.register_at_fork(after_in_child=_forked)
    return cuda


def settings() -> Any:
    """Return the settings of numba-cuda, or of the older ``numba.cuda`` in Numba."""
    try:
        from numba.cuda.core import config
    except ImportError:
        from numba import config
    return config


def _forked() -> None:
    """Mark CUDA as unusable in a forked child, so that every use raises."""
    global _in_child
    _in_child = True
    device.cache_clear()


def _is_simulator(module: Any) -> bool:
    return ".simulator." in module.jit.__module__


def _check(cuda: Any) -> None:
    error = cuda.cuda_error()
    if error is not None:
        reason = " ".join(str(error).split())
        raise DeviceError(_WHO, "an NVIDIA GPU with its driver", f"none ({reason.rstrip('.')})", _SIMULATE)
    if not cuda.gpus:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        among = "" if visible is None else f" among CUDA_VISIBLE_DEVICES={visible!r}"
        hint = "nvidia-smi lists the GPUs by their numbers, of which CUDA_VISIBLE_DEVICES chooses"
        raise DeviceError(_WHO, "an NVIDIA GPU", f"a driver that finds none{among}", hint)
    missing = missing_compiler(cuda)
    if missing:
        raise DeviceError(_WHO, "the compiler of the CUDA toolkit", f"none ({missing})", _INSTALL)
    of_driver, of_toolkit = cuda.cudadrv.driver.driver.get_version(), cuda.runtime.get_version()
    if of_driver[0] < of_toolkit[0]:
        raise DeviceError(
            _WHO,
            f"a driver for CUDA {of_toolkit[0]}, as the toolkit that is installed",
            f"one for CUDA {of_driver[0]}.{of_driver[1]}",
            f'update the driver, or pip install "numba-cuda[cu{of_driver[0]}]"',
        )


def missing_compiler(cuda: Any) -> str:
    """Return what is missing to compile kernels, or an empty string. No GPU is needed for that."""
    try:
        cuda.runtime.get_version()  # loads a library of the toolkit, which is_available does not
        return "" if cuda.cudadrv.nvvm.is_available() else "NVVM is missing"
    except Exception as error:  # its class depends on the version
        return " ".join(str(error).split())


def simulated() -> bool:
    """Return whether kernels run in Numba's simulator, as plain Python."""
    return _is_simulator(cuda())


@functools.cache
def device() -> Device:
    """Return the device that kernels run on."""
    if simulated():
        # Few threads, because the simulator runs them in Python; it supports what the newest devices do.
        return Device("simulator", 0, (9, 0), processors=2, blocks=2, threads=4, across=2)
    found = cuda().get_current_device()
    name = found.name.decode() if isinstance(found.name, bytes) else str(found.name)
    processors = found.MULTIPROCESSOR_COUNT
    return Device(
        name, int(found.id), found.compute_capability, processors, blocks=32 * processors, threads=256, across=32
    )


def refuse(index: int) -> NoReturn:
    """Raise an error that explains why a GPU is not used.

    Raises:
        DeviceError: always.
    """
    count, used = len(cuda().gpus), device().number
    expected = f"'cuda' or 'cuda:{used}', since a process uses one GPU, the first of those that it sees"
    hint = "nvidia-smi lists the GPUs by their numbers"
    if index < count:
        hint = f"to use that one, set CUDA_VISIBLE_DEVICES={index} before Python starts, which makes it the first"
    raise DeviceError(f"device 'cuda:{index}'", expected, f"{index}, with {count} in sight", hint)


def about() -> str:
    """Return the device and the versions of its driver and toolkit as one line."""
    if simulated():
        return "Numba's simulator, which is slow"
    major, minor = device().compute_capability
    versions = [cuda().cudadrv.driver.driver.get_version(), cuda().runtime.get_version()]
    of_driver, of_toolkit = [".".join(map(str, version)) for version in versions]
    return f"{device().name}, compute capability {major}.{minor}, driver for CUDA {of_driver}, toolkit {of_toolkit}"


# Memory


def storage(dtype: Any) -> type[np.generic]:
    """Return the type in which kernels load, compute and store a dtype. A bool is one byte, as in NumPy."""
    return np.dtype("uint8" if dtype == "bool" else dtype).type


def device_array(size: int, kind: type[np.generic]) -> Any | None:
    """Return a new flat array on the device, uninitialized, or None if it does not fit."""
    try:
        return cuda().device_array(size, kind)
    except Exception as error:  # its class depends on the version
        if "OUT_OF_MEMORY" not in str(error).upper():
            raise
        return None


def borrowed_array(who: str, address: int, size: int, kind: type[np.generic]) -> Any:
    """Return a flat device array at an address, in memory that another library allocated.

    Raises:
        DeviceError: if the device cannot access that memory.
    """
    if simulated():
        return simulator.borrowed_array(address, size, kind)
    described = {"shape": (size,), "typestr": np.dtype(kind).str, "data": (address, False), "version": 3}
    try:
        cuda().cudadrv.driver.get_devptr_for_active_ctx(address)
        return cuda().from_cuda_array_interface(described)
    except Exception as error:  # its class depends on the version
        words = " ".join(str(error).split())
        hint = "copy it to that GPU with its own library"
        expected = f"memory of GPU {device().number}, the one that this process uses"
        raise DeviceError(who, expected, f"address {address:#x} ({words})", hint) from error


_ENDLESS = 1 << 60  # the simulator reports infinity


def free_memory() -> tuple[int, int]:
    """Return the free and the total number of bytes of the device."""
    free, total = cuda().current_context().get_memory_info()
    return int(min(free, _ENDLESS)), int(min(total, _ENDLESS))


def address(memory: Any) -> int:
    """Return the address of a device array; in the simulator that is an address on the host."""
    if simulated():
        return simulator.address(memory)
    return int(memory.__cuda_array_interface__["data"][0])


def copy_to_device(memory: Any, array: np.ndarray[Any, Any]) -> None:
    """Copy a host array, in C order, into a flat device array with the same number of elements."""
    cuda()
    listening = recording()
    if listening is not None:
        listening.uploaded(array)
    memory.copy_to_device(np.ascontiguousarray(array).reshape(-1).view(memory.dtype))


def download(memory: Any, start: int, size: int) -> np.ndarray[Any, Any]:
    """Copy elements of a flat device array to the host, after all kernels launched before."""
    cuda()
    listening = recording()
    if listening is not None:
        listening.read()
    if not size:
        return np.empty(0, memory.dtype)
    part = memory if (start, size) == (0, memory.shape[0]) else memory[start : start + size]
    return np.asarray(part.copy_to_host())


def default_stream() -> int:
    """Return CUDA's number of the stream on which kernels run: 1, or 2 for per-thread default streams."""
    cuda()
    return 2 if getattr(settings(), "CUDA_PER_THREAD_DEFAULT_STREAM", 0) else 1


def synchronize() -> None:
    """Wait until all launched kernels have finished."""
    cuda().synchronize()


# Kernels


def compile_kernel(function: Callable[..., None], signature: str) -> Any:
    """Compile a kernel for one signature. A launch does not check the types of its arguments."""
    # With at most 128 registers per thread, two blocks fit on a multiprocessor; one computes while the other waits.
    options = {} if simulated() else {"max_registers": 128}
    return cuda().jit(signature, **options)(function)


def compile_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of numbers as a device function."""
    # The simulator runs Python, where a plain function is called faster than a wrapped one.
    compiled: Callable[..., Any] = function if simulated() else cuda().jit(device=True)(function)
    return compiled


def extending() -> tuple[Any, Any]:
    """Return Numba's types, and the decorator for functions that generate LLVM IR."""
    if hasattr(cuda().types, "CPointer"):  # numba-cuda has its own types and decorators
        from numba.cuda.extending import intrinsic

        return cuda().types, intrinsic
    from numba import types
    from numba.extending import intrinsic

    return types, intrinsic


@functools.cache
def aligned() -> str:
    """Return the source text of the option that aligns a shared array for vector loads, or an empty string."""
    if simulated() or "alignment" not in inspect.signature(cuda().shared.array).parameters:
        return ""
    return ", alignment=16"


def launch(kernel: Kernel, blocks: int, threads: int, *arguments: float) -> None:
    """Launch a kernel on at most ``blocks`` blocks; with fewer, each loops in strides of the grid.

    Raises:
        DeviceError: if the launch fails.
    """
    listening = recording()
    if listening is not None:
        listening.launched(kernel, threads, arguments)
        return
    _start(kernel, (min(blocks, device().blocks), threads), arguments)


def launch_together(kernel: Kernel, threads: int, shared: int, *arguments: float) -> None:
    """Launch a kernel with barriers over the grid, on as many blocks as certainly run at the same time.

    Args:
        kernel: a kernel that calls ``cuda.cg.this_grid().sync()``.
        threads: the number of threads per block.
        shared: the bytes of shared memory per block.
        arguments: the arguments of the kernel.

    Raises:
        DeviceError: if the launch fails.
    """
    blocks = 1 if simulated() else device().processors  # the simulator runs blocks one after the other
    _start(kernel, (blocks, threads, 0, shared), arguments)


def _start(kernel: Kernel, configuration: tuple[Any, ...], arguments: Sequence[float]) -> None:
    launcher = kernel.launchers.get(configuration)
    try:
        if launcher is None:
            launcher = kernel.compiled[configuration]
            if not simulated():  # the simulator returns the same object for all configurations
                kernel.launchers[configuration] = launcher
        launcher(*arguments)
    except Exception as error:
        explain(kernel.name, (), error)
        raise


def launch_flat(kernel: Kernel, total: int, *arguments: Any) -> None:
    """Launch a kernel whose threads share ``total`` elements; ``total`` is its first argument."""
    if total:
        threads = device().threads
        launch(kernel, -(-total // threads), threads, total, *arguments)


def threads_for(count: int) -> int:
    """Return the number of threads per block for reducing ``count`` elements, a power of two."""
    most = device().threads
    return min(most, max(most // 8, 1 << (count - 1).bit_length()))


@functools.cache
def functions(real: str | None) -> Mapping[str, object]:
    """Return the functions of `math` that Numba's CUDA does not have, or names differently, for `emit`."""
    if simulated():
        return simulator.functions()
    from numba.cuda import libdevice

    suffix = "f" if real == "float32" else ""
    return {
        "cbrt": getattr(libdevice, f"cbrt{suffix}"),
        "nextafter": getattr(libdevice, f"nextafter{suffix}"),
        "round": getattr(libdevice, f"rint{suffix}"),
        **{name: getattr(math, name) for name in ("floor", "ceil", "trunc", "fmod")},
    }
