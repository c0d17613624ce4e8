"""`Kernel`, which the driver launches, and the errors of kernels that fail."""

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
    """A kernel, compiled for one signature: integers, and then real numbers.

    Arrays are handed over as their addresses. A number costs a launch a small part of what an array would, of which
    Numba hands over seven words, and what kernels index has none of an array's checks for negative indices.

    Attributes:
        compiled: the compiled kernel of Numba.
        name: its name in messages.
        whole: the number of its integer arguments.
        numbers: the number of real arguments after those.
        function: its Python function.
        shared: the arrays that a block shares, in order: of how many elements, None for one a thread, and their type.
        launchers: for each number of blocks and threads, what starts it.
    """

    compiled: Any
    name: str
    whole: int = 0
    numbers: int = 0
    function: Any = None
    shared: Mapping[str, Shared] = field(default_factory=dict)
    launchers: dict[tuple[Any, ...], Callable[..., None]] = field(default_factory=dict)


def explain(name: str, scalars: Sequence[ScalarFunction], error: Exception) -> None:
    """Raise an error of tensorlab in place of one of Numba or the driver."""
    words = " ".join(str(error).split())
    if type(error).__name__ == "CudaAPIError":
        hint = "an update of the driver may help" if "PTX" in words else "after such an error start Python anew"
        raise DeviceError(f"device 'cuda', kernel {name!r}", "a launch that succeeds", words, hint) from error
    if type(error).__module__.startswith(("numba.", "numba_cuda.")):
        who = ", ".join(scalar.who for scalar in scalars) or f"kernel {name!r}"
        given = f"{type(error).__name__}: {words[:400]}"
        raise ScalarError(who, "what Numba compiles for CUDA", given, "on the device 'cpu' it may work") from error
