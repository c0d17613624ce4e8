"""einops on tensors, by its own functions and by those for the array API, compared with NumPy's arrays."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import tensorlab as tl

einops = pytest.importorskip("einops")
array_api = pytest.importorskip("einops.array_api")
pytest.importorskip("tensorlab.einops")

X = np.arange(24, dtype=np.float32).reshape((2, 3, 4))
CASES: list[tuple[str, str, tuple[str, ...], dict[str, int]]] = [
    ("rearrange", "a b c -> c (a b)", (), {}),
    ("rearrange", "a (b x) c -> a x b c", (), {"x": 3}),
    ("reduce", "a b c -> a c", ("mean",), {}),
    ("reduce", "a b c -> b", ("max",), {}),
    ("reduce", "a b c ->", ("sum",), {}),
    ("reduce", "a b (c d) -> a c", ("prod",), {"d": 2}),
    ("repeat", "a b c -> a r b c", (), {"r": 2}),
    ("repeat", "a b c -> (a r) b c", (), {"r": 3}),
]


@pytest.mark.parametrize("module", [einops, array_api], ids=["einops", "array_api"])
@pytest.mark.parametrize(("name", "pattern", "more", "lengths"), CASES)
def test_functions(module: ModuleType, name: str, pattern: str, more: tuple[str, ...], lengths: dict[str, int]) -> None:
    found = getattr(module, name)(tl.asarray(X), pattern, *more, **lengths)
    assert isinstance(found, tl.Tensor)
    np.testing.assert_allclose(found.numpy(), getattr(einops, name)(X, pattern, *more, **lengths), rtol=1e-6)


@pytest.mark.parametrize("module", [einops, array_api], ids=["einops", "array_api"])
def test_packing_and_lists(module: Any) -> None:
    tensor = tl.asarray(X)
    packed, shapes = module.pack([tensor, tensor[0]], "* b c")
    assert np.array_equal(packed.numpy(), np.concatenate([X, X[:1]]))
    first, second = module.unpack(packed, shapes, "* b c")
    assert np.array_equal(first.numpy(), X)
    assert np.array_equal(second.numpy(), X[0])
    assert np.array_equal(module.rearrange([tensor, tensor], "n a b c -> a n b c").numpy(), np.stack([X, X], axis=1))
    assert np.array_equal(module.asnumpy(tensor), X)


def test_gradients_and_errors() -> None:
    variable = tl.Variable(X)
    with tl.GradientTape() as tape:
        loss = tl.sum(tl.square(einops.reduce(variable, "a b c -> a c", "sum")))
    np.testing.assert_allclose(tape.gradient(loss, variable).numpy(), 2 * X.sum(1, keepdims=True) + 0 * X, rtol=1e-6)
    assert einops.parse_shape(variable, "a b _") == {"a": 2, "b": 3}
    with pytest.raises(NotImplementedError, match="not available for non-floating tensors"):
        einops.reduce(tl.asarray([[1, 2]]), "a b -> a", "mean")
