"""Losses as functions that return the loss of every sample, for custom training steps."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from tensorlab import arguments
from tensorlab.losses.base import Loss
from tensorlab.losses.crossentropy import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    KLDivergence,
    SparseCategoricalCrossentropy,
)
from tensorlab.losses.focal import BinaryFocalCrossentropy, CategoricalFocalCrossentropy
from tensorlab.losses.margins import CategoricalHinge, Hinge, SquaredHinge
from tensorlab.losses.overlap import Dice, Tversky
from tensorlab.losses.regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
)
from tensorlab.losses.similarity import Circle
from tensorlab.serialization import functions
from tensorlab.tensor import Tensor

LOSSES: dict[str, type[Loss]] = {}
"""The class of each loss by the name of its function and by its short names, which `compile` accepts too."""

_OF_LOSSES = ("reduction", "name", "dtype")
"""Arguments of classes that functions do not have."""


def _function(loss: type[Loss], name: str, *short: str) -> Callable[..., Tensor]:
    LOSSES.update(dict.fromkeys((name, *short), loss))
    own = [p for p in arguments.without_self(loss.__init__).parameters.values() if p.name not in _OF_LOSSES]
    pair = [inspect.Parameter(target, inspect.Parameter.POSITIONAL_OR_KEYWORD) for target in ("y_true", "y_pred")]
    signature = inspect.Signature([*pair, *own])

    def function(*args: Any, **kwargs: Any) -> Tensor:
        given = signature.bind(*args, **kwargs).arguments
        y_true, y_pred = given.pop("y_true"), given.pop("y_pred")
        made = loss(reduction=None, **given)
        made.name = name
        return made(y_true, y_pred)

    function.__name__ = function.__qualname__ = name
    function.__signature__ = signature  # type: ignore[attr-defined]
    function.__doc__ = (
        f"Return the `{loss.__name__}` of each sample, or raise the errors of that class.\n\n"
        f"Source: Keras, ``keras.losses.{name}``.\n"
    )
    made = arguments.with_argument_errors(function, function.__module__)
    functions[f"losses.{name}"] = made
    return made


binary_crossentropy = _function(BinaryCrossentropy, "binary_crossentropy", "bce")
binary_focal_crossentropy = _function(BinaryFocalCrossentropy, "binary_focal_crossentropy")
categorical_crossentropy = _function(CategoricalCrossentropy, "categorical_crossentropy")
categorical_focal_crossentropy = _function(CategoricalFocalCrossentropy, "categorical_focal_crossentropy")
categorical_generalized_cross_entropy = _function(
    CategoricalGeneralizedCrossEntropy, "categorical_generalized_cross_entropy"
)
categorical_hinge = _function(CategoricalHinge, "categorical_hinge")
circle = _function(Circle, "circle")
cosine_similarity = _function(CosineSimilarity, "cosine_similarity")
dice = _function(Dice, "dice")
hinge = _function(Hinge, "hinge")
huber = _function(Huber, "huber")
kl_divergence = _function(KLDivergence, "kl_divergence", "kld")
log_cosh = _function(LogCosh, "log_cosh")
mean_absolute_error = _function(MeanAbsoluteError, "mean_absolute_error", "mae")
mean_absolute_percentage_error = _function(MeanAbsolutePercentageError, "mean_absolute_percentage_error", "mape")
mean_squared_error = _function(MeanSquaredError, "mean_squared_error", "mse")
mean_squared_logarithmic_error = _function(MeanSquaredLogarithmicError, "mean_squared_logarithmic_error", "msle")
poisson = _function(Poisson, "poisson")
sparse_categorical_crossentropy = _function(SparseCategoricalCrossentropy, "sparse_categorical_crossentropy")
squared_hinge = _function(SquaredHinge, "squared_hinge")
tversky = _function(Tversky, "tversky")

kld = KLD = kl_divergence
mae = MAE = mean_absolute_error
mape = MAPE = mean_absolute_percentage_error
mse = MSE = mean_squared_error
msle = MSLE = mean_squared_logarithmic_error
