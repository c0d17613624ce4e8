"""Means and sums of given numbers, and metrics made from a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tensorlab import autodiff
from tensorlab.losses import Loss
from tensorlab.metrics.base import Metric, weighted_mean
from tensorlab.ops.dispatch import as_tensor
from tensorlab.references import WithFunction
from tensorlab.serialization import Value, add_value
from tensorlab.tensor import Tensor
from tensorlab.utils import snake_case


class Mean(Metric):
    """The weighted mean of numbers: ``Σ w·v / Σ w``.

    Source: Keras, ``keras.metrics.Mean``.

    Example:
        >>> mean = tl.metrics.Mean()
        >>> mean.update_state([1.0, 3.0, 5.0, 7.0])
        >>> mean.result()
        4.0
    """

    name = "mean"

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Add numbers, one for each sample, or a single one.

        Raises:
            ShapeError: for weights that do not fit the numbers.
        """
        with autodiff.no_grad():
            numbers = as_tensor(values, self.name)
            self.add(*weighted_mean(self.name, numbers, sample_weight, len(numbers) if numbers.ndim else 1))


class Sum(Metric):
    """The weighted sum of numbers: ``Σ w·v``.

    Source: Keras, ``keras.metrics.Sum``.
    """

    name = "sum"

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Add numbers.

        Raises:
            ShapeError: for weights that do not fit the numbers.
        """
        with autodiff.no_grad():
            numbers = as_tensor(values, self.name)
            mean, weight = weighted_mean(self.name, numbers, sample_weight, len(numbers) if numbers.ndim else 1)
            each = numbers.size / len(numbers) if numbers.ndim and len(numbers) else 1
            self.add(mean, weight * each)

    def result(self) -> float:
        """Return the sum so far."""
        return self._running_mean.read().total


class MeanMetricWrapper(WithFunction, Metric):
    """The mean over all samples of a function of targets and outputs.

    Args:
        fn: a function of ``(y_true, y_pred)`` that returns a number for each sample, or one for the batch, which then
            counts once for each of its samples.
        name: the name in logs; the function's if None.
        dtype: as in `Metric`.
        **kwargs: further arguments of the function.

    Source: Keras, ``keras.metrics.MeanMetricWrapper``.
    """

    def __init__(self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(_name_of(fn) if name is None else name, dtype)
        self.function, self._arguments = fn, kwargs
        if isinstance(fn, Loss):
            self._direction = "down"

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the values of the function."""
        return as_tensor(self.function(y_true, y_pred, **self._arguments), self.name)


add_value(MeanMetricWrapper, Value("MeanMetricWrapper", MeanMetricWrapper.get_config, MeanMetricWrapper.from_config))


def _name_of(function: Any) -> str:
    if isinstance(function, Loss):
        return snake_case(function.name)
    name = getattr(function, "__name__", "").strip("<>")  # of a lambda: <lambda>
    return name or snake_case(type(function).__name__)
