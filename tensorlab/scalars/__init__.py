"""Plain-Python functions of numbers, parsed, differentiated and emitted as typed source."""

from tensorlab.scalars.combine import compose, of_numbers, without_unused
from tensorlab.scalars.convert import scalar_function
from tensorlab.scalars.differentiate import derivative
from tensorlab.scalars.emit import emit
from tensorlab.scalars.function import ScalarFunction
from tensorlab.scalars.idle import idle
from tensorlab.scalars.vjp import vjp

__all__ = [
    "ScalarFunction",
    "compose",
    "derivative",
    "emit",
    "idle",
    "of_numbers",
    "scalar_function",
    "vjp",
    "without_unused",
]
