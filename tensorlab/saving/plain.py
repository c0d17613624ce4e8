"""Plain data with arrays in it, as JSON and a table of arrays; and JSON from files that nobody vouches for."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from types import FunctionType
from typing import Any

import numpy as np

from tensorlab import serialization
from tensorlab.errors import SavedFileError, short_repr
from tensorlab.loading import loading
from tensorlab.tensor import Tensor

MAX_BYTES = 16 << 20
"""The size of JSON above which it is refused; a model of a thousand layers has a megabyte."""
MAX_VALUES = 1 << 20
"""The number of values in JSON above which it is refused: an empty list takes 3 bytes of a file and 64 of memory."""
DEEPEST = 250
"""The number of nested lists and dicts above which JSON is refused."""

_MARK = "$"
"""The key of dicts that stand for something that JSON does not have."""


class Packer:
    """Converts values to what JSON can represent, and collects their arrays.

    Args:
        who: what is saved, in messages.
        prefix: the beginning of the names of the arrays.
        arrays: the table that the arrays are added to.
    """

    def __init__(self, who: str, prefix: str, arrays: dict[str, np.ndarray[Any, Any]]) -> None:
        self.who, self.prefix, self.arrays = who, prefix, arrays

    def pack(self, value: Any, where: str = "") -> Any:
        """Return a value as JSON.

        Raises:
            SavedFileError: for a value that cannot be saved, naming its place.
        """
        if value is None or isinstance(value, (bool, str)):
            return value
        if isinstance(value, np.dtype):
            return value.name
        if isinstance(value, np.generic):
            return self.pack(value.item(), where)
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else {_MARK: "float", "value": repr(float(value))}
        if isinstance(value, (np.ndarray, Tensor)):
            return self.array(value if isinstance(value, np.ndarray) else value.numpy(), where)
        if type(value) is list:
            return [self.pack(item, f"{where}[{index}]") for index, item in enumerate(value)]
        if type(value) is tuple:
            return {_MARK: "tuple", "items": self.pack(list(value), where)}
        if isinstance(value, Mapping):
            if all(isinstance(key, str) and key != _MARK for key in value):
                return {key: self.pack(item, f"{where}.{key}" if where else key) for key, item in value.items()}
            pairs = [self.pack([key, item], f"{where}[{key!r}]") for key, item in value.items()]
            return {_MARK: "dict", "items": pairs}
        return self.object(value, where)

    def array(self, array: np.ndarray[Any, Any], where: str) -> dict[str, Any]:
        """Add an array to the table, and return what stands for it."""
        if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8 or array.dtype == np.float16:
            raise self.error(where, f"an array of {array.dtype}", "convert it to a dtype of tensorlab")
        name = f"{self.prefix}/{len(self.arrays)}"
        self.arrays[name] = array
        return {_MARK: "array", "name": name}

    def object(self, value: Any, where: str) -> dict[str, Any]:
        """Return what stands for a function or a class, which is saved by its name."""
        for name, function in serialization.functions.items():
            if function is value:
                return {_MARK: "function", "name": name}
        name = getattr(value, "__name__", "")
        if isinstance(value, (FunctionType, type)) and name.isidentifier():
            return {_MARK: "custom", "name": name}
        hint = "use a Python function of numbers in tl.Activation, tl.LossRule or tl.OptimizerRule, which can be saved"
        if isinstance(value, FunctionType):
            raise self.error(where, f"the function {value.__qualname__!r}", f"{hint}, or a function with a name")
        raise self.error(where, short_repr(value, 80), "give it a class of which objects can be made from a config")

    def error(self, where: str, received: str, hint: str) -> SavedFileError:
        return SavedFileError(f"{self.who}: {where}" if where else self.who, "what can be saved", received, hint)


def unpack(who: str, value: Any, arrays: Mapping[str, Any]) -> Any:
    """Undo `Packer.pack`.

    Raises:
        SavedFileError: for anything else.
    """
    if isinstance(value, list):
        return [unpack(who, item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if _MARK not in value:
        return {key: unpack(who, item, arrays) for key, item in value.items()}
    match value:
        case {"$": "float", "value": "inf" | "-inf" | "nan" as number}:
            return float(number)
        case {"$": "tuple", "items": list() as items}:
            return tuple(unpack(who, items, arrays))
        case {"$": "dict", "items": list() as items} if all(isinstance(i, list) and len(i) == 2 for i in items):
            pairs = unpack(who, items, arrays)
            if all(isinstance(key, (str, int, float, bool, tuple, type(None))) for key, _ in pairs):
                return dict(pairs)
        case {"$": "array", "name": str() as name} if name in arrays:
            return arrays[name]
        case {"$": "function", "name": str() as name} if name in serialization.functions:
            return serialization.functions[name]
        case {"$": "custom", "name": str() as name}:
            return _custom(who, name)
    raise SavedFileError(who, "plain data", short_repr(value, 80), "the file is damaged, or of a newer version")


def _custom(who: str, name: str) -> Any:
    reading = loading.get()
    if reading is not None and name in reading.custom_objects:
        return reading.custom_objects[name]
    hint = f"pass custom_objects={{{name!r}: ...}}" if name.isidentifier() else ""
    raise SavedFileError(who, "functions and classes that are known here", f"{short_repr(name)}, the user's own", hint)


_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)  # possessive: a string without an end takes linear time
_STEPS = bytes.maketrans(b"[{]}", b"\1\1\xff\xff")
_OTHER = bytes(set(range(256)) - set(b"[{]}"))


def parsed(who: str, text: bytes, most: int = MAX_BYTES) -> Any:
    """Parse JSON, in bounded memory and time.

    Raises:
        SavedFileError: for JSON that is too long or too deep, is none, or has a key twice, NaN or infinity.
    """
    check_size(who, text, most)
    try:
        return json.loads(text, parse_constant=_refuse, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:  # a UnicodeDecodeError and a JSONDecodeError are ValueErrors
        raise SavedFileError(who, "JSON", f"what raises {error}", "the file is damaged") from None


def check_size(who: str, text: bytes, most: int = MAX_BYTES) -> None:
    """Raise if JSON is too long, has too many values, or is too deep. Whether it is JSON is not checked.

    Raises:
        SavedFileError: if it is.
    """
    if len(text) > most:
        raise SavedFileError(who, f"JSON of at most {most:,} bytes", f"{len(text):,}", "the file is damaged")
    values = max(sum(map(text.count, (b",", b"[", b"{"))), text.count(b'"') // 4)  # a key and a value have four quotes
    if values > MAX_VALUES:
        raise SavedFileError(who, f"JSON of at most {MAX_VALUES:,} values", f"{values:,}", "the file is damaged")
    steps = np.frombuffer(_STRING.sub(b"", text).translate(_STEPS, _OTHER), np.int8)  # 1 to open, -1 to close
    if steps.cumsum(dtype=np.int64).max(initial=0) > DEEPEST:
        raise SavedFileError(who, f"JSON of at most {DEEPEST} levels", "more", "the file is damaged")


def _refuse(constant: str) -> Any:
    raise ValueError(f"the constant {constant}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key that occurs twice")
    return made
