"""What the tests of the conformance kit share: why a check failed, and an activation that overflows inside."""

from __future__ import annotations

import math

import tensorlab as tl
from tensorlab.testing.subject import Subject


def why(subject: Subject, heading: str) -> str:
    """Why one check failed, on the backend that compiles nothing."""
    (check,) = [check for check in subject.checks() if check.heading == heading]
    with tl.device("reference"):
        result = check.result()
    assert result.outcome == "failed"
    return result.why


def guarded(x: float) -> float:
    return x / math.sqrt(1.0 + x * x)  # of the largest number: x² is infinite in a kernel too, and the quotient is 0
