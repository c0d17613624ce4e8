"""Conformance checks of optimizers."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorlab import optimizers
from tensorlab.tensor import Tensor, asarray
from tensorlab.testing.examples import example, reconstruct
from tensorlab.testing.report import Check, Report, fail
from tensorlab.testing.subject import DTYPES, Array, Subject, require_close, require_finite
from tensorlab.variable import Variable

_STEPS = 5

_TOLERANCES = (1e-9, 1e-12)
"""The relative and absolute tolerance between results that differ only by rounding."""


_OF_RULES = ("plain Python", "shapes")
"""The checks of optimizers whose steps depend on nothing but the rule for one number."""


class OptimizerSubject(Subject):
    """Check an `OptimizerRule`, a subclass of `Optimizer`, or an optimizer, without a change of its state."""

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

    def checks(self) -> list[Check]:
        """Return the checks of the headings, without those of rules for an optimizer of whole weights."""
        found = super().checks()
        return (
            found
            if getattr(self.thing, "elementwise", True)
            else [each for each in found if each.heading not in _OF_RULES]
        )

    def make(self, changed: bool = False) -> optimizers.Optimizer:
        """Return a new optimizer with the default hyperparameters or, if ``changed``, with values near them."""
        if isinstance(self.thing, optimizers.OptimizerRule):
            return self.thing(**(self._near() if changed else {}))
        made: optimizers.Optimizer = (
            example(self.thing, changed) if isinstance(self.thing, type) else reconstruct(self.thing)
        )
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
        """Require that 100 steps approach the minimum of a quadratic function."""
        start, _ = _problem((4, 3))
        optimizer, weight = self.make(), Variable(start, dtype="float64")
        for _ in range(100):
            optimizer.apply_gradients([(2.0 * weight, weight)])
        before, after = float(np.sum(start**2)), float(np.sum(np.array(weight.numpy()) ** 2))
        if not after < before:
            hint = "a step must go against the gradient"
            fail(f"{self.who} on the sum of w * w", f"less than {before:.4g} after 100 steps", f"{after:.4g}", hint)

    def check_special_values(self) -> None:
        """Require finite results after steps with gradients that are 0 or subnormal, also for weights of 0."""
        for dtype in DTYPES:
            for gradient in (0.0, float(np.finfo(dtype).tiny) / 8):
                optimizer, weight = self.make(), Variable(np.array([0.0, 1.0], dtype), dtype=dtype)
                for _ in range(3):
                    optimizer.apply_gradients([(np.full(2, gradient, dtype), weight)])
                hint = "0 is divided by 0: add an epsilon that the dtype can hold to the divisor"
                for what, result in (("weights", weight), *(("slots", slot) for slot in optimizer.variables)):
                    require_finite(f"{self.who} in {dtype}, gradients of {gradient:g}", what, result, hint)

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
            results = step(state[0], gradient.ravel(), *state[1:], *values)
            state = list(results) if isinstance(results, tuple) else [results]
        received = [np.array(result.numpy()).ravel() for result in (weight, *optimizer.variables)]
        require_close(f"{self.who} compiled", received, state, "plain Python", *_TOLERANCES)

    def check_shapes(self) -> None:
        """Compare empty, rank 0 and rank 3 weights with vectors of their elements."""
        for shape in ((), (0,), (0, 3), (1,), (2, 3, 2)):
            start, gradients = _problem(shape)
            of_weight, of_flat = self.make(), self.make()
            weight, flat = Variable(start, dtype="float64"), Variable(start.ravel(), dtype="float64")
            for gradient in gradients:
                of_weight.apply_gradients([(gradient, weight)])
                of_flat.apply_gradients([(gradient.ravel(), flat)])
            received = np.array(weight.numpy())
            if received.shape != shape:
                fail(f"{self.who} of a weight of {shape}", f"the shape {shape}", str(received.shape))
            expected = np.array(flat.numpy())
            require_close(
                f"{self.who} of a weight of {shape}", [received.ravel()], [expected], "a vector", *_TOLERANCES
            )

    def check_state(self) -> None:
        """Require that an optimizer restored from the state takes the same steps, bit for bit."""
        start, gradients = _problem((4, 3))
        uninterrupted, weight = self.make(), Variable(start, dtype="float64")
        first, resumed = self.make(), Variable(start, dtype="float64")
        for gradient in gradients:
            uninterrupted.apply_gradients([(gradient, weight)])
        for gradient in gradients[:2]:
            first.apply_gradients([(gradient, resumed)])
        second = self.make()
        second.set_state(first.get_state(), [resumed])
        for gradient in gradients[2:]:
            second.apply_gradients([(gradient, resumed)])
        received, expected = np.array(resumed.numpy()), np.array(weight.numpy())
        hint = "what a step depends on must be a slot, a hyperparameter or the number of the step"
        require_close(f"{self.who} resumed", [received], [expected], "without an interruption", 0, 0, hint)

    def request(self) -> dict[str, Any]:
        """Return the optimizer with hyperparameters other than the defaults, weights and gradients."""
        start, gradients = _problem((4, 3))
        hyperparameters = self._near() if isinstance(self.thing, optimizers.OptimizerRule) else {}
        return self.recipe(hyperparameters) | {"arrays": [start, *gradients]}

    def built(self) -> Any:
        """Return the optimizer that `request` describes."""
        return self.make(changed=True)


def _problem(shape: tuple[int, ...]) -> tuple[Array, list[Array]]:
    """Return weights, and the gradients of some steps."""
    rng = np.random.default_rng(0)
    return rng.normal(0, 1, shape), [np.asarray(rng.normal(0, 0.5, shape)) for _ in range(_STEPS)]


def check_optimizer(optimizer: Any) -> Report:
    """Run all checks that tensorlab's own optimizers pass.

    - Every available backend gives the results of the reference backend, in float32 and float64.
    - Weights and slots agree with those of the rule in plain Python.
    - Steps descend a quadratic function.
    - Results are finite for gradients of 0, and correct for weights of every shape.
    - Results are the same after restoring the state, in another process, and for one and two threads.

    Args:
        optimizer: a registered name, an `OptimizerRule`, a subclass of `Optimizer`, or an optimizer. The checks use new
            optimizers with its arguments, and do not change its state.

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
