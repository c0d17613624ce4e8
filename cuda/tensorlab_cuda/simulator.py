"""What Numba's simulator needs to compute what a device would."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np


def prepare() -> None:
    """Let the threads of a block share their arrays.

    The simulator looks an array up by where it is made, and makes it if it is not there: two threads that look at the
    same time get two. Here the look-up is one step. It also takes a small part of the time.
    """
    from numba.cuda.simulator.kernelapi import FakeCUDAShared

    def array(self: Any, shape: Any, dtype: Any, alignment: int | None = None) -> Any:
        caller = sys._getframe(1)
        return self._allocations.setdefault((caller.f_code, caller.f_lineno), np.empty(shape, dtype))

    FakeCUDAShared.array = array


def functions() -> dict[str, object]:
    """NumPy's functions, which give infinity and NaN as a device does, where those of `math` raise."""
    circular = ("sin", "cos", "tan", "sinh", "cosh", "tanh")
    same = ("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", *circular)
    return {
        **{name: getattr(np, name) for name in same},
        **{f"a{name}": getattr(np, f"arc{name}") for name in (*circular, "tan2")},
        "hypot": np.hypot,
        "nextafter": np.nextafter,
        "pow": np.power,
    }
