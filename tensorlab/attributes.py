"""The state of an object as plain data: its attributes that are numbers, strings, arrays, and containers of these."""

from __future__ import annotations

import contextlib
import os
import typing
from types import NoneType, UnionType
from typing import Any

import numpy as np

from tensorlab.errors import ArgumentTypeError, short_repr
from tensorlab.serialization import check_config


def plain_attributes(thing: Any, *skipped: str) -> dict[str, Any]:
    """Return the attributes of an object that are numbers, strings, arrays, or lists, tuples and dicts of these."""
    found = vars(thing).items()
    return {n: v for n, v in found if n not in (_CAPTURED, *skipped) and is_plain(v)}


def set_plain_attributes(thing: Any, state: Any, *skipped: str) -> None:
    """Set attributes that `plain_attributes` returned.

    Attributes with the name of a constructor's argument keep what they are if they have text. The state may come from a
    file, which must not choose the paths that the object writes to.

    Raises:
        ArgumentTypeError: for anything else.
    """
    who, present = f"{type(thing).__name__}.set_state", vars(thing)
    names, annotations = check_config(who, state), _annotations(type(thing))
    for name, value in names.items():
        if not name.isidentifier() or name in (_CAPTURED, *skipped) or callable(getattr(type(thing), name, None)):
            raise ArgumentTypeError(who, "what get_state returned", short_repr(name))
        if not is_plain(value) or not _may_become(present.get(name), value, annotations.get(name)):
            expected = f"a value like {short_repr(present.get(name), 80)} for {name!r}"
            raise ArgumentTypeError(who, expected, short_repr(value, 80))
    arguments = present.get(_CAPTURED, {})
    kept = {name for name in names if name in arguments and (_has_text(names[name]) or _has_text(present.get(name)))}
    present.update({name: value for name, value in names.items() if name not in kept})


def _annotations(cls: Any) -> dict[str, Any]:
    """Return the annotations of a class's attributes and of its constructor's arguments, if they can be evaluated."""
    found: dict[str, Any] = {}
    for annotated in (cls, cls.__init__):
        with contextlib.suppress(Exception):
            found |= typing.get_type_hints(annotated)
    return found


def _may_become(present: Any, value: Any, annotation: Any) -> bool:
    """Return whether a value may be restored: it has the kind of the present value, and the annotation allows it.

    None and any other value may replace each other if the annotation allows both.
    """
    if present is None or value is None:
        return present is value or _fits(value, annotation)
    return is_plain(present) and _is_like(value, type(present)) and _fits(value, annotation)


def _fits(value: Any, annotation: Any) -> bool:
    """Return whether an annotation allows a plain value. Annotations of other kinds than plain values allow all."""
    parts = typing.get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    kinds = [typing.get_origin(part) or part for part in parts]
    return any([not isinstance(kind, type) or _is_like(value, kind) for kind in kinds])


def _is_like(value: Any, kind: type) -> bool:
    """Return whether a plain value is of the same kind as the values of a class; an array of one number is a number."""
    if kind is NoneType:
        return value is None
    if not issubclass(kind, _PLAIN):
        return True
    several = isinstance(value, np.ndarray) and value.size != 1
    same = any(issubclass(kind, each) and isinstance(value, each) for each in _KINDS)
    return same and (issubclass(kind, np.ndarray) or not several)


_CAPTURED = "_constructed_with"  # by `tensorlab.serialization.Configured`
_NUMBERS = (bool, int, float, np.bool_, np.integer, np.floating, np.ndarray)
_KINDS = (_NUMBERS, str, (list, tuple), dict)
"""The kinds of plain attributes."""
_PLAIN = (*_NUMBERS, str, list, tuple, dict)


def _has_text(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(map(_has_text, value))
    return any(map(_has_text, value.values())) if isinstance(value, dict) else isinstance(value, (str, os.PathLike))


def is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return type(value) in (list, tuple) and all(map(is_plain, value))
    if isinstance(value, dict):
        return type(value) is dict and all(map(is_plain, (*value, *value.values())))
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "biuf" and value.dtype.itemsize in (1, 4, 8)
    return value is None or isinstance(value, (bool, int, float, str, np.bool_, np.integer, np.floating))
