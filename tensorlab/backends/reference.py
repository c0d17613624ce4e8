"""The reference backend: the definition of every loop kind, in plain Python on Python numbers.

It is slow, short, and compiles nothing. The other backends are tested against it, and it runs under a debugger.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorlab.backends import checks
from tensorlab.backends.host import Array, apart, writable
from tensorlab.backends.reference_windows import WindowDefinitions
from tensorlab.dtypes import DType
from tensorlab.host_arrays import cast
from tensorlab.rules import Reduction, Rowwise, Scan
from tensorlab.scalars import ScalarFunction, emit
from tensorlab.scalars.vocabulary import NUMPY
from tensorlab.shapes import Shape

_NUMPYS: dict[str, object] = {
    spelling.removeprefix("math."): getattr(np, name) for name, spelling in NUMPY.items() if "math." in spelling
} | {"pow": np.power}


@functools.cache
def _ieee(function: ScalarFunction, real: str = "float64") -> Any:
    """Return the function for NumPy scalars, which follow IEEE 754 instead of raising: 1 / 0 is inf, log(0) is -inf."""
    source, namespace = emit(function, real, _NUMPYS)
    namespace["jit"] = lambda definition: definition
    exec(source, namespace)
    return namespace["scalar"]


def _silent(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call the function without NumPy's floating-point warnings."""
    with np.errstate(all="ignore"):
        return function(*arguments)


def _call(function: ScalarFunction, *arguments: Any) -> Any:
    """Call the function in plain Python, and by IEEE 754 if Python raises."""
    try:
        return function.python(*arguments)
    except (ArithmeticError, ValueError):
        pass
    try:
        return _silent(_ieee(function), *map(np.float64, arguments))
    except OverflowError:  # from one of the few functions that NumPy lacks
        return float("inf")
    except ValueError:
        return float("nan")


def _applied(function: ScalarFunction, compute: DType) -> Callable[..., Any]:
    """Return the function for arguments of a dtype: plain Python, unless its value depends on the dtype.

    Integers of functions with loops wrap around as on a processor; Python's integers could grow without bound.
    """
    if compute.kind in "iu" and function.loops:
        wide = np.uint64 if compute == np.uint64 else np.int64
        return lambda *arguments: _silent(_ieee(function, compute.name), *map(wide, arguments))
    if compute.kind == "f" and function.depends_on_format:
        return lambda *arguments: _silent(_ieee(function, compute.name), *map(compute.type, arguments))
    return functools.partial(_call, function)


def _stored(value: Any, dtype: DType) -> Any:
    """Convert a number as a kernel stores it: integers wrap around, and a real number that is too large is infinite."""
    if dtype.kind in "iu":
        if isinstance(value, (float, np.floating)):
            return cast(np.asarray(value), dtype)[()]
        return np.array(int(value) & (1 << 64) - 1, np.uint64).astype(dtype)
    with np.errstate(over="ignore"):
        return dtype.type(value)


class ReferenceBackend(WindowDefinitions):
    """A backend of plain loops over Python numbers."""

    name = "reference"

    def map(
        self, function: ScalarFunction, compute: DType, inputs: Sequence[DType], outputs: Sequence[DType]
    ) -> Callable[..., Any]:
        """Return a function that computes one element after another."""
        who = f"map {function.name!r}"
        checks.check_function(who, function, len(inputs), len(outputs))

        def run(shape: Shape, *buffers: Array) -> Any:
            checks.check_inputs(who, np.ndarray, buffers, inputs, shape)
            spread = [cast(np.broadcast_to(x, shape), compute) for x in buffers]
            results = tuple(np.empty(shape, dtype) for dtype in outputs)
            apply = _applied(function, compute)
            for position in np.ndindex(*shape):
                value = apply(*(x[position].item() for x in spread))
                for result, part in zip(results, value if len(results) > 1 else (value,), strict=True):
                    result[position] = _stored(part, result.dtype)
            return results if len(results) > 1 else results[0]

        return run

    def reduce(
        self, rule: Reduction, compute: DType, input: DType, output: DType
    ) -> Callable[[Array, tuple[int, ...] | None], Array]:
        """Return a function that combines the elements in order, from the first to the last."""

        def run(buffer: Array, axes: tuple[int, ...] | None) -> Array:
            who = f"reduce {rule.name!r}"
            checks.check_buffer(who, np.ndarray, buffer, input)
            reduced = tuple(range(buffer.ndim)) if axes is None else axes
            checks.check_axes(who, buffer.ndim, reduced)
            kept = [axis for axis in range(buffer.ndim) if axis not in reduced]
            ordered = cast(buffer, compute).transpose((*kept, *reduced))
            result = np.empty(ordered.shape[: len(kept)], output)
            for position in np.ndindex(*result.shape):
                elements = ordered[position].ravel().tolist()
                total = _call(rule.element, elements[0]) if elements else rule.initial
                for element in elements[1:]:
                    total = _call(rule.combine, total, _call(rule.element, element))
                value = total if rule.result is None else _call(rule.result, total, float(len(elements)))
                result[position] = _stored(value, output)
            return result

        return run

    def arg_reduce(self, rule: str, buffer: Array) -> Array:
        """Return NumPy's argmax or argmin, which choose the first of equal elements and treat NaN as extreme."""
        checks.check_extremes(np.ndarray, rule, buffer)
        return np.asarray((np.argmax if rule == "max" else np.argmin)(buffer, axis=-1), np.int64)

    def rowwise(self, rule: Rowwise, inputs: Sequence[Array]) -> Array:
        """Compute one row after another."""
        checks.check_rowwise(rule, np.ndarray, inputs)
        result = np.empty_like(inputs[0])
        for position in np.ndindex(*result.shape[:-1]):
            rows = list(zip(*(x[position].tolist() for x in inputs), strict=True))
            totals: list[float] = []
            kept: list[float] = []
            for combine, element in rule.reductions:
                kept = [_call(element, *values, *totals) for values in rows]
                total = kept[0] if kept else 0.0
                for value in kept[1:]:
                    total = _call(combine, total, value)
                totals.append(total)
            for column, (value, values) in enumerate(zip(kept, rows, strict=True)):
                result[(*position, column)] = _stored(_call(rule.output, value, *values, *totals), result.dtype)
        return result

    def scan(self, rule: Scan, inputs: Sequence[Array], compute: DType, output: DType) -> Array:
        """Scan one row after another, in order."""
        checks.check_scan(rule, np.ndarray, inputs)
        converted = [cast(x, compute) for x in inputs]
        result = np.empty(inputs[0].shape, output)
        for position in np.ndindex(*result.shape[:-1]):
            state: tuple[Any, ...] = rule.initial
            for column, values in enumerate(zip(*(x[position].tolist() for x in converted), strict=True)):
                after = _call(rule.step, *state, *values)
                state = after if len(state) > 1 else (after,)
                result[(*position, column)] = _stored(_call(rule.result, *state), output)
        return result

    def matmul(
        self,
        a: Array,
        b: Array,
        epilogue: ScalarFunction | None = None,
        operands: Sequence[Array] = (),
        keep: bool = False,
    ) -> tuple[Array, Array | None]:
        """Multiply rows by columns, one element of the result after another."""
        checks.check_product(np.ndarray, a, b, epilogue, operands)
        *stack, rows, _ = a.shape
        product = np.zeros((*stack, rows, b.shape[-1]), a.dtype)
        for position in itertools.product(*map(range, product.shape)):
            leading, row, column = position[:-2], position[-2], position[-1]
            left, right = a[leading][row].tolist(), b[leading][:, column].tolist()
            total = sum(x * y for x, y in zip(left, right, strict=True))
            product[position] = _stored(total, a.dtype)
        if epilogue is None:
            return product, product if keep else None
        finish = self.map(epilogue, a.dtype, [a.dtype] * (1 + len(operands)), [a.dtype])
        return finish(product.shape, product, *operands), product if keep else None

    def update(
        self, function: ScalarFunction, groups: Sequence[Sequence[Array]], hyperparameters: Sequence[float]
    ) -> None:
        """Update one element after another."""
        checks.check_update(np.ndarray, writable, function, groups, hyperparameters)
        for arrays in groups:
            weight, gradient, *slots = arrays
            arrays = (weight, apart(gradient, weight).reshape(weight.shape), *slots)
            for position in np.ndindex(*weight.shape):
                values = _call(function, *(x[position].item() for x in arrays), *map(float, hyperparameters))
                for target, value in zip((weight, *slots), values if slots else (values,), strict=True):
                    target[position] = _stored(value, target.dtype)
