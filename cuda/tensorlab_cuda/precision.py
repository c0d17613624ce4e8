"""The precision of float32 products: exact factors, or tensor cores, which round the factors.

The environment variable ``TENSORLAB_CUDA_MATMUL`` sets it for the process, `matmul_precision` for a block.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tensorlab.errors import ArgumentError, DeviceError

_VARIABLE = "TENSORLAB_CUDA_MATMUL"
PRECISIONS = ("float32", "tf32", "float16", "bfloat16")
_NEEDED = (8, 0)
"""The lowest compute capability whose tensor cores support all precisions."""


class _Chosen(threading.local):
    precision: str | None = None


_chosen = _Chosen()


@contextmanager
def matmul_precision(precision: str) -> Iterator[None]:
    """Compute products of float32 matrices on the device "cuda" in another precision inside the ``with`` block.

    It applies to the current thread. Inputs, results and sums are always float32; the factors are rounded first:

    | precision | bits of the fraction | largest number | integers are exact up to |
    |---|---|---|---|
    | "float32" (the default) | 23 | 3.4e38 | 2²⁴ |
    | "tf32" | 10 | 3.4e38 | 2¹¹ |
    | "float16" | 10 | 65,504; larger numbers become infinite | 2¹¹ |
    | "bfloat16" | 7 | 3.4e38 | 2⁸ |

    Raises:
        ArgumentError: for another precision.

    On a GPU with a compute capability below 8.0, which has no such tensor cores, products raise DeviceError.

    Source: NVIDIA, PTX ISA 8.7, ``mma``; similar to ``torch.set_float32_matmul_precision``.

    Example:
        >>> import tensorlab_cuda
        >>> with tl.device("cuda"), tensorlab_cuda.matmul_precision("tf32"):
        ...     product = tl.ones((4, 3)) @ tl.ones((3, 2))
        >>> product.tolist()[0]
        [3.0, 3.0]
    """
    _check("matmul_precision", precision)
    before, _chosen.precision = _chosen.precision, precision
    try:
        yield
    finally:
        _chosen.precision = before


def current(capability: tuple[int, int]) -> str:
    """Return the selected precision.

    Args:
        capability: the device's compute capability.

    Raises:
        ArgumentError: if ``TENSORLAB_CUDA_MATMUL`` has an invalid value.
        DeviceError: if the device does not support the precision.
    """
    precision = _chosen.precision
    if precision is None:
        precision = os.environ.get(_VARIABLE, "float32")
        _check(_VARIABLE, precision)
    if precision != "float32" and capability < _NEEDED:
        has, needs = (".".join(map(str, version)) for version in (capability, _NEEDED))
        hint = f"leave it at 'float32': unset {_VARIABLE}, or use no matmul_precision"
        raise DeviceError(f"products in {precision}", f"a GPU of compute capability {needs} or newer", has, hint)
    return precision


def _check(who: str, precision: str) -> None:
    if precision not in PRECISIONS:
        raise ArgumentError(who, f"one of {', '.join(map(repr, PRECISIONS))}", repr(precision))
