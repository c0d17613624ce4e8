"""The errors that tensorlab raises: who, expected, received, and what to do next.

Every class is also the standard exception that a Python programmer would expect for that mistake, so
``except ValueError`` catches a bad shape whether or not the caller knows tensorlab.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

_PACKAGE = os.path.dirname(__file__) + os.sep


class TensorlabError(Exception):
    """The base of every error that tensorlab raises on purpose.

    The text is ``{who}: expected {expected}, received {received}; {hint}``, but for `StateError`.

    Args:
        who: the layer, function, argument or file that raises.
        expected: what it accepts.
        received: what it was given instead.
        hint: what to do next; may be empty.
    """

    def __init__(self, who: str, expected: str, received: str, hint: str = "") -> None:
        super().__init__(who, expected, received, hint)
        self.who, self.expected, self.received, self.hint = who, expected, received, hint

    @property
    def problem(self) -> str:
        """What is wrong, without who says so and without the hint."""
        return f"expected {self.expected}, received {self.received}"

    def __str__(self) -> str:
        text = f"{self.who}: {self.problem}"
        return f"{text}; {self.hint}" if self.hint else text


class ShapeError(TensorlabError, ValueError):
    """Shapes, axes or lengths that do not fit."""


class DTypeError(TensorlabError, TypeError):
    """Data types that do not fit, or that have no common type."""


class ArgumentError(TensorlabError, ValueError):
    """An argument of the right type with a value that is not accepted."""


class DerivativeError(ArgumentError):
    """A derivative that was given for a function and is wrong."""


class ArgumentTypeError(TensorlabError, TypeError):
    """An argument of a type that is not accepted."""


class SymbolicArgumentError(ArgumentTypeError):
    """A symbolic tensor where a tensor with values is needed.

    Public operations catch it, and call `record`, the tensor's method that makes the operation a layer.
    """

    record: Callable[..., Any]


class UnknownAttributeError(TensorlabError, AttributeError):
    """An attribute that an object does not have."""


class IndexOutOfBoundsError(TensorlabError, IndexError):
    """An index outside of its axis."""


class StateError(TensorlabError, RuntimeError):
    """An object that is not in the state that a call needs, such as a model that `fit` is called on before `compile`.

    The text is ``{who}: {problem}; {hint}``. What was given is not at fault, so `expected` and `received` are empty.

    Args:
        who: the object and method that raise.
        problem: the state that is wrong, as a clause: "the model is not compiled".
        hint: what to do next; may be empty.
    """

    def __init__(self, who: str, problem: str, hint: str = "") -> None:
        super().__init__(who, "", "", hint)
        self.args = (who, problem, hint)  # which copies and pickles are made from
        self._problem = problem

    @property
    def problem(self) -> str:
        """The state that is wrong."""
        return self._problem


class NonFiniteError(TensorlabError, ArithmeticError):
    """NaN or infinity in the data or in the loss."""


class DatasetError(TensorlabError, OSError):
    """A data file that is missing, truncated, altered, or cannot be downloaded."""

    def __str__(self) -> str:  # OSError has a __str__ of its own that shows only its first two arguments
        return TensorlabError.__str__(self)


class SavedFileError(TensorlabError, ValueError):
    """A saved file with contents that are damaged, of a newer version, or do not fit."""


class NewerFileError(SavedFileError):
    """A saved file of a newer version of tensorlab."""


class FileAccessError(TensorlabError, OSError):
    """A file that cannot be read or written."""

    def __str__(self) -> str:  # as in `DatasetError`
        return TensorlabError.__str__(self)


class SavedFileWarning(UserWarning):
    """A saved file that was made with other code, or a checkpoint that is skipped."""


class ScalarError(TensorlabError, TypeError):
    """A scalar function that cannot be lifted into a kernel."""


class DeviceError(TensorlabError, RuntimeError):
    """A device that is not available, or tensors of two devices in one operation."""


class DLPackError(TensorlabError, BufferError):
    """Memory that cannot be exported to another library in the requested way."""


class GradientError(TensorlabError, AssertionError):
    """A gradient that differs from the slope of its function."""


class ConformanceError(TensorlabError, AssertionError):
    """An object that fails a check of tensorlab's conformance kit."""


class PluginError(TensorlabError, RuntimeError):
    """A plugin that could not be loaded, or whose hook returned the wrong kind of object."""


class PluginWarning(UserWarning):
    """A plugin that is missing, or whose observer failed."""


class UnknownNameError(TensorlabError, LookupError):
    """A name that no plugin registers."""


def short_repr(value: object, limit: int = 200) -> str:
    """Return ``repr(value)`` for a message, cut to ``limit`` characters. It never raises, whatever the value is."""
    try:
        text = repr(value)
    except Exception:  # an integer of more than 4,300 digits, or an object whose __repr__ fails
        size = f" of {value.bit_length():,} bits" if isinstance(value, int) else ""
        return f"an object of type {type(value).__name__!r}{size}"
    return text if len(text) <= limit else f"{text[:limit]}..."


def nearest(name: str, known: Iterable[str], count: int = 3) -> str:
    """Return a hint with the known names nearest to ``name``: ``did you mean 'relu'?``, or the list of all names."""
    import difflib  # a local import, as only errors need it

    names = sorted(known)
    lowered = {candidate.lower(): candidate for candidate in names}
    close = difflib.get_close_matches(str(name).lower(), lowered, n=count, cutoff=0.5)
    if close:
        return "did you mean " + " or ".join(repr(lowered[match]) for match in close) + "?"
    return "known names: " + (", ".join(names) if names else "none")


def levels_to_the_user() -> int:
    """Return the ``stacklevel`` with which a warning shows the line that called tensorlab."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    return level
