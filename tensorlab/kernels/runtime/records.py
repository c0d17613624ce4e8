"""Memory with names: what a kernel passes to its tasks by address, and what threads share.

A kernel declares what it passes to its tasks as a NamedTuple of integers and of other such tuples. In memory all of
them are ``int64``, in the order of their declaration. `packed` writes such a tuple to the stack frame of the kernel,
and `record_at` reads its fields in a task; LLVM makes the same code of ``job.k`` as of ``words[3]``.

Memory that threads share is declared as a structured dtype, because NumPy accesses it too. `addresses` returns the
address of each field for atomic operations.
"""

from __future__ import annotations

import collections
import functools
from typing import Any, Protocol, TypeVar, get_type_hints

import numpy as np
from llvmlite import ir
from numba import from_dtype, types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic

__all__ = ["addresses", "packed", "record_at"]

_WORD = ir.IntType(64)
_Fields = TypeVar("_Fields", bound=tuple[Any, ...])


def _layout(kind: type[tuple[Any, ...]]) -> np.dtype[Any]:
    """Return the layout of a NamedTuple in memory."""
    hints = get_type_hints(kind)
    fields = [(name, np.dtype(np.int64) if hint is int else _layout(hint)) for name, hint in hints.items()]
    return np.dtype(fields, align=True)


@functools.cache
def _record(kind: type[tuple[Any, ...]]) -> Any:
    """Return the Numba type of a NamedTuple in memory."""
    return from_dtype(_layout(kind))


def _is_words(kind: Any) -> bool:
    return all(field == types.int64 or (isinstance(field, types.BaseTuple) and _is_words(field)) for field in kind)


class _RecordAt(Protocol):
    def __call__(self, address: int, kind: type[_Fields]) -> _Fields: ...


@intrinsic
def _record_at(typingctx: Any, address: Any, kind: Any) -> Any:
    """Return the NamedTuple of a class that `packed` has written to an address. Only fields that are used are read."""
    record = _record(kind.instance_class)

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.inttoptr(values[0], context.get_value_type(record))

    return record(types.int64, kind), codegen


record_at: _RecordAt = _record_at


@intrinsic
def packed(typingctx: Any, words: Any) -> Any:
    """Store a NamedTuple of ``int64`` and of other such tuples in the caller's stack frame, and return its address."""
    if not _is_words(words):
        raise TypingError(f"packed: expected a tuple of int64, received {words}")

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        with builder.goto_entry_block():
            buffer = builder.alloca(values[0].type)
        builder.store(values[0], buffer)
        return builder.ptrtoint(buffer, _WORD)

    return types.int64(words), codegen


@functools.cache
def _addresses(structure: Any) -> Any:
    names = list(structure.fields)
    return types.NamedUniTuple(types.int64, len(names), collections.namedtuple("Addresses", names))


@intrinsic
def addresses(typingctx: Any, address: Any, structure: Any) -> Any:
    """Return a named tuple with the address of each field of a structure, which is a structured dtype."""
    record = structure.dtype
    kind = _addresses(record)

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return cgutils.pack_array(builder, [builder.add(values[0], _WORD(record.offset(name))) for name in kind.fields])

    return kind(types.int64, structure), codegen
