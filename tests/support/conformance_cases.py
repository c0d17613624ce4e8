"""Shared by the tests of the conformance kit: the reason of a failed check, and an activation that overflows inside."""

from __future__ import annotations

import math

import tensorlab as tl
from tensorlab.testing.subject import Subject


def why(subject: Subject, heading: str) -> str:
    """Return why a check failed, on the reference backend."""
    (check,) = [check for check in subject.checks() if check.heading == heading]
    with tl.device("reference"):
        result = check.result()
    assert result.outcome == "failed"
    return result.why


def guarded(x: float) -> float:
    return x / math.sqrt(1.0 + x * x)  # for the largest number x² is infinite, also in a kernel, and the quotient is 0
