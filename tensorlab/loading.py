"""What the reading of a file allows, for the code below it that makes objects: a context variable, None otherwise."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from tensorlab.errors import SavedFileError

MAX_ELEMENTS = 1 << 24
"""The number of elements above which a layer in a file cannot have inputs or outputs for one sample: 64 MB of float32,
several of which are in memory while the layer is built."""
MAX_LAYERS = 10_000
"""The number of layers in a file above which it is refused."""

_HINT = "if you trust the file, load it with large_samples=True; or build the model, and use load_weights"
_REFUSED_KINDS = ("backend", "callback", "dataset")


@dataclass
class Loading:
    """The file that is read, and what the user allows it.

    Attributes:
        who: the file, in messages.
        custom_objects: classes and functions by the names that they have in the file.
        unbounded_loops: whether scalar functions may have loops that may not end.
        large_samples: whether layers may have inputs and outputs of more than `MAX_ELEMENTS` elements for one sample.
        shapes: how many weights of each shape and dtype the file has, so that no other memory is allocated.
        layers: how many layers have been made.
    """

    who: str
    custom_objects: Mapping[str, Any] = field(default_factory=dict)
    unbounded_loops: bool = False
    large_samples: bool = False
    shapes: Counter[tuple[tuple[int, ...], str]] = field(default_factory=Counter)
    layers: int = 0

    def check_kind(self, kind: str) -> None:
        """Raise unless objects of a kind belong into a model, or if there are too many layers."""
        self.layers += kind == "layer"
        if self.layers > MAX_LAYERS:
            raise SavedFileError(self.who, f"at most {MAX_LAYERS:,} layers", "more")
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

    def check_sample(self, shape: tuple[int | None, ...]) -> None:
        """Raise if a sample of this shape would take too much memory. Lengths that are None count as 2."""
        if self.large_samples:
            return
        if math.prod([2 if length is None else length for length in shape]) > MAX_ELEMENTS:
            limit = f"samples of at most {MAX_ELEMENTS:,} elements"
            raise SavedFileError(self.who, limit, f"the shape {shape}", _HINT)


loading: ContextVar[Loading | None] = ContextVar("loading", default=None)
"""The file that this thread reads."""


def check_elements(who: str, count: int) -> None:
    """Raise if a file is read that asks for more than `MAX_ELEMENTS` elements for one sample, and may not.

    Raises:
        SavedFileError: if it does. Outside of the reading of files any number is accepted.
    """
    reading = loading.get()
    if reading is not None and not reading.large_samples and count > MAX_ELEMENTS:
        raise SavedFileError(f"{reading.who}: {who}", f"at most {MAX_ELEMENTS:,} in a file", f"{count:,}", _HINT)


def check_count(who: str, count: int, most: int) -> None:
    """Raise if a file is read and asks for too many of something, of which few bytes can ask for any number.

    Raises:
        SavedFileError: if it does. Outside of the reading of files any number is accepted.
    """
    reading = loading.get()
    if reading is not None and count > most:
        raise SavedFileError(f"{reading.who}: {who}", f"at most {most:,} in a file", f"{count:,}")
