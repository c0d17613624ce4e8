"""`Metric`: a number that is accumulated over batches."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tensorlab import autodiff, dtypes, initializers, ops
from tensorlab.arguments import check_name
from tensorlab.attributes import plain_attributes, set_plain_attributes
from tensorlab.backends.listening import affected, listening, refused
from tensorlab.errors import ShapeError, StateError
from tensorlab.losses.base import matched
from tensorlab.metrics.running import RunningMean
from tensorlab.ops.dispatch import as_tensor, device_of
from tensorlab.serialization import Configured
from tensorlab.shapes import as_shape
from tensorlab.tensor import Tensor, mask_of
from tensorlab.utils import snake_case
from tensorlab.variable import Variable


class Metric(Configured):
    """The base of every metric.

    A subclass implements either `call`, whose values are averaged over all samples since the last reset, or
    `update_state` and `result`, with variables from `add_weight` as its state.

    Args:
        name: the name in logs and in `History`; derived from the class if None.
        dtype: of the variables; float32 if None. Means are accumulated in float64 on the host.

    Raises:
        ArgumentTypeError: for a name that is not a string.

    Source: Keras, ``keras.metrics.Metric``.

    Example:
        >>> class Largest(tl.metrics.Metric):
        ...     def call(self, y_true, y_pred):
        ...         return tl.max(tl.abs(y_true - y_pred), axis=-1)
        >>> largest = Largest()
        >>> largest.update_state([[0.0, 0.0], [0.0, 0.0]], [[1.0, 2.0], [3.0, 0.0]])
        >>> largest.result()
        2.5
    """

    _kind = "metric"
    _direction: str | None = None
    """"up" if larger is better, "down" if smaller is, None if that is unknown. Read by callbacks with mode="auto"."""
    name: str = ""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        # The state exists before any __init__, so that a subclass may set attributes in any order.
        self = super().__new__(cls)
        self._added_variables, self._running_mean = [], RunningMean()
        self.name = cls.name or snake_case(cls.__name__)
        self.dtype = dtypes.default_float
        return self

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        check_name(type(self).__name__, name)
        self.name = name or self.name
        if dtype is not None:
            self.dtype = dtypes.as_dtype(dtype, self.name)

    @classmethod
    def named(cls, name: str) -> Metric:
        """Return the metric that a registered name stands for, reported under that name."""
        parameters = inspect.signature(cls.__init__).parameters.values()
        takes_it = any(p.name == "name" or p.kind is p.VAR_KEYWORD for p in parameters)
        made = cls(name=name) if takes_it else cls()
        made.name = name
        return made

    # Long names: a subclass may well call its own state _total, _count or _variables.
    _added_variables: list[Variable]
    _running_mean: RunningMean

    # What a subclass implements

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the value of each sample."""
        raise NotImplementedError(f"{type(self).__name__} has no call(y_true, y_pred)")

    def sample_values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the result of `call` for targets of the shape of the outputs."""
        return as_tensor(self.call(*matched(y_true, y_pred)), self.name, y_pred.device)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch.

        Args:
            y_true: targets. Those that match the outputs one by one get their dtype and rank; labels of classes stay
                as they are.
            y_pred: outputs. If they have a mask, only the steps count where it is true.
            sample_weight: a weight for each sample; equal weights if None.

        Raises:
            ShapeError: for targets or weights that do not fit the outputs.
        """
        with autodiff.no_grad():
            device = device_of((y_pred, y_true))
            outputs, targets = as_tensor(y_pred, self.name, device), as_tensor(y_true, self.name, device)
            values = self.sample_values(targets, outputs)
            # A value for the whole batch stands for all of its samples.
            count = len(outputs) if outputs.ndim else 1
            weights = _with_mask(self.name, mask_of(outputs), sample_weight)
            self.add(*weighted_mean(self.name, values, weights, count))

    def add(self, mean: float | Tensor, count: float | Tensor) -> None:
        """Add a batch whose mean is known, with the weight of its samples, by which the mean is multiplied.

        A tensor is read later, so that its device need not be waited for now.
        """
        self._running_mean.add(mean, count)
        if listening[0]:
            affected(self.add, [each._buffer if isinstance(each, Tensor) else each for each in (mean, count)])

    def result(self) -> Any:
        """Return the mean so far, 0 before the first batch."""
        mean = self._running_mean.read()
        if listening[0]:
            refused("it reads the result of a metric")
        return mean.total / mean.weight if mean.weight else 0.0

    def reset_state(self) -> None:
        """Set the mean and all variables to 0."""
        self._running_mean = RunningMean()
        for variable in self.variables:
            variable.assign(np.zeros(variable.shape, variable.dtype))

    # What users call

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Add a batch, and return the result so far. The arguments are those of `update_state`."""
        self.update_state(*args, **kwargs)
        return self.result()

    def add_variable(
        self,
        shape: Any = (),
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Create a variable that is part of the state; `reset_state` sets it to 0.

        Args:
            shape: of the variable.
            initializer: a name, an `Initializer`, or a function of ``(shape, dtype)``.
            dtype: the metric's if None.
            aggregation: accepted for Keras's sake, and ignored.
            name: its name in messages; numbered if None.

        Source: Keras, ``keras.metrics.Metric.add_variable``.
        """
        kind = self.dtype if dtype is None else dtypes.as_dtype(dtype, self.name)
        check_name(f"{self.name}.add_variable", name)
        label = f"{self.name}/{name or f'variable_{len(self._added_variables)}'}"
        value = initializers.get("zeros" if initializer is None else initializer)(as_shape(label, shape), dtype=kind)
        variable = Variable(value, trainable=False, dtype=kind, name=label)
        self._added_variables.append(variable)
        return variable

    def add_weight(
        self, shape: Any = (), initializer: Any = None, dtype: Any = None, name: str | None = None
    ) -> Variable:
        """Create a variable that is part of the state, as `add_variable` does, with Keras's other signature."""
        return self.add_variable(shape, initializer, dtype, name=name)

    @property
    def variables(self) -> list[Variable]:
        """The variables of the state: of `add_variable`, of attributes, and of metrics that are attributes."""
        found = {id(variable): variable for variable in self._added_variables}
        for value in vars(self).values():
            if isinstance(value, Variable):
                found[id(value)] = value
            elif isinstance(value, Metric):
                found.update({id(variable): variable for variable in value.variables})
        return list(found.values())

    def _own_variables(self) -> list[Variable]:
        """Return the variables that do not belong to an inner metric."""
        inner = {id(v) for part in self._parts() if part is not self for v in part.variables}
        return [variable for variable in self.variables if id(variable) not in inner]

    def _parts(self) -> Iterator[Metric]:
        yield self
        for value in vars(self).values():
            if isinstance(value, Metric):
                yield from value._parts()

    def get_state(self) -> list[dict[str, Any]]:
        """Return the state as plain data and arrays, for `set_state` of a metric of the same class and config."""
        return [
            {
                "mean": [*part._running_mean.read().state()],
                "attributes": plain_attributes(part, "name", "_added_variables"),
                "variables": [np.array(variable.numpy()) for variable in part._own_variables()],
            }
            for part in self._parts()
        ]

    def set_state(self, state: Sequence[Mapping[str, Any]]) -> None:
        """Restore what `get_state` returned.

        Raises:
            StateError: for the state of another metric. Nothing has changed then.
        """
        parts = list(self._parts())
        try:
            pairs = list(zip(parts, state, strict=True))
            means = [RunningMean(float(total), float(weight)) for total, weight in (each["mean"] for each in state)]
            values = [
                (variable, np.asarray(value, variable.dtype).reshape(variable.shape))
                for part, each in pairs
                for variable, value in zip(part._own_variables(), each["variables"], strict=True)
            ]
        except (TypeError, ValueError, LookupError) as error:
            problem = f"the state is not one that it has returned ({error})"
            raise StateError(f"{self.name}.set_state", problem, "give what get_state returned") from None
        for (part, each), mean in zip(pairs, means, strict=True):
            attributes = {name: value for name, value in each["attributes"].items() if name != "_added_variables"}
            set_plain_attributes(part, attributes, "name")
            part._running_mean = mean
        for variable, value in values:
            variable.assign(value)

    def snapshot(self) -> Any:
        """Return the state as it is now, for `restore`. Lists, dicts, sets and arrays are copied, not their items."""
        attributes = [
            (part, {name: copy.copy(v) if isinstance(v, _CONTAINERS) else v for name, v in vars(part).items()})
            for part in self._parts()
        ]
        return attributes, [(variable, variable.snapshot()) for variable in self.variables]

    def restore(self, state: Any) -> None:
        """Restore a state that `snapshot` returned."""
        attributes, variables = state
        for part, values in attributes:
            vars(part).clear()
            vars(part).update(values)
        for variable, value in variables:
            variable.assign(value)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"


_CONTAINERS = (list, dict, set, np.ndarray, RunningMean)


def real(tensor: Tensor) -> Tensor:
    """Return a tensor of floats: itself, or numbers of another kind as `default_float`."""
    return tensor if tensor.dtype.kind == "f" else tensor.astype(dtypes.default_float)


def _with_mask(who: str, mask: Tensor | None, weights: Any) -> Any:
    """Return weights that are 0 where the mask of outputs is false; the given ones if there is no mask."""
    if mask is None:
        return weights
    data = mask.astype(dtypes.default_float)
    if weights is None:
        return data
    given = real(as_tensor(weights, f"{who} sample_weight", mask.device))
    for _ in range(max(data.ndim - given.ndim, 0) if given.ndim else 0):
        given = ops.expand_dims(given, axis=-1)
    return given * data


def weighted_mean(who: str, values: Tensor, weights: Any, samples: int) -> tuple[Tensor, float | Tensor]:
    """Return the weighted mean of a batch's values, and the weight of the batch; if that is 0, the mean is NaN.

    Args:
        who: the metric, in messages.
        values: for each sample a number or an array; or one number for the whole batch.
        weights: of the samples or of single values; a number for all of them; None for 1.
        samples: how many samples the values stand for.

    Raises:
        ShapeError: for weights that do not fit the values.
    """
    values = real(values)
    if weights is None:
        return (ops.mean(values) if values.ndim else values), samples
    given = as_tensor(weights, f"{who} sample_weight", values.device)
    weight = real(given).astype(values.dtype)
    if not weight.ndim:
        return (ops.mean(values) if values.ndim else values), float(weight) * samples
    if not values.ndim:
        expected = "values for each sample, which the weights are for"
        raise ShapeError(f"{who} sample_weight", expected, "one number for the whole batch", "do not take their mean")
    if weight.ndim == values.ndim + 1 and weight.shape[-1] == 1:
        weight = ops.squeeze(weight, axis=-1)
    if values.ndim > weight.ndim:
        values = ops.mean(values, axis=tuple(range(weight.ndim, values.ndim)))
    if weight.ndim != values.ndim or any(w not in (1, v) for w, v in zip(weight.shape, values.shape, strict=True)):
        raise ShapeError(
            f"{who} sample_weight", f"a weight for each sample, shape {values.shape[:1]}", str(given.shape)
        )
    weight = ops.broadcast_to(weight, values.shape)
    total = ops.sum(weight)
    mean = ops.sum(values * weight) / total
    return mean, total if values.size == len(values) else float(total) * len(values) / values.size
