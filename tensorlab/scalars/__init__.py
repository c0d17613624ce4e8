"""Write the scalar: plain-Python functions of numbers, parsed, differentiated and emitted as typed source."""

from tensorlab.scalars.combine import compose, without_unused
from tensorlab.scalars.emit import emit
from tensorlab.scalars.function import ScalarFunction

__all__ = ["ScalarFunction", "compose", "emit", "without_unused"]
