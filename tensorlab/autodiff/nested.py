"""Nested lists, tuples and dicts, and their leaves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_STRUCTURES = (dict, list, tuple)


def flatten(structure: Any) -> list[Any]:
    """Return the leaves of nested lists, tuples and dicts, in order."""
    if isinstance(structure, dict):
        return [leaf for value in structure.values() for leaf in flatten(value)]
    if not isinstance(structure, (list, tuple)):
        return [structure]
    leaves = []
    for value in structure:
        if isinstance(value, _STRUCTURES):
            leaves += flatten(value)
        else:
            leaves.append(value)
    return leaves


def pack_as(structure: Any, leaves: Iterator[Any]) -> Any:
    """Put leaves into nested lists, tuples and dicts with the structure of ``structure``."""
    if isinstance(structure, dict):
        return {key: pack_as(value, leaves) for key, value in structure.items()}
    if isinstance(structure, (list, tuple)):
        parts = [pack_as(value, leaves) if isinstance(value, _STRUCTURES) else next(leaves) for value in structure]
        return type(structure)(*parts) if hasattr(structure, "_fields") else type(structure)(parts)
    return next(leaves)
