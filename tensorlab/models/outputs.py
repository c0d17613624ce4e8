"""Losses and metrics of models with several outputs: which belongs to which output, and their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tensorlab import losses, metrics
from tensorlab.autodiff import flatten
from tensorlab.errors import ArgumentError, ArgumentTypeError, TensorlabError, short_repr
from tensorlab.losses import Loss
from tensorlab.metrics import Mean, Metric
from tensorlab.metrics.identify import takes_targets_and_outputs
from tensorlab.rules import finite
from tensorlab.tensor import Tensor
from tensorlab.utils import snake_case

_CONFIG = {"class_name", "config"}


class Outputs(NamedTuple):
    """The outputs of a model.

    Attributes:
        labels: their names: keys of a dict, names of layers, or None for those of a subclass that returns a list.
        keyed: whether the model returns a dict.
    """

    labels: tuple[str | None, ...]
    keyed: bool

    @property
    def named(self) -> tuple[str, ...]:
        """The names, if all are known."""
        return tuple([label for label in self.labels if label is not None])

    @classmethod
    def of(cls, who: str, outputs: Any, names: Sequence[str] = ()) -> Outputs:
        """Describe what a model has returned.

        Args:
            who: the model, in messages.
            outputs: a tensor, or a list or dict of tensors.
            names: the names of the layers that compute them, if they are known.

        Raises:
            ArgumentTypeError: for anything else, such as lists inside of others.
        """
        if isinstance(outputs, Tensor):
            return cls((None,), False)
        items = [*outputs.values()] if isinstance(outputs, dict) else outputs
        if not isinstance(items, (list, tuple)) or not all(isinstance(item, Tensor) for item in items):
            hint = "replace compute_loss, which may take any outputs"
            received = f"a {type(outputs).__name__}"
            raise ArgumentTypeError(f"{who} outputs", "a tensor, or a list or dict of tensors", received, hint)
        if isinstance(outputs, dict):
            return cls(tuple(sorted(outputs)) if set(names) != set(outputs) else tuple(names), True)
        return cls(tuple(names) if len(names) == len(items) else (None,) * len(items), False)

    def split(self, who: str, values: Any) -> list[Any]:
        """Return the value for each output, from a list in their order, a dict with their names, or a single one.

        Raises:
            ArgumentError: for another number of values, or other names.
        """
        count = len(self.labels)
        if isinstance(values, Mapping):
            unknown = [key for key in values if key not in self.labels]
            lacking = [label for label in self.labels if label not in values]
            if count == 1 and self.labels[0] is None and len(values) == 1:
                return [*values.values()]
            if unknown or lacking:
                raise ArgumentError(who, f"a dict with the outputs {self}", f"the keys {[*values]}")
            return [values[label] for label in self.labels]
        found = [*values] if isinstance(values, (list, tuple)) else [values]
        if len(found) != count or (self.keyed and isinstance(values, (list, tuple)) and count > 1):
            keys = "a dict with" if self.keyed else "one for each of"
            raise ArgumentError(who, f"{keys} the outputs {self}", _described(values))
        return found

    def __str__(self) -> str:
        return str([label if label is not None else index for index, label in enumerate(self.labels)])


def _described(values: Any) -> str:
    if isinstance(values, (list, tuple)):
        return f"a {type(values).__name__} of {len(values)}"
    return f"a tensor of shape {values.shape}" if isinstance(values, Tensor) else short_repr(values)


class _Part(NamedTuple):
    """The loss of one output, its weight in the sum, and the mean that is reported."""

    position: int
    where: str
    loss: Loss
    weight: float | None
    mean: Mean | None


class OutputLosses(Loss):
    """The sum of a loss for each output, each times its weight.

    Args:
        who: the method that was given the losses, in messages.
        given: a loss for all outputs, or a list or dict with one for each; None for an output without a loss.
        weights: a number for each loss; 1 if None.
        names: the names of the losses in logs, for outputs without one.

    Attributes:
        means: the mean of each loss, without its weight, if there are several.

    Raises:
        ArgumentError: for weights that are not finite numbers.

    Source: Keras, ``CompileLoss`` in ``keras.src.trainers.compile_utils``.
    """

    def __init__(self, who: str, given: Any, weights: Any = None, names: Sequence[str] = ()) -> None:
        super().__init__(name="loss")
        self.who, self.given, self.weights, self._names = who, given, weights, names
        self._model = who.removesuffix(".compile")
        self.means: list[Mean] = []
        self._outputs: Outputs | None = None
        self._parts: list[_Part] = []
        for weight in flatten(weights):
            if weight is not None:
                finite(f"{who} loss_weights", weight)

    def resolve(self, outputs: Outputs) -> Outputs:
        """Find the loss of each output.

        Raises:
            ArgumentError: for losses or weights of other outputs.
        """
        if outputs == self._outputs:
            return outputs
        count = len(outputs.labels)
        same = isinstance(self.given, Loss)
        each = [self.given] * count if same else outputs.split(f"{self.who} loss", self.given)
        weights = self.weights
        shared = weights is None or (isinstance(weights, (int, float)) and count == 1)
        scales = [weights] * count if shared else outputs.split(f"{self.who} loss_weights", weights)
        parts, means = [], dict[str, Mean]()
        several = sum(loss is not None for loss in each) > 1
        for position, (label, loss, scale) in enumerate(zip(outputs.labels, each, scales, strict=True)):
            if loss is None:
                continue
            own = (self._names[position] if position < len(self._names) else "") or snake_case(loss.name)
            name = f"{own if label is None else label}_loss"
            while name in means:
                name = f"{name}_1"
            mean = means[name] = Mean(name)
            where = f"output {label if label is not None else position!r}" if count > 1 else ""
            parts.append(_Part(position, where, loss, scale, mean if several else None))
        self._parts, self._outputs = parts, outputs
        self.means = [*means.values()] if several else []
        return outputs

    def _each(self, targets: Any, outputs: Any, sample_weight: Any) -> Iterator[tuple[_Part, Any, Any, Any]]:
        known = self._outputs or self.resolve(Outputs.of(self.who, outputs))
        received = known.split(f"outputs of {self._model}", outputs)
        wanted = known.split(f"y for {self._model}", targets)
        nested = isinstance(sample_weight, (list, tuple, dict))
        weights = (
            known.split(f"sample_weight for {self._model}", sample_weight)
            if nested
            else [sample_weight] * len(received)
        )
        for part in self._parts:
            yield part, wanted[part.position], received[part.position], weights[part.position]

    def check_all(self, y_true: Any, outputs: Any, count: int | None = None) -> None:
        """Raise if targets do not fit outputs, of which there are ``count``."""
        for part, targets, output, _ in self._each(y_true, outputs, None):
            shape = output.shape if count is None else (count, *output.shape[1:])
            try:
                part.loss.check(targets, shape)
            except TensorlabError as error:
                if not part.where:
                    raise
                where = f"y of {part.where} for {self._model}: {error.who}"
                raise type(error)(where, error.expected, error.received, error.hint) from None

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        """Compute the loss of a batch; see `Loss`. Arguments are lists or dicts with a value for each output."""
        self.check_all(y_true, y_pred)
        return self.reduced(y_true, y_pred, sample_weight)

    def reduced(self, targets: Any, outputs: Any, sample_weight: Any = None) -> Tensor:
        """Compute the loss of a batch whose targets have been checked, and add it to the means."""
        total: Any = None
        for part, wanted, received, weights in self._each(targets, outputs, sample_weight):
            value = part.loss.reduced(wanted, received, *(() if weights is None else (weights,)))
            if part.mean is not None:
                part.mean.add(value, len(received))
            scaled = value if part.weight is None else value * float(part.weight)
            total = scaled if total is None else total + scaled
        result: Tensor = total
        return result


def chosen_loss(who: str, identifier: Any, weights: Any, several: bool) -> Loss | None:
    """Return the loss of `compile`.

    Args:
        who: the model's method, in messages.
        identifier: a loss, or a list or dict with one for each output.
        weights: their weights in the sum, or None.
        several: whether the model is known to have several outputs.

    Raises:
        ArgumentError: for weights without a loss, or a loss without a reduction.
    """
    structured = isinstance(identifier, (list, tuple)) or (
        isinstance(identifier, dict) and not set(identifier) >= _CONFIG
    )
    if isinstance(identifier, dict) and structured:
        given: Any = {name: _loss(who, item) for name, item in identifier.items()}
    elif structured:
        given = [_loss(who, item) for item in identifier]
    else:
        given = _loss(who, identifier)
    if not any(each is not None for each in flatten(given)):
        if weights is not None:
            raise ArgumentError(f"{who} loss_weights", "None without a loss", short_repr(weights))
        return None
    if structured or several or weights is not None:
        each = flatten(identifier) if structured else [identifier]
        names = [item if isinstance(item, str) else "" for item in each]
        return OutputLosses(who, given, weights, names)
    one: Loss = given
    return one


def _loss(who: str, identifier: Any) -> Loss | None:
    if identifier is None:
        return None
    found = losses.get(identifier)
    if found.reduction in (None, "none"):
        raise ArgumentError(f"{who} loss", "a loss that is one number", f"reduction={found.reduction!r}")
    return found


def chosen_metrics(who: str, identifiers: Any) -> OutputMetrics:
    """Return the metrics of `compile`, which can be computed from targets and outputs.

    Args:
        who: the argument, in messages.
        identifiers: a list of metrics, a list with one or several for each output, or a dict of these.

    Raises:
        ArgumentError: for anything else.
        ArgumentTypeError: for a metric that is not one of targets and outputs.
    """
    if isinstance(identifiers, Mapping):
        keyed: list[tuple[Any, Any]] = list(identifiers.items())
    elif isinstance(identifiers, (list, tuple, type(None))):
        keyed = list(enumerate(identifiers or ()))
    else:
        raise ArgumentError(who, "a list", short_repr(identifiers), "e.g. metrics=['accuracy']")
    pairs = []
    for key, given in keyed:
        for identifier in _flat(given):
            metric = metrics.get(identifier)
            if not takes_targets_and_outputs(metric):
                hint = "implement call(y_true, y_pred), or update_state(y_true, y_pred) and result()"
                raise ArgumentTypeError(who, "metrics of targets and outputs", short_repr(metric.name), hint)
            pairs.append((metric, key))
    return OutputMetrics(tuple(pairs), 0 if isinstance(identifiers, Mapping) else len(keyed))


def _flat(given: Any) -> list[Any]:
    """Return the metrics in nested lists; None for an output without any."""
    if isinstance(given, (list, tuple)):
        return [item for each in given for item in _flat(each)]
    return [] if given is None else [given]


class OutputMetrics(NamedTuple):
    """The metrics of `compile`, each with the output it is for: a name, a position, or None if there is one output.

    Attributes:
        pairs: the metrics and their outputs.
        length: the number of entries in the list that was given; 0 for a dict.
    """

    pairs: tuple[tuple[Metric, str | int | None], ...]
    length: int

    def positions(self, who: str, outputs: Outputs) -> list[int]:
        """Return the position of each metric's output.

        Raises:
            ArgumentError: for metrics of other outputs.
        """
        labels = outputs.labels
        if len(labels) == 1:
            return [0] * len(self.pairs)
        if self.pairs and self.length not in (0, len(labels)):
            expected = f"a list for each of the outputs {outputs}, or a dict"
            raise ArgumentError(who, expected, f"a list of {self.length}", "e.g. metrics=[['mae'], ['accuracy']]")
        found = []
        for _, key in self.pairs:
            if self.length:  # a list, whose keys are positions
                found.append(int(key or 0))
                continue
            if key not in labels:
                raise ArgumentError(who, f"a dict with the outputs {outputs}", f"the key {short_repr(key)}")
            found.append(labels.index(str(key)))
        return found

    def arguments(self) -> Any:
        """Return the argument of `compile` that gives these metrics."""
        if not self.length:
            keys = dict.fromkeys(key for _, key in self.pairs)
            return {key: [metric for metric, own in self.pairs if own == key] for key in keys}
        each = [[metric for metric, own in self.pairs if own == number] for number in range(self.length)]
        return [found[0] if len(found) == 1 else found for found in each]
