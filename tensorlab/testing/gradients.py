"""`check_gradients`: compare the gradients of a function with central differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from tensorlab import dtypes, ops
from tensorlab.autodiff import Tape, no_grad
from tensorlab.devices import device
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, GradientError, ShapeError, short_repr
from tensorlab.tensor import Tensor, asarray

Array = np.ndarray[Any, Any]


def check_gradients(
    fn: Callable[..., Any],
    inputs: Any,
    order: int = 2,
    *,
    tolerance: float = 1e-6,
    step: float = 1e-3,
    seed: int | None = None,
) -> None:
    """Compare the gradients of a function with fourth-order central differences, in float64.

    Every element of the gradients of ``Σ c · fn(*inputs)`` is compared, where ``c`` is a random cotangent of the shape
    of the result. For each higher order, ``fn`` is replaced by the gradients of ``Σ c · fn(*inputs)²``, and compared
    again. The square keeps the gradients of a linear function from being constant.

    Args:
        fn: a function from float64 tensors to one of any shape. It is called about ``4 n`` times for ``n`` elements,
            and about ``4 n`` times with a tape for each further order. Choose small inputs away from kinks, as a
            difference across a kink is not the derivative on either side.
        inputs: an array, tensor or number, or a list or tuple of them, one for each argument; converted to float64.
        order: the highest order of derivatives.
        tolerance: the largest error, relative to the largest element of the gradient, or absolute if that is below 1.
        step: the step of the differences: each element is changed by ``±step`` and by ``±2 step``.
        seed: the seed of the random cotangent; None for a new one each time.

    Raises:
        GradientError: (an AssertionError) for a gradient that is None, of another shape or dtype than its input, not
            finite, or wrong. It names the worst element: order, input, index, both values, the tolerance.
        ArgumentTypeError: if ``fn`` is not a function, or does not return a tensor.
        ArgumentError: for an order below 1, or a tolerance or step that is not above 0.
        DTypeError: if ``fn`` does not return float64, or an input does not consist of numbers.
        ShapeError: if there are no inputs.

    Example:
        >>> import numpy as np
        >>> tl.testing.check_gradients(tl.matmul, [np.ones((2, 3)), np.ones((3, 2))])
    """
    compare_gradients(fn, fn, None, inputs, order, tolerance, step, seed)


def compare_gradients(
    fn: Callable[..., Any],
    same: Callable[..., Any],
    on: str | None,
    inputs: Any,
    order: int = 2,
    tolerance: float = 1e-6,
    step: float = 1e-3,
    seed: int | None = None,
) -> None:
    """Compare the gradients of a function with differences of one that computes the same, perhaps on another device.

    Args:
        fn: the function whose gradients are compared.
        same: the function whose differences are taken.
        on: the device for ``same``; None for the current one.
        inputs: as in `check_gradients`, which also describes the errors.
        order: as in `check_gradients`.
        tolerance: as in `check_gradients`.
        step: as in `check_gradients`.
        seed: as in `check_gradients`.
    """
    if not callable(fn):
        raise ArgumentTypeError("check_gradients", "a function", type(fn).__name__)
    if not isinstance(order, int) or order < 1:
        raise ArgumentError("check_gradients", "an order of 1 or more", short_repr(order))
    for name, value in (("tolerance", tolerance), ("step", step)):
        if not value > 0:
            raise ArgumentError("check_gradients", f"a {name} above 0", short_repr(value))
    given = inputs if isinstance(inputs, (list, tuple)) else [inputs]
    if not given:
        raise ShapeError("check_gradients", "at least one input", "none")
    arrays = [asarray(value, dtype="float64").numpy() for value in given]  # keep their memory layouts
    rng = np.random.default_rng(seed)
    for current in range(1, order + 1):
        _check_order(current, fn, _on(on, same), arrays, tolerance, step, rng)
        cotangent: list[Array] = []
        fn, same = (_gradients_of_square(each, rng, cotangent) for each in (fn, same))


def _on(name: str | None, fn: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of arrays that calls a function of tensors on a device."""

    def call(*arrays: Array) -> Any:
        with nullcontext() if name is None else device(name), no_grad():
            return fn(*map(asarray, arrays))

    return call


def _check_order(
    order: int,
    fn: Callable[..., Any],
    same: Callable[..., Any],
    arrays: list[Array],
    tolerance: float,
    step: float,
    rng: np.random.Generator,
) -> None:
    """Compare the gradients of ``fn``, which computes derivatives of the order below ``order``, with differences.

    The differences are those of ``same``, which computes the same from arrays.
    """
    tensors = [asarray(array) for array in arrays]
    with Tape(watch_variables=False) as tape:
        tape.track(tensors)
        result = _checked_result(fn(*tensors))
    cotangent = rng.standard_normal(result.shape)
    found = tape.backward([(result.key, asarray(cotangent))], [tensor.key for tensor in tensors], keep=False)

    def value(*inputs: Array) -> float:
        return float(np.sum(same(*inputs).numpy() * cotangent))

    for position, (tensor, array) in enumerate(zip(tensors, arrays, strict=True)):
        who = f"check_gradients: order {order}, input {position}"
        gradient = found.get(tensor.key)
        if gradient is None:
            hint = "no recorded operation connects them: NumPy and .numpy() are not recorded"
            raise GradientError(who, "a gradient", "None", hint)
        if gradient.shape != array.shape or gradient.dtype != dtypes.float64:
            received = f"{gradient.dtype} of shape {gradient.shape}"
            raise GradientError(who, f"a gradient of float64 and shape {array.shape}", received)
        _compare(who, gradient.numpy(), _differences(value, arrays, position, step), tolerance)


def _gradients_of_square(
    fn: Callable[..., Any], rng: np.random.Generator, cotangent: list[Array]
) -> Callable[..., Tensor]:
    """Return a function that computes the gradients of ``Σ c · fn²`` with respect to all inputs, as one vector.

    The cotangent ``c`` is drawn in the first call, which tells its shape, and kept in the list.
    """

    def gradients(*tensors: Tensor) -> Tensor:
        with Tape(watch_variables=False) as tape:
            tape.track(tensors)
            square = ops.square(fn(*tensors))
        if not cotangent:
            cotangent.append(rng.standard_normal(square.shape))
        found = tape.backward([(square.key, asarray(cotangent[0]))], [tensor.key for tensor in tensors], keep=False)
        return ops.concat([ops.reshape(found[tensor.key], (-1,)) for tensor in tensors])

    return gradients


def _checked_result(result: Any) -> Tensor:
    if not isinstance(result, Tensor):
        raise ArgumentTypeError("check_gradients", "a function that returns a tensor", type(result).__name__)
    if result.dtype != dtypes.float64:
        hint = "compute in the dtype of the arguments"
        raise DTypeError("check_gradients", "a function that returns float64 for float64", str(result.dtype), hint)
    return result


def _differences(value: Callable[..., float], arrays: Sequence[Array], which: int, step: float) -> Array:
    """Return the central differences of ``value`` with respect to each element of the argument ``which``."""
    slopes = np.empty(arrays[which].shape)
    changed = [np.array(array) for array in arrays]

    def at(position: tuple[int, ...], distance: float) -> float:
        changed[which][position] = arrays[which][position] + distance
        return value(*map(np.array, changed))

    for position in np.ndindex(slopes.shape):
        near = at(position, step) - at(position, -step)
        far = at(position, 2 * step) - at(position, -2 * step)
        slopes[position] = (8 * near - far) / (12 * step)
        changed[which][position] = arrays[which][position]
    return slopes


def _compare(who: str, gradient: Array, slopes: Array, tolerance: float) -> None:
    """Raise if an error is above the tolerance or not finite, and name the element with the largest error."""
    if not gradient.size:
        return
    allowed = tolerance * max(1.0, float(np.max(np.abs(slopes))))
    with np.errstate(invalid="ignore"):
        excess = np.abs(gradient - slopes) / allowed
    excess = np.where(np.isfinite(excess), excess, np.inf)
    worst = np.unravel_index(int(np.argmax(excess)), excess.shape)
    if excess[worst] > 1:
        where = f"at {tuple(map(int, worst))}" if worst else "of a number"
        raise GradientError(
            f"{who}, the gradient {where}",
            f"{slopes[worst]:.9g} from central differences",
            f"{gradient[worst]:.9g}",
            f"they differ by {abs(gradient[worst] - slopes[worst]):.2g}, the tolerance is {allowed:.2g}; "
            f"{int(np.sum(excess > 1))} of {excess.size} elements are off",
        )
