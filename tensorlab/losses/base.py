"""`Loss`, the base class of losses, and `LossRule`, which makes losses from scalar functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tensorlab import dtypes, ops
from tensorlab.arguments import check_name, named
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError, short_repr
from tensorlab.ops.dispatch import as_tensor, common_backend, device_of
from tensorlab.ops.lift import Elementwise, elementwise
from tensorlab.ops.probabilities import Probabilities, reshaped
from tensorlab.references import OfScalar, WithFunction
from tensorlab.registry import registries
from tensorlab.rules import Hyperparameters
from tensorlab.scalars import scalar_function
from tensorlab.serialization import Configured, Value, add_value, of_kind, rule_value
from tensorlab.shapes import normalize_axis
from tensorlab.tensor import Tensor, mask_of

EPSILON = 1e-7
"""The smallest value of denominators and of arguments of logarithms, as in Keras."""

_REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None)


@elementwise
def _quotient(total: float, count: float) -> float:
    return total / count if count != 0 else 0.0


class Loss(Configured):
    """The base of every loss. A subclass implements `call`, which returns one value per sample.

    Args:
        name: the name in messages.
        reduction: "sum_over_batch_size" (or "mean") for the mean over the samples, "mean_with_sample_weight" for the
            sum divided by that of the sample weights, "sum", or "none".
        dtype: what targets and outputs are converted to, "float32" or "float64"; the dtype of the outputs if None.

    Raises:
        ArgumentError: for another reduction.
        DTypeError: for a dtype that is not one of real numbers.

    Source: Keras, ``keras.losses.Loss``.
    """

    _kind = "loss"
    of_batch = False
    """Whether the loss of a sample depends on the other samples, or there is a single loss for the whole batch."""

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None
    ) -> None:
        check_name(type(self).__name__, name)
        if not isinstance(reduction, (str, type(None))) or reduction not in _REDUCTIONS:
            raise ArgumentError(f"{type(self).__name__} reduction", f"one of {_REDUCTIONS}", short_repr(reduction))
        self.reduction = reduction
        self.name = name or type(self).__name__
        self.dtype = None if dtype is None else dtypes.as_dtype(dtype, f"{type(self).__name__} dtype")
        if self.dtype is not None and self.dtype.kind != "f":
            raise DTypeError(f"{type(self).__name__} dtype", "float32 or float64", short_repr(dtype))

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        raise NotImplementedError(f"{type(self).__name__} has no call(y_true, y_pred)")

    def check(self, y_true: Tensor, output_shape: tuple[int, ...]) -> None:
        """Raise if targets do not fit outputs of this shape."""
        if y_true.shape[:1] != output_shape[:1]:
            raise ShapeError(self.name, f"as many targets as outputs, {output_shape[0]}", str(y_true.shape))

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        """Compute the loss of a batch.

        Args:
            y_true: targets.
            y_pred: outputs.
            sample_weight: what the loss of each sample is multiplied by, ``(n,)`` or ``(n, 1)``, or one number. The
                mean is that over all samples, whatever the weights are, unless the reduction is
                "mean_with_sample_weight".

        Raises:
            ShapeError: for targets or weights whose shape does not fit the outputs.
            ArgumentError: for targets with invalid values, such as labels out of range.
            DeviceError: for targets on another device than the outputs.
        """
        device = device_of((y_pred, y_true))
        outputs = y_pred if isinstance(y_pred, Probabilities) else as_tensor(y_pred, self.name, device)
        targets = as_tensor(y_true, self.name, device)
        self.check(targets, outputs.shape)
        return self.reduced(targets, outputs, sample_weight)

    def reduced(self, targets: Tensor, outputs: Tensor, sample_weight: Any = None) -> Tensor:
        """Compute the loss of a batch whose targets have been checked."""
        common_backend(self.name, (outputs, targets))
        mask = mask_of(outputs)
        if self.dtype is not None and outputs.dtype != self.dtype:
            outputs = outputs.astype(self.dtype)
        targets, outputs = self._matched(targets, outputs)
        each = self.call(targets, outputs)
        counted = self._counted(targets, each)
        if mask is not None:
            data = _weights(self.name, each, mask, self.of_batch)
            counted = data if counted is None else counted * data
        weights = counted
        if sample_weight is not None:
            weights = _weights(self.name, each, sample_weight, self.of_batch)
            weights = weights if counted is None else weights * counted
        if weights is not None:
            each = each * weights
        if self.reduction in (None, "none"):
            return each
        if self.reduction == "sum":
            return ops.sum(each)
        divisor = weights if self.reduction == "mean_with_sample_weight" else counted
        if divisor is None:
            return ops.mean(each)
        return _quotient(ops.sum(each), ops.sum(ops.broadcast_to(divisor, each.shape)))

    def _matched(self, targets: Tensor, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Convert targets and outputs to what `call` expects."""
        return matched(targets, outputs)

    def _counted(self, y_true: Tensor, each: Tensor) -> Tensor | None:
        """Return 1 for each sample that a mean counts and 0 for others; None if it counts all of them."""
        return None


def matched(y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Convert targets and outputs to the same rank and dtype, so that neither broadcasts along the other.

    The ranks are matched if they differ by one and the last axis of the higher-rank tensor has length 1. If the other
    tensor is a vector, it gets such an axis too; otherwise the axis is removed. Targets are cast to the dtype of the
    outputs, except integers and bools of another shape than the outputs, because these may be labels.

    Source: Keras, ``squeeze_or_expand_to_same_rank`` in ``keras.losses.loss``.
    """
    if y_pred.dtype.kind != "f":
        y_pred = y_pred.astype(dtypes.default_float)
    if y_true.ndim == y_pred.ndim - 1 and y_pred.shape[-1] == 1:
        if y_true.ndim == 1:
            y_true = ops.expand_dims(y_true, axis=1)
        else:
            y_pred = reshaped(y_pred, y_pred.shape[:-1])
    elif y_true.ndim == y_pred.ndim + 1 and y_true.shape[-1] == 1:
        if y_pred.ndim == 1:
            y_pred = reshaped(y_pred, (*y_pred.shape, 1))
        else:
            y_true = ops.squeeze(y_true, axis=-1)
    if y_true.dtype.kind == "f" or y_true.shape == y_pred.shape:
        y_true = y_true.astype(y_pred.dtype)
    return y_true, y_pred


def _weights(who: str, losses: Tensor, sample_weight: Any, of_batch: bool) -> Tensor:
    """Return the weights of samples in a shape that broadcasts along their losses."""
    given = as_tensor(sample_weight, f"{who} sample_weight", losses.device)
    weights = given.astype(losses.dtype)
    if weights.ndim > 1 and weights.shape[-1] == 1:
        weights = ops.squeeze(weights, axis=-1)
    if weights.ndim and not losses.ndim:
        if of_batch:
            return weights
        hint = "return the loss of each sample, and not their mean"
        raise ShapeError(f"{who} sample_weight", "a loss of each sample", "one number for the whole batch", hint)
    if weights.shape != losses.shape[: weights.ndim]:
        expected = f"a weight for each sample, shape {losses.shape[:1]}"
        raise ShapeError(f"{who} sample_weight", expected, str(given.shape))
    return ops.reshape(weights, weights.shape + (1,) * (losses.ndim - weights.ndim))


class PairedLoss(Loss):
    """A loss whose targets have the shape of the outputs, up to a last axis of length 1.

    Args:
        reduction: as in `Loss`.
        name: as in `Loss`.
        dtype: as in `Loss`.
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(name, reduction, dtype)

    def check(self, y_true: Tensor, output_shape: tuple[int, ...]) -> None:
        """Raise unless each output has a target."""
        if output_shape not in (y_true.shape, (*y_true.shape, 1)) and y_true.shape != (*output_shape, 1):
            raise ShapeError(self.name, f"targets of the outputs' shape {output_shape}", str(y_true.shape))


class ElementwiseLoss(PairedLoss):
    """The mean over an axis, the last one by default, of a scalar function of target and output."""

    term: Elementwise
    axis: int = -1

    def _extra_arguments(self) -> tuple[float, ...]:
        """Return the arguments of the term after target and output."""
        return ()

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each sample."""
        targets, outputs = matched(y_true, y_pred)
        return self._mean(self.term(targets, outputs, *self._extra_arguments()))

    def _mean(self, terms: Tensor) -> Tensor:
        """Return the mean of the terms of each sample."""
        if not terms.ndim:
            return terms
        return ops.mean(terms, axis=normalize_axis(self.name, self.axis, terms.ndim))


class LossRule(OfScalar):
    """A factory of losses made from a plain Python function of numbers; call it to create a loss.

    A loss of a registered rule is saved under the rule's name, with its hyperparameters.

    Args:
        function: ``(y_true, y_pred) -> term``; the loss of a sample is the mean of the terms over its last axis.
            Parameters with a default value are hyperparameters, which can be set when a loss is created.

    Raises:
        ScalarError: if the function cannot be lifted.
        ArgumentTypeError: if it does not take a target and an output.
        ArgumentError: for a default value that is not finite.

    Example:
        >>> def huber(y_true, y_pred, delta=1.0):
        ...     error = abs(y_true - y_pred)
        ...     return 0.5 * error * error if error <= delta else delta * (error - 0.5 * delta)
        >>> loss = tl.losses.LossRule(huber)(delta=2.0)
    """

    def __init__(self, function: Callable[..., float]) -> None:
        scalar = scalar_function(function)
        if scalar.arity - len(scalar.defaults) != 2 or scalar.n_outputs != 1:
            raise ArgumentTypeError(
                f"LossRule of {scalar.name!r}",
                "a function of y_true and y_pred, and of parameters with default values, that returns one number",
                f"({', '.join(scalar.parameters)}) with {scalar.n_outputs} result{'s' * (scalar.n_outputs != 1)}",
            )
        Hyperparameters(f"LossRule of {scalar.name!r}", scalar.defaults)
        self.scalar = scalar
        self.operation = elementwise(scalar)
        self.__name__ = scalar.name

    @named
    def __call__(self, /, reduction: str | None = "sum_over_batch_size", **hyperparameters: float) -> Loss:
        """Create a loss; hyperparameters that are not given have their defaults.

        If the function has a hyperparameter named ``reduction``, a number as ``reduction`` sets that.

        Raises:
            ArgumentError: for an unknown hyperparameter, one that is not a finite number, or another reduction.
        """
        if "reduction" in self.scalar.defaults and not isinstance(reduction, (str, type(None))):
            hyperparameters["reduction"], reduction = reduction, "sum_over_batch_size"
        return _RuleLoss(self, reduction, hyperparameters)

    def from_config(self, config: Mapping[str, Any]) -> Loss:
        """Create a loss from the result of its `get_config`."""
        given = dict(config)
        reduction = given.pop("reduction", "sum_over_batch_size")
        return _RuleLoss(self, reduction, given.pop("of_function", given))

    def __repr__(self) -> str:
        return f"<LossRule of {self.__name__!r}>"


class _RuleLoss(ElementwiseLoss):
    def __init__(self, rule: LossRule, reduction: str | None, given: Mapping[str, float]) -> None:
        super().__init__(reduction, rule.__name__)
        self.rule = rule
        self.hyperparameters = Hyperparameters(f"loss {rule.__name__!r}", rule.scalar.defaults, given)

    @property
    def term(self) -> Elementwise:  # type: ignore[override]
        """The scalar function as an elementwise operation."""
        return self.rule.operation

    @property
    def _maker(self) -> LossRule:
        return self.rule

    def get_config(self) -> dict[str, Any]:
        """Return the reduction and the hyperparameters.

        The hyperparameters are in a dict of their own if one of them has the name of another entry.
        """
        values = dict(self.hyperparameters)
        if values.keys() & {"reduction", "of_function"}:
            return {"reduction": self.reduction, "of_function": values}
        return {"reduction": self.reduction, **values}

    def _extra_arguments(self) -> tuple[float, ...]:
        return tuple(self.hyperparameters.values())


add_value(LossRule, rule_value("LossRule", LossRule))


class _FunctionLoss(WithFunction, Loss):
    def __init__(self, function: Callable[[Tensor, Tensor], Any]) -> None:
        super().__init__(name=getattr(function, "__name__", "loss"))
        self.function = function

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return as_tensor(self.function(y_true, y_pred), self.name)


add_value(_FunctionLoss, Value("FunctionLoss", _FunctionLoss.get_config, _FunctionLoss.from_config))


def get(identifier: Any) -> Loss:
    """Return a loss from its name, class, rule or config, or from a function of ``(y_true, y_pred)`` tensors.

    A `Loss` is returned as it is.

    Raises:
        UnknownNameError: for an unknown name; the message suggests similar names.
        ArgumentTypeError: for anything else.
    """
    if isinstance(identifier, str):
        identifier = registries["loss"].get(identifier)
    elif isinstance(identifier, dict):
        identifier = of_kind("loss", identifier)
    if isinstance(identifier, LossRule) or (isinstance(identifier, type) and issubclass(identifier, Loss)):
        identifier = identifier()
    if isinstance(identifier, Loss):
        return identifier
    if callable(identifier):
        return _FunctionLoss(identifier)
    raise ArgumentTypeError("loss", "a name, a Loss, or a function of (y_true, y_pred)", short_repr(identifier))
