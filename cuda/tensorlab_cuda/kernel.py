"""`Kernel`, and the conversion of launch errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tensorlab.errors import DeviceError, ScalarError
from tensorlab.scalars import ScalarFunction

Shared = tuple[int | None, type[np.generic]]


@dataclass(frozen=True, eq=False)
class Kernel:
    """A kernel, compiled for one signature: integers followed by real numbers.

    Arrays are passed as addresses. Numba passes seven words for an array, which makes launches slow, and checks array
    indices for negative values in the kernel.

    Attributes:
        compiled: Numba's compiled kernel.
        name: its name in messages.
        whole: the number of integer parameters.
        numbers: the number of real parameters, which follow the integers.
        function: the Python function.
        shared: the shared arrays of a block, in order: the number of elements (None for one per thread) and the type.
        launchers: Numba's configured kernels, by launch configuration.
    """

    compiled: Any
    name: str
    whole: int = 0
    numbers: int = 0
    function: Any = None
    shared: Mapping[str, Shared] = field(default_factory=dict)
    launchers: dict[tuple[Any, ...], Callable[..., None]] = field(default_factory=dict)


def explain(name: str, scalars: Sequence[ScalarFunction], error: Exception) -> None:
    """Raise an error of tensorlab in place of one from Numba or the driver."""
    words = " ".join(str(error).split())
    if type(error).__name__ == "CudaAPIError":
        hint = "an update of the driver may help" if "PTX" in words else "after such an error restart Python"
        raise DeviceError(f"device 'cuda', kernel {name!r}", "a launch that succeeds", words, hint) from error
    if type(error).__module__.startswith(("numba.", "numba_cuda.")):
        who = ", ".join(scalar.who for scalar in scalars) or f"kernel {name!r}"
        given = f"{type(error).__name__}: {words[:400]}"
        raise ScalarError(who, "what Numba compiles for CUDA", given, "on the device 'cpu' it may work") from error
