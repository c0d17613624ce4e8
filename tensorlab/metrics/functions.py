"""Metrics as functions that return the value of every sample."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from tensorlab import arguments, autodiff
from tensorlab.metrics.accuracy import (
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from tensorlab.metrics.base import Metric
from tensorlab.metrics.correlation import ConcordanceCorrelation, PearsonCorrelation
from tensorlab.ops.dispatch import as_tensor, device_of
from tensorlab.serialization import functions
from tensorlab.tensor import Tensor


def _function(metric: type[Metric], name: str) -> Callable[..., Tensor]:
    own = [p for p in arguments.without_self(metric.__init__).parameters.values() if p.name not in ("name", "dtype")]
    pair = [inspect.Parameter(each, inspect.Parameter.POSITIONAL_OR_KEYWORD) for each in ("y_true", "y_pred")]
    signature = inspect.Signature([*pair, *own])

    def function(*args: Any, **kwargs: Any) -> Tensor:
        given = signature.bind(*args, **kwargs).arguments
        y_true, y_pred = given.pop("y_true"), given.pop("y_pred")
        device = device_of((y_pred, y_true))
        with autodiff.no_grad():
            made = metric(name=name, **given)
            return made.sample_values(as_tensor(y_true, name, device), as_tensor(y_pred, name, device))

    function.__name__ = function.__qualname__ = name
    function.__signature__ = signature  # type: ignore[attr-defined]
    function.__doc__ = (
        f"Return the `{metric.__name__}` of each sample, or raise the errors of that class.\n\n"
        f"Source: Keras, ``keras.metrics.{name}``.\n"
    )
    made = arguments.with_argument_errors(function, function.__module__)
    functions[f"metrics.{name}"] = made
    return made


binary_accuracy = _function(BinaryAccuracy, "binary_accuracy")
categorical_accuracy = _function(CategoricalAccuracy, "categorical_accuracy")
concordance_correlation = _function(ConcordanceCorrelation, "concordance_correlation")
pearson_correlation = _function(PearsonCorrelation, "pearson_correlation")
sparse_categorical_accuracy = _function(SparseCategoricalAccuracy, "sparse_categorical_accuracy")
sparse_top_k_categorical_accuracy = _function(SparseTopKCategoricalAccuracy, "sparse_top_k_categorical_accuracy")
top_k_categorical_accuracy = _function(TopKCategoricalAccuracy, "top_k_categorical_accuracy")
