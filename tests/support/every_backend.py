"""All checks of backends. Tests of a backend import `CHECKS`, `CALLS` and `compare` from here."""

from __future__ import annotations

import backend_conversions
import backend_loops
import backend_memory
import backend_products
import backend_refusals
import backend_windows
import numpy as np
from backend_checks import CALLS, CHECKS, Call

from tensorlab.backends import Backend, ReferenceBackend

__all__ = ["CALLS", "CHECKS", "FAMILIES", "compare"]

FAMILIES = (backend_memory, backend_loops, backend_products, backend_conversions, backend_refusals, backend_windows)
"""The modules that add to the checks."""


def compare(backend: Backend, function: Call, seed: int) -> None:
    """Assert that a backend and the reference backend give the same results for the same random numbers."""
    results = function(backend, np.random.default_rng(seed))
    definitions = function(ReferenceBackend(), np.random.default_rng(seed))
    for result, expected in zip(results, definitions, strict=True):
        np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-12)
