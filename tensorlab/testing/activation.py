"""Conformance checks of activations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorlab import activations, layers, ops
from tensorlab.autodiff import Tape
from tensorlab.devices import device
from tensorlab.errors import GradientError
from tensorlab.ops.lift import Elementwise
from tensorlab.serialization import serialize
from tensorlab.tensor import Tensor, asarray
from tensorlab.testing.gradients import check_gradients
from tensorlab.testing.report import NotApplicableError, Report, fail
from tensorlab.testing.subject import DTYPES, Array, Subject, plain_value, require_close, require_finite

_SLOPES_AT = np.array([[-4.317, -1.873, -0.831], [0.373, 1.313, 2.711]])
"""The points at which gradients are compared. They avoid values at which functions usually have kinks."""

_SUBNORMAL = {"float32": 1e-40, "float64": 1e-310}

_TOLERANCES = (1e-9, 1e-12)
"""The relative and absolute tolerance between results that differ only by rounding."""


class ActivationSubject(Subject):
    """Check an `Activation`, or a function from a tensor to a tensor of the same shape."""

    kind = "activation"
    headings = ("backends", "dtypes", "gradients", "special values", "plain Python", "shapes", "config", "determinism")

    @property
    def call(self) -> Callable[[Any], Tensor]:
        """The activation as a function of tensors."""
        return activations.get(self.thing)

    @property
    def scalar(self) -> Callable[..., Any]:
        """The plain Python function of a number from which it is lifted."""
        if not isinstance(self.thing, Elementwise):
            raise NotApplicableError("it is a function of tensors, not one of numbers")
        return self.thing.scalar.python

    def compute(self, dtype: str, count: int) -> list[Tensor]:
        """Compute values and derivatives."""
        return self._values_and_slopes(np.linspace(-6.13, 6.07, count).reshape(-1, 10).astype(dtype))

    def wide(self, dtype: str) -> list[Tensor]:
        """Compute values and derivatives from 1e-3 to 100."""
        magnitudes = np.geomspace(1e-3, 100.0, 40)
        return self._values_and_slopes(np.stack([magnitudes, -magnitudes], axis=1).astype(dtype))

    def _values_and_slopes(self, array: Array) -> list[Tensor]:
        x = asarray(array)
        with Tape(watch_variables=False) as tape:
            tape.track([x])
            result = self.call(x)
        cotangent = asarray(np.linspace(0.5, 1.5, result.size).reshape(result.shape).astype(result.dtype))
        found = tape.backward([(result.key, cotangent)], [x.key], keep=False)
        return [result, found[x.key]] if x.key in found else [result]

    def check_gradients(self) -> None:
        """Compare gradients with central differences, to second order."""
        with device("reference"):
            try:
                check_gradients(self.call, _SLOPES_AT, seed=0)
            except GradientError:
                if not self._is_constant_between_jumps():
                    raise
                raise NotApplicableError(
                    "it is constant between its jumps: its slope is a surrogate, taken as it is"
                ) from None

    def _is_constant_between_jumps(self) -> bool:
        steps = [np.array(self.call(asarray(_SLOPES_AT + step)).numpy()) for step in (-1e-4, 0.0, 1e-4)]
        return all(np.array_equal(step, steps[0]) for step in steps)

    def check_special_values(self) -> None:
        """Require finite values and derivatives at 0, and no NaN where the plain function gives a number."""
        for dtype in DTYPES:
            self._check_zero(dtype)
            if isinstance(self.thing, Elementwise):
                self._check_far(dtype)

    def _check_far(self, dtype: str) -> None:
        large = np.sqrt(np.finfo(dtype).max) / 10  # its square is finite, as in plain Python
        points = np.array([np.inf, -np.inf, large, -large, 1e4, -1e4], dtype)
        for x, y in zip(points, np.array(self.call(asarray(points)).numpy()), strict=True):
            expected = plain_value(self.scalar, float(x))
            if expected is not None and not np.isnan(expected) and np.isnan(y):
                hint = "the kernel overflows where the plain function does not: compute it in another order"
                fail(f"{self.who} in {dtype} at {x:g}", f"{expected:g}, as in plain Python", "nan", hint)

    def _check_zero(self, dtype: str) -> None:
        points = np.array([[0.0, -0.0, _SUBNORMAL[dtype], -_SUBNORMAL[dtype]]], dtype)
        hint = "inputs of 0 are common in training: add a branch, or a series, around 0"
        for what, result in zip(("values", "slopes"), self._values_and_slopes(points), strict=False):
            require_finite(f"{self.who} in {dtype} at 0 and {_SUBNORMAL[dtype]:g}", what, result, hint)

    def check_plain_python(self) -> None:
        """Compare the compiled function with the plain Python function."""
        rng = np.random.default_rng(0)
        points = np.concatenate([np.linspace(-20, 20, 801), rng.normal(0, 3, 800), rng.normal(0, 100, 400)])
        compared = [(x, y) for x in points if (y := plain_value(self.scalar, float(x))) is not None]
        if not compared:
            fail(f"{self.who} in plain Python", "a number at some point from -20 to 20", "an exception at each")
        x, expected = (np.array(column) for column in zip(*compared, strict=True))
        received = [np.array(self.call(asarray(x)).numpy())]
        require_close(f"{self.who} compiled", received, [expected], "plain Python", *_TOLERANCES)

    def check_shapes(self) -> None:
        """Require that empty, rank 0 and strided inputs keep their shape and that elements are independent."""
        whole = np.random.default_rng(0).normal(0, 2, (4, 6))
        cases: dict[str, Any] = {
            "empty": asarray(np.empty((0, 3))),
            "of rank 3": asarray(whole.reshape(2, 4, 3)),
            "one row": asarray(whole[:1]),
            "strided": asarray(whole)[:, ::2],
            "backwards": asarray(whole)[::-1],
            "transposed": ops.matrix_transpose(asarray(whole)),
            "of a broadcast row": ops.broadcast_to(asarray(whole[0]), (3, 6)),
        }
        if isinstance(self.thing, Elementwise):
            cases["of rank 0"] = asarray(np.float64(0.7))
        for words, x in cases.items():
            result = np.array(self.call(x).numpy())
            copy = np.array(x.numpy(), order="C")
            expected = np.array(self.call(asarray(copy)).numpy())
            if result.shape != copy.shape:
                fail(f"{self.who} of an input {words}", f"the input's shape {copy.shape}", str(result.shape))
            require_close(f"{self.who} of an input {words}", [result], [expected], "a contiguous copy", *_TOLERANCES)
            if isinstance(self.thing, Elementwise) and copy.size:
                flat = np.array(self.call(asarray(copy.ravel())).numpy()).reshape(copy.shape)
                require_close(
                    f"{self.who} of an input {words}", [result], [flat], "a vector of its elements", *_TOLERANCES
                )

    def request(self) -> dict[str, Any]:
        """Return the config of a layer that uses this activation by name, and arrays."""
        assert self.entry is not None
        rng = np.random.default_rng(0)
        arrays = [rng.normal(0, 2, shape).astype("float32") for shape in ((4, 3), (3, 5), (5,))]
        return {"kind": "layer", "config": serialize(self.built()), "arrays": arrays}

    def built(self) -> Any:
        """Return the layer that `request` describes."""
        assert self.entry is not None
        return layers.Dense(5, activation=f"{self.entry.distribution}:{self.entry.name}")


def check_activation(activation: Any) -> Report:
    """Run all checks that tensorlab's own activations pass.

    - Every available backend gives the results of the reference backend, in float32 and float64.
    - Gradients agree with central differences, to second order.
    - The compiled function agrees with plain Python.
    - Results are finite at 0, and correct for empty, rank 0 and strided inputs.
    - Results are the same in another process, from repeated calls, and for one and two threads.

    Args:
        activation: a registered name, an `Activation`, or a function from a tensor to a tensor of its shape.

    Returns:
        the report.

    Raises:
        ConformanceError: (an AssertionError) if a check failed. It names the check, what was expected, and what to do.
        UnknownNameError: for a name that is not registered.
        ArgumentTypeError: for anything that is not an activation.

    Example:
        >>> print(tl.testing.check_activation("relu"))
        activation 'relu', backends: passed
        activation 'relu', dtypes: passed
        ...
        activation 'relu': 8 passed
    """
    return ActivationSubject(activation).report()
