"""Conformance checks of losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorlab import losses, ops
from tensorlab.autodiff import Tape
from tensorlab.devices import device
from tensorlab.losses.base import ElementwiseLoss
from tensorlab.tensor import Tensor, asarray
from tensorlab.testing.examples import example
from tensorlab.testing.gradients import check_gradients
from tensorlab.testing.report import NotApplicableError, Report, fail
from tensorlab.testing.subject import DTYPES, Array, Subject, plain_value, require_close, require_finite

_TOLERANCES = (1e-9, 1e-12)
"""The relative and absolute tolerance between results that differ only by rounding."""

_CLASSES = 3

Batch = tuple[Array, Array]

_MANY_OF_BATCH = 500
"""The maximum number of samples for a loss of a whole batch, which may compare each with each."""


class LossSubject(Subject):
    """Check a `LossRule`, a loss or a subclass of `Loss`."""

    kind = "loss"
    headings = ("backends", "dtypes", "gradients", "special values", "plain Python", "shapes", "config", "determinism")

    def __init__(self, thing: Any, label: str | None = None, y_true: Any = None, y_pred: Any = None) -> None:
        super().__init__(thing, label)
        self._batch = None if y_true is None else (np.asarray(y_true), np.asarray(y_pred, np.float64))

    def make(self, changed: bool = False) -> losses.Loss:
        """Return a loss with the default hyperparameters, or with values near them."""
        if isinstance(self.thing, losses.LossRule):
            hyperparameters: dict[str, Any] = _near(self.thing.scalar.defaults) if changed else {}
            return self.thing(**hyperparameters)
        made: losses.Loss = example(self.thing, changed) if isinstance(self.thing, type) else self.thing
        return made

    @property
    def term(self) -> Any:
        """The plain Python function of a target and an output, with the loss's hyperparameters applied."""
        loss = self.make()
        if not isinstance(loss, ElementwiseLoss):
            raise NotApplicableError("it is not an elementwise loss, so it has no scalar function to compare with")
        function, extra = loss.term.scalar.python, loss._extra_arguments()
        return lambda target, output: function(target, output, *extra)

    def batch(self, count: int = 12) -> Batch:
        """Return the first pair of targets and outputs, of those in `batches`, for which the loss is finite."""
        if self._batch is not None:
            return self._batch
        refused = []
        for y_true, y_pred in batches(count):
            try:
                value = float(self.make()(y_true, y_pred))
            except Exception as error:  # the loss needs other targets
                refused.append(f"{type(error).__name__}: {error}")
                continue
            if np.isfinite(value):
                return y_true, y_pred
            refused.append(f"a loss of {value:g}")
        expected = "a finite loss for targets that are 0 or 1, one-hot rows, labels or real numbers"
        return fail(self.who, expected, "; ".join(dict.fromkeys(refused)), "pass y_true and y_pred to check_loss")

    def compute(self, dtype: str, count: int) -> list[Tensor]:
        """Compute the loss and its gradient with respect to the outputs."""
        if self.make().of_batch:
            count = min(count, _MANY_OF_BATCH)
        return self._loss_and_gradient(*self.batch(count), dtype)

    def _loss_and_gradient(self, y_true: Array, y_pred: Array, dtype: str) -> list[Tensor]:
        outputs = asarray(y_pred.astype(dtype))
        targets = y_true if y_true.dtype.kind in "iu" else y_true.astype(dtype)
        with Tape(watch_variables=False) as tape:
            tape.track([outputs])
            value = self.make()(targets, outputs)
        seed = ops.ones(value.shape, dtype=value.dtype)
        found = tape.backward([(value.key, seed)], [outputs.key], keep=False)
        return [value, found[outputs.key]] if outputs.key in found else [value]

    def check_gradients(self) -> None:
        """Compare gradients with respect to the outputs with central differences, to second order."""
        y_true, y_pred = self.batch(6)
        with device("reference"):
            check_gradients(lambda outputs: self.make()(y_true, outputs), y_pred, seed=0)

    def check_special_values(self) -> None:
        """Require finite results where outputs are exactly 0 or 1, and no NaN where plain Python gives a number."""
        targets, outputs = self.batch()
        for dtype in DTYPES:
            for edge in self._edges(outputs):
                for what, result in zip(
                    ("losses", "gradients"), self._loss_and_gradient(targets, edge, dtype), strict=False
                ):
                    hint = "clip outputs, as in max(y_pred, 1e-7), before a logarithm or a division"
                    require_finite(f"{self.who} in {dtype} for outputs of 0 and 1", what, result, hint)
            self._check_large_outputs(dtype)

    def _edges(self, outputs: Array) -> list[Array]:
        """Return outputs that are all 0 or all 1, or have a single 1 in each row."""
        if isinstance(self.make(), ElementwiseLoss):
            return [np.zeros_like(outputs), np.ones_like(outputs)]
        return [np.eye(outputs.shape[-1])[choice(outputs, axis=-1)] for choice in (np.argmax, np.argmin)]

    def _check_large_outputs(self, dtype: str) -> None:
        loss = self.make()
        if not isinstance(loss, ElementwiseLoss):
            return
        for output in (np.inf, -np.inf, 1e4, -1e4):
            for target in (0.0, 1.0):
                expected = plain_value(self.term, target, output)
                received = float(loss(np.array([[target]], dtype), np.array([[output]], dtype)))
                if expected is not None and not np.isnan(expected) and np.isnan(received):
                    who = f"{self.who} in {dtype} of target {target:g} and output {output:g}"
                    fail(who, f"{expected:g}, as in plain Python", "nan", "compute it in another order")

    def check_plain_python(self) -> None:
        """Compare the compiled loss with the plain Python function."""
        rng = np.random.default_rng(0)
        unit = rng.integers(0, 2, 300).astype(float), rng.uniform(0.01, 0.99, 300)
        pairs = zip(*map(np.concatenate, zip(unit, rng.normal(0, 2, (2, 300)), strict=True)), strict=True)
        term = self.term
        compared = [(*pair, y) for pair in pairs if (y := plain_value(term, *pair)) is not None]
        if not compared:
            fail(f"{self.who} in plain Python", "a number for some target and output", "an exception for each")
        target, output, expected = (np.array(column) for column in zip(*compared, strict=True))
        received = np.array(self.make().call(asarray(target[:, None]), asarray(output[:, None])).numpy())
        require_close(f"{self.who} compiled", [received], [expected], "plain Python", *_TOLERANCES)

    def check_shapes(self) -> None:
        """Check an empty batch, single and strided samples, and targets without a last axis of length 1."""
        loss = self.make()
        if loss.of_batch:
            raise NotApplicableError("it is not a loss of single samples")
        y_true, y_pred = self.batch(24)
        whole = np.array(loss.call(asarray(y_true), asarray(y_pred)).numpy())
        if whole.shape[:1] != y_pred.shape[:1]:
            fail(f"{self.who}.call", f"one number for each of {len(y_pred)} samples", f"the shape {whole.shape}")
        cuts = {"one sample": slice(0, 1), "every other sample": slice(None, None, 2), "no sample": slice(0, 0)}
        for words, cut in cuts.items():
            part = np.array(loss.call(asarray(y_true)[cut], asarray(y_pred)[cut]).numpy())
            require_close(f"{self.who} of {words}", [part], [whole[cut]], "within the batch", *_TOLERANCES)
        if isinstance(loss, ElementwiseLoss):
            column = y_true[:, :1], y_pred[:, :1]
            flat = np.array(loss(column[0][:, 0], column[1]).numpy())
            expected = np.array(loss(*column).numpy())
            require_close(f"{self.who} of targets without the last axis", [flat], [expected], "with it", *_TOLERANCES)

    def request(self) -> dict[str, Any]:
        """Return a batch, and how another process constructs the loss with hyperparameters other than the defaults."""
        hyperparameters = _near(self.thing.scalar.defaults) if isinstance(self.thing, losses.LossRule) else {}
        return self.recipe(hyperparameters) | {"arrays": list(self.batch())}

    def built(self) -> Any:
        """Return the loss that `request` describes."""
        return self.make(changed=True)


def _near(defaults: dict[str, float]) -> dict[str, float]:
    return {name: 0.75 * value if value else 0.25 for name, value in defaults.items()}


def batches(count: int) -> list[Batch]:
    """Return pairs of targets and outputs. The targets are 0 or 1, one-hot rows, labels, and real numbers."""
    rng = np.random.default_rng(0)
    rows = max(2, count // _CLASSES)
    unit = rng.uniform(0.07, 0.93, (rows, _CLASSES))
    shares = unit / unit.sum(1, keepdims=True)
    labels = rng.integers(0, _CLASSES, rows)
    real = rng.normal(0, 1.3, (2, rows, _CLASSES))
    return [
        ((rng.uniform(size=unit.shape) < 0.5).astype(float), unit),
        (np.eye(_CLASSES)[labels], shares),
        (labels, shares),
        (real[0], real[1]),
    ]


def check_loss(loss: Any, *, y_true: Any = None, y_pred: Any = None) -> Report:
    """Run all checks that tensorlab's own losses pass.

    - Every available backend gives the results of the reference backend, in float32 and float64.
    - Gradients with respect to the outputs agree with central differences, to second order.
    - The compiled loss agrees with plain Python.
    - Results are finite for outputs of exactly 0 and 1, and correct for no sample, one sample and strided samples.
    - Results are the same in another process, from repeated calls, and for one and two threads.

    Args:
        loss: a registered name, a `LossRule`, a subclass of `Loss` or a loss.
        y_true: targets that it accepts; if None, the checks try several kinds of targets and outputs.
        y_pred: outputs for these targets, away from kinks.

    Returns:
        the report.

    Raises:
        ConformanceError: (an AssertionError) if a check failed. It names the check, what was expected, and what to do.
        UnknownNameError: for a name that is not registered.
        ArgumentTypeError: for anything that is not a loss.

    Example:
        >>> tl.testing.check_loss("mse").passed
        True
    """
    return LossSubject(loss, y_true=y_true, y_pred=y_pred).report()
