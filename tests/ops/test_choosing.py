"""`where`, `nonzero` and `diff` with the arguments of NumPy and Keras. Tables of operations compare their values."""

from __future__ import annotations

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentTypeError


def test_where_without_values_is_nonzero(rng: np.random.Generator) -> None:
    x = rng.integers(0, 2, (3, 4, 2))
    found = tl.where(tl.asarray(x) == 1)
    assert [indices.numpy().tolist() for indices in found] == [indices.tolist() for indices in np.where(x == 1)]
    assert [indices.dtype for indices in found] == [np.int64] * 3


@pytest.mark.parametrize("values", [(1.0,), (None, 1.0), (1.0, None)])
def test_where_needs_both_values_or_neither(values: tuple[float | None, ...]) -> None:
    with pytest.raises(ArgumentTypeError, match="where: expected both 'x1' and 'x2', or neither, received one of them"):
        tl.where(tl.asarray([True]), *values)


def test_diff_takes_the_number_and_the_axis_by_position(rng: np.random.Generator) -> None:
    x = rng.normal(size=(5, 4))
    np.testing.assert_allclose(tl.diff(tl.asarray(x), 2).numpy(), np.diff(x, 2), rtol=1e-12)
    np.testing.assert_allclose(tl.diff(tl.asarray(x), 1, 0).numpy(), np.diff(x, 1, 0), rtol=1e-12)
