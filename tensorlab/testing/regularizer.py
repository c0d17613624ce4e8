"""Conformance checks of regularizers."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorlab import ops
from tensorlab.autodiff import Tape
from tensorlab.devices import device
from tensorlab.regularizers import Regularizer
from tensorlab.tensor import Tensor, asarray
from tensorlab.testing.examples import example, reconstruct
from tensorlab.testing.gradients import check_gradients
from tensorlab.testing.report import fail
from tensorlab.testing.subject import DTYPES, Array, Subject, require_finite

_WEIGHT = np.array([[-1.873, -0.831, 0.373], [1.313, 2.711, -0.117]])
"""A weight without zeros, because penalties have kinks there."""


class RegularizerSubject(Subject):
    """Check a regularizer or a subclass of `Regularizer`."""

    kind = "regularizer"
    headings = ("backends", "dtypes", "gradients", "special values", "shapes", "config", "determinism")

    def make(self) -> Regularizer:
        """Return an object with arguments that differ from the defaults."""
        made: Regularizer = (
            example(self.thing, changed=True) if isinstance(self.thing, type) else reconstruct(self.thing)
        )
        return made

    def compute(self, dtype: str, count: int) -> list[Tensor]:
        """Compute the penalty of a weight and its gradient."""
        rng = np.random.default_rng(0)
        return self._cost_and_slope(rng.normal(0, 1, (count // 5, 5)).astype(dtype))

    def _cost_and_slope(self, array: Array) -> list[Tensor]:
        weight = asarray(array)
        with Tape(watch_variables=False) as tape:
            tape.track([weight])
            cost = self.make()(weight)
        found = tape.backward([(cost.key, ops.ones_like(cost))], [weight.key], keep=False)
        return [cost, found[weight.key]] if weight.key in found else [cost]

    def check_gradients(self) -> None:
        """Compare gradients with central differences, to second order."""
        with device("reference"):
            check_gradients(self.make(), _WEIGHT, seed=0)

    def check_special_values(self) -> None:
        """Require a finite penalty and gradient for a weight of 0, the usual start of biases."""
        for dtype in DTYPES:
            for what, result in zip(("costs", "slopes"), self._cost_and_slope(np.zeros((2, 3), dtype)), strict=False):
                require_finite(f"{self.who} in {dtype} of a weight of 0", what, result, "add a branch or an epsilon")

    def check_shapes(self) -> None:
        """Require one number for every shape of the weight."""
        rng = np.random.default_rng(0)
        for shape in ((), (3,), (2, 3), (3, 3, 2, 4)):
            received = self.make()(asarray(rng.normal(0, 1, shape))).shape
            if received != ():
                hint = "sum the penalties of the elements: tl.sum(...)"
                fail(f"{self.who} of a weight of {shape}", "a number, of shape ()", f"the shape {received}", hint)

    def request(self) -> dict[str, Any]:
        """Return the config of the regularizer, and a weight."""
        return self.recipe({}) | {"arrays": [_WEIGHT]}

    def built(self) -> Any:
        """Return the regularizer that `request` describes."""
        return self.make()
