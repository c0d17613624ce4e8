"""What the reading of a file allows, for the code below it that makes objects: a context variable, None otherwise."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from tensorlab.errors import SavedFileError

_MOST_ELEMENTS = 1 << 26
"""The number of elements of one sample of zeros above which a model is not built from a file."""

_REFUSED_KINDS = ("backend", "callback", "dataset")


@dataclass
class Loading:
    """The file that is read, and what the user allows it.

    Attributes:
        who: the file, in messages.
        custom_objects: classes and functions by the names that they have in the file.
        unbounded_loops: whether scalar functions may have loops that may not end.
        shapes: how many weights of each shape and dtype the file has, so that no other memory is allocated.
    """

    who: str
    custom_objects: Mapping[str, Any] = field(default_factory=dict)
    unbounded_loops: bool = False
    shapes: Counter[tuple[tuple[int, ...], str]] = field(default_factory=Counter)

    def check_kind(self, kind: str) -> None:
        """Raise unless objects of a kind belong into a model."""
        if kind in _REFUSED_KINDS:
            raise SavedFileError(self.who, "the parts of a model", f"a {kind}", "the file is not what it claims to be")

    def take_weight(self, label: str, shape: tuple[int, ...], dtype: str) -> bool:
        """Return that the file has the value of a weight.

        Raises:
            SavedFileError: if it has no (further) one of this shape, before memory is allocated for it.
        """
        if self.shapes[shape, dtype] < 1:
            raise SavedFileError(
                self.who,
                f"an array for the weight {label!r}, {dtype} of shape {shape}",
                "none",
                "the architecture and the arrays of the file do not belong together",
            )
        self.shapes[shape, dtype] -= 1
        return True

    def check_sample(self, shape: tuple[int, ...]) -> None:
        """Raise if a sample of this shape would take too much memory."""
        if math.prod(shape) > _MOST_ELEMENTS:
            limit = f"samples of at most {_MOST_ELEMENTS:,} elements"
            raise SavedFileError(self.who, limit, f"the shape {shape}", "build the model, and use load_weights")


loading: ContextVar[Loading | None] = ContextVar("loading", default=None)
"""The file that this thread reads."""
