"""Set operations: unique elements, in ascending order, and membership. No NaN equals another; 0.0 equals -0.0."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tensorlab import dtypes
from tensorlab.ops.dispatch import as_tensor, common_backend, device_of, exact_array, is_scalar, on_host
from tensorlab.tensor import Tensor, asarray

__all__ = [
    "isin",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
]


class UniqueAll(NamedTuple):
    """What `unique_all` returns."""

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCounts(NamedTuple):
    """What `unique_counts` returns."""

    values: Tensor
    counts: Tensor


class UniqueInverse(NamedTuple):
    """What `unique_inverse` returns."""

    values: Tensor
    inverse_indices: Tensor


def _unique(who: str, x: Any) -> UniqueAll:
    tensor = as_tensor(x, who)
    values, indices, inverse, counts = np.unique(on_host(who, tensor), True, True, True, equal_nan=False)
    integers = (np.asarray(part, np.int64) for part in (indices, inverse.reshape(tensor.shape), counts))
    return UniqueAll(*(asarray(part, device=tensor.device) for part in (values, *integers)))


def unique_all(x: Any, /) -> UniqueAll:
    """Return the unique elements of ``x``, their first indices, their inverse indices and their counts.

    Returns:
        ``values``; ``indices``, of their first occurrence in the flattened ``x``; ``inverse_indices``, of the shape of
        ``x``, with ``values[inverse_indices] == x``; and ``counts``. All but the values are int64.

    Source: Python array API standard, ``unique_all``.
    """
    return _unique("unique_all", x)


def unique_counts(x: Any, /) -> UniqueCounts:
    """Return the unique elements of ``x`` and their counts.

    Source: Python array API standard, ``unique_counts``.
    """
    found = _unique("unique_counts", x)
    return UniqueCounts(found.values, found.counts)


def unique_inverse(x: Any, /) -> UniqueInverse:
    """Return the unique elements of ``x`` and, for each element of ``x``, the index of the equal one.

    Source: Python array API standard, ``unique_inverse``.
    """
    found = _unique("unique_inverse", x)
    return UniqueInverse(found.values, found.inverse_indices)


def unique_values(x: Any, /) -> Tensor:
    """Return the unique elements of ``x``.

    Source: Python array API standard, ``unique_values``.
    """
    tensor = as_tensor(x, "unique_values")
    return asarray(np.unique(on_host("unique_values", tensor), equal_nan=False), device=tensor.device)


def isin(x1: Any, x2: Any, /, *, invert: bool = False) -> Tensor:
    """Return for each element of ``x1`` whether some element of ``x2``, or with ``invert`` none, equals it.

    Raises:
        DTypeError: for dtypes that have no common type.

    Source: Python array API standard, ``isin``.
    """
    device = device_of((x1, x2))
    given = [x if is_scalar(x) else as_tensor(x, "isin", device) for x in (x1, x2)]
    arrays = [x for x in given if isinstance(x, Tensor)]
    common = dtypes.result_type("isin", [x.dtype for x in arrays], [x for x in given if not isinstance(x, Tensor)])
    name = common_backend("isin", arrays).name if arrays else device
    elements, among = (
        on_host("isin", x).astype(common) if isinstance(x, Tensor) else exact_array(x, common) for x in given
    )
    return asarray(np.asarray(np.isin(elements, among, invert=invert)), device=name)
