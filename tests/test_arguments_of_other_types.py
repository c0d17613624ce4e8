"""Arguments of wrong types or sizes: the error names the function and what it expects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentError, ArgumentTypeError, ShapeError, TensorlabError
from tensorlab.layers import Dense, Input

huge = 10**30
x: Any = np.ones((2, 3), "float32")
any_tl: Any = tl

CALLS: list[tuple[Callable[[], Any], type[TensorlabError], str]] = [
    (lambda: tl.zeros(huge), ShapeError, "zeros: expected fewer than 2**60 elements, received the shape (1000000"),
    (lambda: tl.empty((0, huge)), ShapeError, "empty: expected fewer than 2**60 elements, received the shape (0, 10"),
    (lambda: tl.eye(2**40), ShapeError, "eye: expected fewer than 2**60 elements, received the shape (1099511627776, "),
    (lambda: tl.tile(x, huge), ShapeError, "tile: expected fewer than 2**60 elements"),
    (lambda: tl.broadcast_to(x[0], (huge, 3)), ShapeError, "broadcast_to: expected fewer than 2**60 elements"),
    (lambda: any_tl.asarray(x, device={}), ArgumentTypeError, "backend: expected the name of a registered backend"),
    (lambda: any_tl.concat(None), ArgumentTypeError, "concat: expected a sequence of tensors, received None; concat("),
    (lambda: any_tl.stack(3.0), ArgumentTypeError, "stack: expected a sequence of tensors, received float; stack([a"),
    (
        lambda: any_tl.permute_dims(x, None),
        ArgumentTypeError,
        "permute_dims: expected a sequence of axes, received None",
    ),
    (
        lambda: any_tl.dense(x, x.T, None, "relu"),
        ArgumentTypeError,
        "dense: expected an Activation, another elementwis",
    ),
    (lambda: tl.activations.linear(None), ArgumentTypeError, "linear: expected "),
    (lambda: any_tl.one_hot([1, 2], (3, 4)), ArgumentTypeError, "one_hot num_classes: expected an integer, receiv"),
    (
        lambda: tl.asarray(x)[[[1], [2, 3]]],
        ArgumentTypeError,
        "index: expected a list of numbers, or of lists of one le",
    ),
    (
        lambda: tl.optimizers.SGD().apply_gradients(None),
        ArgumentTypeError,
        "SGD.apply_gradients: expected pairs of a gr",
    ),  # type: ignore[arg-type]
    (lambda: tl.optimizers.SGD().apply_gradients([x]), ArgumentTypeError, "SGD: expected Variables to change"),  # type: ignore[list-item]
    (lambda: tl.losses.SparseCategoricalCrossentropy()(1, 0.5), ShapeError, "expected outputs with an axis of classes"),
    (
        lambda: any_tl.callbacks.CSVLogger(None),
        ArgumentTypeError,
        "CSVLogger filename: expected a path as a str or a P",
    ),
    (
        lambda: any_tl.callbacks.EarlyStopping(min_delta="1"),
        ArgumentError,
        "EarlyStopping min_delta: expected a finite",
    ),
    (lambda: any_tl.callbacks.ReduceLROnPlateau(factor=None), ArgumentError, "ReduceLROnPlateau factor: expected a fi"),
    (
        lambda: any_tl.Sequential([Dense(3)]).get_layer(index="0"),
        ArgumentError,
        "expected an index below 1, the number",
    ),
    (lambda: tl.Sequential(Dense(3)), ArgumentTypeError, "expected a list of layers, received <Dense"),  # type: ignore[arg-type]
    (lambda: Input(batch_shape=()), ShapeError, "batch_shape: expected a shape with the batch in front, received ()"),
]


@pytest.mark.usefixtures("reference")
@pytest.mark.parametrize(("call", "error", "said"), CALLS, ids=map(str, range(len(CALLS))))
def test_error_names_what_is_expected(call: Callable[[], Any], error: type[TensorlabError], said: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert said in str(caught.value)
    assert caught.value.__cause__ is None
