"""Functions of `tensorlab.ops` that are called on symbolic tensors become layers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab import ops
from tensorlab.errors import ArgumentError, ArgumentTypeError
from tensorlab.layers.operations import FUNCTIONS, Operation

POSITIVE = np.array([[0.5, 0.25, 0.9], [0.1, 0.7, 0.3]], np.float32)
PAIRS = frozenset(
    """
    add arctan2 atan2 copysign divide equal floor_divide greater greater_equal hypot isclose less less_equal logaddexp
    maximum minimum mod multiply not_equal pow power remainder subtract true_divide
    """.split()  # noqa: SIM905
)
BOOLS = frozenset("logical_and logical_not logical_or logical_xor".split())  # noqa: SIM905
CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "acosh": lambda x, y: ops.acosh(x + 1.0),
    "arccosh": lambda x, y: ops.arccosh(x + 1.0),
    "cast": lambda x, y: ops.cast(x, "float64"),
    "clip": lambda x, y: ops.clip(x, 0.2, max=0.6),
    "concat": lambda x, y: ops.concat([x, y], axis=-1),
    "concatenate": lambda x, y: ops.concatenate([x, y], axis=1),
    "expand_dims": lambda x, y: ops.expand_dims(x, axis=-1),
    "flip": lambda x, y: ops.flip(x, axis=1),
    "hstack": lambda x, y: ops.hstack([x, y]),
    "matmul": lambda x, y: ops.matmul(ops.expand_dims(x, axis=1), ops.expand_dims(y, axis=2)),
    "matrix_transpose": lambda x, y: ops.matrix_transpose(ops.stack([x, y], axis=1)),
    "moveaxis": lambda x, y: ops.moveaxis(ops.stack([x, y], axis=1), 2, 1),
    "permute_dims": lambda x, y: ops.permute_dims(ops.stack([x, y], axis=1), (0, 2, 1)),
    "reshape": lambda x, y: ops.reshape(x, (-1, 3, 1)),
    "roll": lambda x, y: ops.roll(x, 1, axis=1),
    "squeeze": lambda x, y: ops.squeeze(ops.expand_dims(x, axis=-1), axis=-1),
    "stack": lambda x, y: ops.stack([x, y], axis=1),
    "swapaxes": lambda x, y: ops.swapaxes(ops.stack([x, y], axis=1), 1, 2),
    "transpose": lambda x, y: ops.transpose(ops.stack([x, y], axis=1), (0, 2, 1)),
    "where": lambda x, y: ops.where(x > 0.4, x, 0.0),
}
ALONG = frozenset(
    """
    all amax amin any argmax argmin cumprod cumsum cumulative_prod cumulative_sum log_softmax logsumexp max mean min
    prod softmax std sum var
    """.split()  # noqa: SIM905
)


def call_of(name: str) -> Callable[[Any, Any], Any]:
    """Return a call of a function on two tensors of shape (batch, 3)."""
    function = getattr(ops, name)
    if name in PAIRS:
        return lambda x, y: function(x, y)
    if name in BOOLS:
        return lambda x, y: function(x > 0.4) if name == "logical_not" else function(x > 0.4, y > 0.4)
    if name in ALONG:
        return lambda x, y: function(x, axis=1)
    return CALLS.get(name, lambda x, y: function(x))


@pytest.mark.parametrize("name", sorted(FUNCTIONS - {"ravel", "tensordot", "vstack"}))
def test_model_computes_what_the_function_does(name: str) -> None:
    with tl.device("reference"):  # compiles nothing
        call, x, y = call_of(name), tl.Input((3,)), tl.Input((3,))
        symbolic = call(x, y)
        model = tl.Model([x, y], [symbolic, y - x])  # which has paths to both inputs
        found = model([POSITIVE, POSITIVE[::-1].copy()])[0]
        expected = call(tl.asarray(POSITIVE), tl.asarray(POSITIVE[::-1].copy()))
        np.testing.assert_array_equal(found.numpy(), expected.numpy())
        assert (symbolic.shape[1:], symbolic.dtype) == (expected.shape[1:], expected.dtype)


def test_operations_survive_saving_and_json(tmp_path: Path) -> None:
    x, y = tl.Input((3,), name="x"), tl.Input((3,), name="y")
    mean = tl.mean(tl.relu(tl.concat([x, y], axis=1) - 0.5), axis=-1, keepdims=True)
    doubled = tl.activations.relu(tl.Activation(lambda v: 2.0 * v)(ops.reshape(mean, (-1, 1))))
    model = tl.Model([x, y], ops.maximum(0.125, doubled))
    arrays = [POSITIVE, POSITIVE[::-1].copy()]
    expected = np.maximum(0.125, 2.0 * np.mean(np.maximum(np.concatenate(arrays, axis=1) - 0.5, 0.0), 1, keepdims=True))
    np.testing.assert_allclose(model.predict(arrays, verbose=0), expected, rtol=1e-6)
    model.save(tmp_path / "model.tensorlab")
    for other in (
        tl.load_model(tmp_path / "model.tensorlab"),
        tl.models.model_from_json(model.to_json()),
        tl.models.clone_model(model),
    ):
        np.testing.assert_allclose(other.predict(arrays, verbose=0), expected, rtol=1e-6)


def test_names_are_those_of_operations() -> None:
    tl.utils.clear_session()
    assert tl.exp(tl.Input((2,))).name == "exp"
    with pytest.raises(
        ArgumentError, match="Operation: expected the name of an operator, received 'sinn'; did you mean"
    ):
        Operation("sinn")


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("tile", lambda x: tl.tile(x, (1, 1000))),
        ("where", lambda x: tl.where(True, 1.0, x)),
        ("product", lambda x: tl.elementwise(product)(x, x)),
        ("one_hot", lambda x: tl.one_hot(x, 3)),
    ],
)
def test_other_operations_say_that_they_need_a_layer(name: str, call: Any) -> None:
    with pytest.raises(ArgumentTypeError) as error:
        call(tl.Input((2,), name="data"))
    assert str(error.value).startswith(f"{name}: expected a tensor with values, received <KerasTensor shape=(None, 2)")
    assert str(error.value).endswith("put the operation into a layer: a class with call(self, inputs)")


def product(x: float, y: float) -> float:
    return x * y
