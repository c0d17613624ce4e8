"""What the estimators share: they make a model, train it on checked arrays, and predict with it."""

from __future__ import annotations

import contextlib
import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from tensorlab import forks, random
from tensorlab.errors import ArgumentError, ArgumentTypeError, ShapeError, short_repr
from tensorlab.layers import Dense, Flatten, Input
from tensorlab.models import Model, Sequential, clone_model
from tensorlab.rules import integer

Array = np.ndarray[Any, Any]

_HIDDEN = 100
_MAX_BATCH = 200
FLOATS = [np.float64, np.float32]
"""The dtypes of samples; all others become the first."""
_seeding = forks.Lock()
"""Held while a fit with a ``random_state`` uses the seed of the process."""


class Estimator(BaseEstimator, ABC):
    """The base of `TensorlabClassifier` and `TensorlabRegressor`."""

    model_: Any
    history_: dict[str, list[Any]]

    def __init__(
        self,
        model: Any = None,
        *,
        build_options: Mapping[str, Any] | None = None,
        optimizer: Any = "adam",
        loss: Any = None,
        metrics: Any = None,
        epochs: int = 100,
        batch_size: int | str = "auto",
        fit_options: Mapping[str, Any] | None = None,
        random_state: Any = None,
        warm_start: bool = False,
        verbose: int | str = 0,
    ) -> None:
        # scikit-learn clones estimators by their arguments, so these are kept as they are and checked by `fit`.
        self.model = model
        self.build_options = build_options
        self.optimizer = optimizer
        self.loss = loss
        self.metrics = metrics
        self.epochs = epochs
        self.batch_size = batch_size
        self.fit_options = fit_options
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose

    def _fit(self, x: Array, y: Array, outputs: int, sample_weight: Any) -> Self:
        """Make a model, unless that of the last fit goes on, and train it.

        Args:
            x: the samples, which are checked.
            y: the labels from 0, or the targets.
            outputs: how many numbers the model has to return for a sample.
            sample_weight: a weight for each sample, or None.
        """
        who = type(self).__name__
        epochs, size = integer(f"{who} epochs", self.epochs, 1), self._batch_size(who, len(x))
        weights = None if sample_weight is None else _normalized(who, _check_sample_weight(sample_weight, x))
        options = copy.deepcopy({**(self.fit_options or {})})  # callbacks keep state from one fit to the next
        with self._seeded():
            goes_on = self.warm_start and hasattr(self, "model_")
            model = self.model_ if goes_on else self._made(who, x, y, outputs)
            targets = self._targets(who, model, y, _width(who, model, x))
            run = {"epochs": epochs, "batch_size": size, "verbose": self.verbose, **options}
            history = model.fit(x, targets, sample_weight=weights, **run)
        self.model_, self.history_ = model, history.history
        return self

    def _outputs(self, x: Any) -> Array:
        """Return what the model computes for samples, which are checked."""
        check_is_fitted(self)
        outputs: Array = self.model_.predict(
            validate_data(self, x, dtype=FLOATS, allow_nd=True, reset=False), verbose=0
        )
        return outputs

    @abstractmethod
    def _targets(self, who: str, model: Any, y: Array, width: int) -> Array:
        """Return the targets in the form that a model with ``width`` outputs takes."""

    @abstractmethod
    def _default_loss(self) -> str:
        """Return the loss of a model that is not compiled."""

    @abstractmethod
    def _last_layer(self, outputs: int, dtype: str) -> Dense:
        """Return the last layer of the default model."""

    def _made(self, who: str, x: Array, y: Array, outputs: int) -> Any:
        """Return a compiled model with new weights."""
        if self.model is None:
            dtype = x.dtype.name
            layers: list[Any] = [Input(x.shape[1:], dtype=dtype), Flatten(dtype=dtype)][: x.ndim - 1]
            layers.append(Dense(_HIDDEN, activation="relu", dtype=dtype))
            made: Any = Sequential([*layers, self._last_layer(outputs, dtype)])
        elif isinstance(self.model, Model):
            made = clone_model(self.model)
            if self.model.compiled:
                made.compile_from_config(self.model.get_compile_config())
        elif callable(self.model):
            made = self.model(X=x, y=y, **(self.build_options or {}))
            if not isinstance(made, Model):
                raise ArgumentTypeError(f"{who} model", "a function that returns a model", short_repr(made))
        else:
            expected = "a model, or a function of X and y that returns one"
            raise ArgumentTypeError(f"{who} model", expected, short_repr(self.model))
        if not made.compiled:
            loss = self._default_loss() if self.loss is None else copy.deepcopy(self.loss)
            made.compile(copy.deepcopy(self.optimizer), loss, metrics=copy.deepcopy(self.metrics))
        return made

    def _batch_size(self, who: str, samples: int) -> int:
        if isinstance(self.batch_size, str):
            if self.batch_size != "auto":
                raise ArgumentError(f"{who} batch_size", "a positive integer, or 'auto'", repr(self.batch_size))
            return min(_MAX_BATCH, samples)
        return integer(f"{who} batch_size", self.batch_size, 1)

    @contextlib.contextmanager
    def _seeded(self) -> Iterator[None]:
        """Return a ``with`` block whose random numbers follow from ``random_state``, if there is one."""
        if self.random_state is None:
            yield
            return
        seed = int(check_random_state(self.random_state).randint(1 << 31))
        with _seeding:
            before = random.get_state()
            random.set_seed(seed)
            try:
                yield
            finally:
                random.set_state(before)


def _width(who: str, model: Any, x: Array) -> int:
    """Return how many numbers a model returns for a sample."""
    shape = getattr(model(x[:1]), "shape", None)
    if shape is None or len(shape) != 2:
        received = "several outputs" if shape is None else f"one of shape {tuple(shape)}"
        raise ShapeError(f"{who} model", "an output of shape (samples, numbers)", received)
    return int(shape[1])


def _normalized(who: str, weights: Array) -> Array:
    """Return weights with mean 1, so that a sample of weight 2 counts like two samples."""
    total = weights.sum()
    if not total > 0:
        raise ArgumentError(f"{who}.fit sample_weight", "weights with a sum above 0", f"a sum of {total:g}")
    normalized: Array = weights * (len(weights) / total)
    return normalized
