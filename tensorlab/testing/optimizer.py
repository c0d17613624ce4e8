"""Conformance checks of optimizers."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorlab import optimizers
from tensorlab.tensor import Tensor, asarray
from tensorlab.testing.examples import again, example
from tensorlab.testing.report import Report, refuse
from tensorlab.testing.subject import DTYPES, Array, Subject, finite, same
from tensorlab.variable import Variable

_STEPS = 5
_RULES = (1e-9, 1e-12)


class OptimizerSubject(Subject):
    """Check an `OptimizerRule`, a subclass of `Optimizer`, or an optimizer, whose state is not changed."""

    kind = "optimizer"
    headings = (
        "backends",
        "dtypes",
        "learns",
        "special values",
        "plain Python",
        "shapes",
        "state",
        "config",
        "determinism",
    )

    def make(self, moved: bool = False) -> optimizers.Optimizer:
        """Return a new optimizer with the default hyperparameters, or with values near them."""
        if isinstance(self.thing, optimizers.OptimizerRule):
            return self.thing(**(self._near() if moved else {}))
        made: optimizers.Optimizer = example(self.thing, moved) if isinstance(self.thing, type) else again(self.thing)
        return made

    def _near(self) -> dict[str, float]:
        rule = self.thing.rule
        return {
            name: 0.75 * value if value else 0.25
            for name, value in rule.scalar.defaults.items()
            if name in rule.hyperparameters and name != "step"
        }

    def compute(self, dtype: str, count: int) -> list[Tensor]:
        """Return weights and slots after some steps."""
        start, gradients = _problem((count // 5, 5))
        optimizer = self.make()
        weight = Variable(start.astype(dtype), dtype=dtype)
        for gradient in gradients:
            optimizer.apply_gradients([(asarray(gradient.astype(dtype)), weight)])
        return [weight, *optimizer.variables]

    def check_learns(self) -> None:
        """Require that 100 steps come closer to the minimum of a quadratic function."""
        start, _ = _problem((4, 3))
        optimizer, weight = self.make(), Variable(start, dtype="float64")
        for _ in range(100):
            optimizer.apply_gradients([(2.0 * weight, weight)])
        before, after = float(np.sum(start**2)), float(np.sum(np.array(weight.numpy()) ** 2))
        if not after < before:
            hint = "a step has to go against the gradient"
            refuse(f"{self.who} on the sum of w * w", f"less than {before:.4g} after 100 steps", f"{after:.4g}", hint)

    def check_special_values(self) -> None:
        """Require finite results after steps with gradients that are 0 or subnormal, also for weights of 0."""
        for dtype in DTYPES:
            for gradient in (0.0, float(np.finfo(dtype).tiny) / 8):
                optimizer, weight = self.make(), Variable(np.array([0.0, 1.0], dtype), dtype=dtype)
                for _ in range(3):
                    optimizer.apply_gradients([(np.full(2, gradient, dtype), weight)])
                hint = "0 is divided by 0: add an epsilon that the dtype can hold to the divisor"
                for what, result in (("weights", weight), *(("slots", slot) for slot in optimizer.variables)):
                    finite(f"{self.who} in {dtype}, gradients of {gradient:g}", what, result, hint)

    def check_plain_python(self) -> None:
        """Compare compiled weights and slots with the rule in plain Python."""
        optimizer = self.make()
        start, gradients = _problem((40, 5))
        weight = Variable(start, dtype="float64")
        state = [start.ravel(), *(np.zeros(start.size) for _ in optimizer.rule.slots)]
        step = np.vectorize(optimizer.rule.scalar.python, otypes=[float] * len(state))
        for number, gradient in enumerate(gradients, 1):
            optimizer.apply_gradients([(gradient, weight)])
            names = optimizer.rule.hyperparameters
            values = [float(number) if name == "step" else getattr(optimizer, name) for name in names]
            moved = step(state[0], gradient.ravel(), *state[1:], *values)
            state = list(moved) if isinstance(moved, tuple) else [moved]
        received = [np.array(result.numpy()).ravel() for result in (weight, *optimizer.variables)]
        same(f"{self.who} compiled", received, state, "plain Python", *_RULES)

    def check_shapes(self) -> None:
        """Check empty, rank 0 and rank 3 weights. Elements must not affect each other."""
        for shape in ((), (0,), (0, 3), (1,), (2, 3, 2)):
            start, gradients = _problem(shape)
            together, alone = self.make(), self.make()
            weight, flat = Variable(start, dtype="float64"), Variable(start.ravel(), dtype="float64")
            for gradient in gradients:
                together.apply_gradients([(gradient, weight)])
                alone.apply_gradients([(gradient.ravel(), flat)])
            received = np.array(weight.numpy())
            if received.shape != shape:
                refuse(f"{self.who} of a weight of {shape}", f"the shape {shape}", str(received.shape))
            same(
                f"{self.who} of a weight of {shape}", [received.ravel()], [np.array(flat.numpy())], "a vector", *_RULES
            )

    def check_state(self) -> None:
        """Require that an optimizer restored from the state takes the same steps, bit for bit."""
        start, gradients = _problem((4, 3))
        whole, weight = self.make(), Variable(start, dtype="float64")
        first, stopped = self.make(), Variable(start, dtype="float64")
        for gradient in gradients:
            whole.apply_gradients([(gradient, weight)])
        for gradient in gradients[:2]:
            first.apply_gradients([(gradient, stopped)])
        second = self.make()
        second.set_state(first.get_state(), [stopped])
        for gradient in gradients[2:]:
            second.apply_gradients([(gradient, stopped)])
        received, expected = np.array(stopped.numpy()), np.array(weight.numpy())
        hint = "what a step depends on must be a slot, a hyperparameter or the number of the step"
        same(f"{self.who} resumed", [received], [expected], "without a stop", 0, 0, hint)

    def request(self) -> dict[str, Any]:
        """Return the optimizer with hyperparameters other than the defaults, weights and gradients."""
        start, gradients = _problem((4, 3))
        hyperparameters = self._near() if isinstance(self.thing, optimizers.OptimizerRule) else {}
        return self.recipe(hyperparameters) | {"arrays": [start, *gradients]}

    def built(self) -> Any:
        """Return the optimizer that `request` describes."""
        return self.make(moved=True)


def _problem(shape: tuple[int, ...]) -> tuple[Array, list[Array]]:
    """Return weights, and the gradients of some steps."""
    rng = np.random.default_rng(0)
    return rng.normal(0, 1, shape), [np.asarray(rng.normal(0, 0.5, shape)) for _ in range(_STEPS)]


def check_optimizer(optimizer: Any) -> Report:
    """Run all checks of optimizers that tensorlab's own optimizers pass.

    On every available backend, in float32 and float64, they compare results with the reference backend; the compiled
    step and slots with plain Python; results for gradients of 0 and for weights of every shape, after restoring the
    state, in another process, and for one and two threads; and the step must descend a quadratic function.

    Args:
        optimizer: a registered name, an `OptimizerRule`, a subclass of `Optimizer`, or an optimizer, whose arguments
            are used and whose state is not changed.

    Returns:
        the report.

    Raises:
        ConformanceError: (an AssertionError) if a check failed. It names the check, what was expected, and what to do.
        UnknownNameError: for a name that is not registered.
        ArgumentTypeError: for anything that is not an optimizer.

    Example:
        >>> tl.testing.check_optimizer("sgd").passed
        True
    """
    return OptimizerSubject(optimizer).report()
