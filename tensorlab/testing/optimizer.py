"""The checks of an optimizer."""

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
    """An `OptimizerRule`, a subclass of `Optimizer` or an optimizer, whose own state is left alone."""

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
        """A new one with the default hyperparameters, or with others near them."""
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
        """Weights and slots after some steps."""
        start, gradients = _problem((count // 5, 5))
        optimizer = self.make()
        weight = Variable(start.astype(dtype), dtype=dtype)
        for gradient in gradients:
            optimizer.apply_gradients([(asarray(gradient.astype(dtype)), weight)])
        return [weight, *optimizer.variables]

    def check_learns(self) -> None:
        """In 100 steps it comes nearer to the minimum of a bowl."""
        start, _ = _problem((4, 3))
        optimizer, weight = self.make(), Variable(start, dtype="float64")
        for _ in range(100):
            optimizer.apply_gradients([(2.0 * weight, weight)])
        before, after = float(np.sum(start**2)), float(np.sum(np.array(weight.numpy()) ** 2))
        if not after < before:
            hint = "the gradient points uphill: a step goes against it"
            refuse(f"{self.who} on the sum of w * w", f"less than {before:.4g} after 100 steps", f"{after:.4g}", hint)

    def check_special_values(self) -> None:
        """Finite after steps with gradients that are 0 or subnormal, weights of 0 included."""
        for dtype in DTYPES:
            for gradient in (0.0, float(np.finfo(dtype).tiny) / 8):
                optimizer, weight = self.make(), Variable(np.array([0.0, 1.0], dtype), dtype=dtype)
                for _ in range(3):
                    optimizer.apply_gradients([(np.full(2, gradient, dtype), weight)])
                hint = "0 is divided by 0: add an epsilon that the dtype can hold to the divisor"
                for what, result in (("weights", weight), *(("slots", slot) for slot in optimizer.variables)):
                    finite(f"{self.who} in {dtype}, gradients of {gradient:g}", what, result, hint)

    def check_plain_python(self) -> None:
        """Compiled, weights and slots are what the rule gives in plain Python, number by number."""
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
        """Weights that are empty, of rank 0 and of rank 3: each number is stepped by itself."""
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
        """Stopped, and gone on with by another one from its state, it takes the same steps to the last bit."""
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
        """The optimizer with other hyperparameters than its defaults, weights and gradients."""
        start, gradients = _problem((4, 3))
        hyperparameters = self._near() if isinstance(self.thing, optimizers.OptimizerRule) else {}
        return self.recipe(hyperparameters) | {"arrays": [start, *gradients]}

    def built(self) -> Any:
        """That optimizer."""
        return self.make(moved=True)


def _problem(shape: tuple[int, ...]) -> tuple[Array, list[Array]]:
    """Weights, and the gradients of some steps."""
    rng = np.random.default_rng(0)
    return rng.normal(0, 1, shape), [np.asarray(rng.normal(0, 0.5, shape)) for _ in range(_STEPS)]


def check_optimizer(optimizer: Any) -> Report:
    """Check an optimizer for everything that tensorlab's own are checked for.

    On every backend there is and in float32 and float64: the same numbers; it finds the minimum of a bowl; finite for
    gradients of 0; compiled as in plain Python, slots included; weights of every shape; resumed from its state, and
    carried into another process with its hyperparameters, to the last bit; the same on any number of threads.

    Args:
        optimizer: a registered name, an `OptimizerRule`, a subclass of `Optimizer`, or an optimizer: others are made
            with its arguments, and its own state is left alone.

    Returns:
        the report.

    Raises:
        ConformanceError: (an AssertionError) if a check failed: it says which, what was expected, and what to do.
        UnknownNameError: for a name that nothing is registered by.
        ArgumentTypeError: for what is no optimizer.
    """
    return OptimizerSubject(optimizer).report()
