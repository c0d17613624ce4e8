"""The one module that calls Numba's CUDA on the host: discovery, memory, compilation and launches.

Kernels name ``cuda`` too, for what they do on the device; they are given it by `build`.
"""

from __future__ import annotations

import functools
import linecache
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tensorlab.errors import DeviceError

_INSTALL = 'pip install "numba-cuda[cu13]" (or [cu12], whichever the driver supports)'
_SIMULATE = "to run without a GPU, slowly, set NUMBA_ENABLE_CUDASIM=1 before Python starts"


@dataclass(frozen=True)
class Device:
    """A device and how kernels are launched on it.

    Attributes:
        name: what its maker calls it.
        compute_capability: its generation, such as ``(9, 0)``.
        blocks: the most blocks of a launch; a kernel whose work is more goes through it in strides.
        threads: the most threads of a block along one axis, a power of two.
        tile: the edge of the tiles of a matrix product, which a block of ``tile`` × ``tile`` threads computes.
    """

    name: str
    compute_capability: tuple[int, int]
    blocks: int
    threads: int
    tile: int


@functools.cache
def cuda() -> Any:
    """The module ``numba.cuda``, once it is known to work: that of numba-cuda, or the older one inside of Numba.

    Raises:
        DeviceError: saying what is missing.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of the one inside of Numba
            from numba import config, cuda
    except ImportError as error:
        raise DeviceError("device 'cuda'", "the package numba-cuda", f"ImportError: {error}", _INSTALL) from error
    # A small tensor needs few blocks: no mistake, and nothing that a user could mend.
    config.CUDA_LOW_OCCUPANCY_WARNINGS = 0
    if not _is_simulator(cuda):
        _check(cuda)
    return cuda


def _is_simulator(module: Any) -> bool:
    return ".simulator." in module.jit.__module__


def _check(cuda: Any) -> None:
    error = cuda.cuda_error()
    if error is not None:
        reason = " ".join(str(error).split())
        raise DeviceError("device 'cuda'", "an NVIDIA GPU with its driver", f"none ({reason.rstrip('.')})", _SIMULATE)
    if not cuda.gpus:
        hint = "see nvidia-smi and CUDA_VISIBLE_DEVICES"
        raise DeviceError("device 'cuda'", "an NVIDIA GPU", "a driver that finds none", hint)
    missing = missing_compiler(cuda)
    if missing:
        raise DeviceError("device 'cuda'", "the compiler of the CUDA toolkit", f"none ({missing})", _INSTALL)


def missing_compiler(cuda: Any) -> str:
    """What the CUDA toolkit lacks, or nothing if kernels can be compiled, be there a GPU or not."""
    try:
        cuda.runtime.get_version()  # loads a library of the toolkit, which is_available does not
        return "" if cuda.cudadrv.nvvm.is_available() else "NVVM is missing"
    except Exception as error:  # of a class of its own in each version
        return " ".join(str(error).split())


def simulated() -> bool:
    """Whether kernels run in Numba's simulator, as plain Python."""
    return _is_simulator(cuda())


@functools.cache
def device() -> Device:
    """The device that kernels run on."""
    if simulated():
        return Device("simulator", (0, 0), blocks=2, threads=4, tile=4)  # its threads are threads of Python
    found = cuda().get_current_device()
    name = found.name.decode() if isinstance(found.name, bytes) else str(found.name)
    return Device(name, found.compute_capability, blocks=32 * found.MULTIPROCESSOR_COUNT, threads=256, tile=16)


# Memory


def storage(dtype: Any) -> type[np.generic]:
    """The type in which kernels load, compute and store a dtype: a bool is a byte, as in NumPy's memory."""
    return np.dtype("uint8" if dtype == "bool" else dtype).type


def allocate(size: int, dtype: Any) -> Any:
    """A flat device array, not initialised; of one element at least, since CUDA has no memory of none."""
    return cuda().device_array(max(size, 1), storage(dtype))


def upload(array: np.ndarray[Any, Any]) -> Any:
    """A flat device array with the elements of a host array in C order."""
    if not array.size:
        return allocate(0, array.dtype)
    return cuda().to_device(np.ascontiguousarray(array).reshape(-1).view(storage(array.dtype)))


def download(memory: Any, start: int, size: int) -> np.ndarray[Any, Any]:
    """A flat host array with some elements of a flat device array, when all kernels before have run."""
    if not size:
        return np.empty(0, memory.dtype)
    part = memory if (start, size) == (0, memory.shape[0]) else memory[start : start + size]
    return np.asarray(part.copy_to_host())


def synchronize() -> None:
    """Wait for everything that has been launched."""
    cuda().synchronize()


# Kernels


def build(source: str, namespace: dict[str, Any], name: str) -> Any:
    """The kernel that a source text defines as ``kernel``, to be compiled for the types of its first launch."""
    function = _define(source, {**namespace, "cuda": cuda(), "int64": np.int64}, f"kernel {name}")["kernel"]
    return cuda().jit(function)


def build_scalar(source: str, namespace: dict[str, Any], name: str) -> Callable[..., Any]:
    """The device function that an emitted source defines as ``scalar``, and those that it calls."""
    # The simulator runs Python, and calls a plain function sooner than one of its own.
    decorator = (lambda function: function) if simulated() else cuda().jit(device=True)
    return _define(source, {**namespace, "jit": decorator}, f"scalar {name}")["scalar"]  # type: ignore[no-any-return]


def _define(source: str, namespace: dict[str, Any], name: str) -> dict[str, Any]:
    file = f"<tensorlab-cuda {name}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)  # for tracebacks
    namespace["__name__"] = __name__
    exec(compile(source, file, "exec"), namespace)
    return namespace


def launch(kernel: Any, blocks: int, threads: int | tuple[int, int], *arguments: Any) -> None:
    """Start a kernel on as many of ``blocks`` blocks as are worth it; it goes through the rest in strides of the
    grid."""
    kernel[min(blocks, device().blocks), threads](*arguments)


def launch_flat(kernel: Any, total: int, *arguments: Any) -> None:
    """Start a kernel whose threads share ``total`` elements; ``total`` is its first argument."""
    if total:
        threads = device().threads
        launch(kernel, -(-total // threads), threads, total, *arguments)


def threads_for(count: int) -> int:
    """The threads of a block that folds ``count`` elements: a power of two, which depends on the count alone."""
    most = device().threads
    return min(most, max(most // 8, 1 << (count - 1).bit_length()))


@functools.cache
def functions(real: str | None) -> Mapping[str, object]:
    """What computes the functions of `math` that Numba's CUDA lacks or knows by another name, for `emit`."""
    if simulated():
        return _simulated_functions()
    from numba.cuda import libdevice

    suffix = "f" if real == "float32" else ""
    return {
        "cbrt": getattr(libdevice, f"cbrt{suffix}"),
        "nextafter": getattr(libdevice, f"nextafter{suffix}"),
        "round": getattr(libdevice, f"rint{suffix}"),
        **{name: getattr(math, name) for name in ("floor", "ceil", "trunc", "fmod")},
    }


def _simulated_functions() -> dict[str, object]:
    """NumPy's, which give infinity and NaN as a device does, where those of `math` raise."""
    circular = ("sin", "cos", "tan", "sinh", "cosh", "tanh")
    same = ("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", *circular)
    return {
        **{name: getattr(np, name) for name in same},
        **{f"a{name}": getattr(np, f"arc{name}") for name in (*circular, "tan2")},
        "hypot": np.hypot,
        "nextafter": np.nextafter,
        "pow": np.power,
    }
