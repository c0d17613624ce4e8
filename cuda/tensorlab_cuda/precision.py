"""The precision of float32 products: exact factors, or tensor cores, which round the factors.

The environment variable ``TENSORLAB_CUDA_MATMUL`` says it for the process, `matmul_precision` for a part of a program.
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
"""The compute capability of the first GPUs whose tensor cores know all of them."""


class _Chosen(threading.local):
    precision: str | None = None


_chosen = _Chosen()


@contextmanager
def matmul_precision(precision: str) -> Iterator[None]:
    """Compute products of float32 matrices on the device "cuda" in another precision inside of the ``with`` block.

    It holds for this thread. Inputs, results and sums are float32 in all of them; what is multiplied is rounded first:

    | precision | bits of the fraction | largest number | integers stay exact up to |
    |---|---|---|---|
    | "float32" (the default) | 23 | 3.4e38 | 2²⁴ |
    | "tf32" | 10 | 3.4e38 | 2¹¹ |
    | "float16" | 10 | 65,504; what is larger becomes infinite | 2¹¹ |
    | "bfloat16" | 7 | 3.4e38 | 2⁸ |

    Raises:
        ArgumentError: for another precision.

    A product then raises DeviceError on a GPU without such tensor cores, of a compute capability before 8.0.

    Source: NVIDIA, PTX ISA 8.7, ``mma``; the like of ``torch.set_float32_matmul_precision``.

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
    """Return the precision that the user chose.

    Args:
        capability: the device's compute capability.

    Raises:
        ArgumentError: if ``TENSORLAB_CUDA_MATMUL`` is set to something else.
        DeviceError: if the device does not have it.
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
