"""`Normalization`: features of mean 0 and variance 1, with the statistics of a data set."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np

from tensorlab import dtypes, ops
from tensorlab.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError, short_repr
from tensorlab.host_arrays import host_array
from tensorlab.layers.base import Layer
from tensorlab.ops.lift import elementwise
from tensorlab.shapes import Shape
from tensorlab.tensor import Tensor, asarray

Array = np.ndarray[Any, Any]


@elementwise
def _standardized(x: float, mean: float, variance: float) -> float:
    return (x - mean) / max(math.sqrt(variance), 1e-7)


@elementwise
def _restored(x: float, mean: float, variance: float) -> float:
    return mean + x * max(math.sqrt(variance), 1e-7)


class Normalization(Layer):
    """Compute ``(x - μ) / max(σ, 1e-7)``, with the mean μ and the standard deviation σ of a data set.

    `adapt` computes both; the constructor takes them as well. Training does not change them.

    Args:
        axis: the axis, or several, along which each index has a mean and a variance of its own; None for one mean and
            one variance of all elements.
        mean: the mean, a number or an array of the lengths of the axes; None to compute it in `adapt`.
        variance: the variance, in the same form; None if the mean is None.
        invert: whether to compute ``μ + x · max(σ, 1e-7)`` instead, which undoes the normalization.

    Raises:
        ArgumentError: for an axis that is not an integer, one of mean and variance without the other, shapes of both
            that differ, or a negative variance.
        ShapeError: for inputs without these axes, or of unknown length along one, or to which the mean does not
            broadcast.

    Source: Keras, ``keras.layers.Normalization``.

    Example:
        >>> layer = tl.layers.Normalization()
        >>> layer.adapt(np.array([[0.0, 10.0], [2.0, 30.0]]))
        >>> layer(tl.asarray([[2.0, 20.0]])).tolist()
        [[1.0, 0.0]]
    """

    supports_masking = True
    _takes_one = True

    @property
    def samplewise(self) -> bool:
        """Whether the axes do not include the batch."""
        return all(axis == -1 or axis > 0 for axis in self.axis)

    def __init__(
        self, axis: Any = -1, mean: Any = None, variance: Any = None, invert: bool = False, **options: Any
    ) -> None:
        super().__init__(**options)
        given = () if axis is None else tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
        if any(isinstance(each, bool) or not isinstance(each, int) for each in given):
            raise ArgumentError(f"{self._who} axis", "an integer, several, or None", short_repr(axis))
        self.axis: tuple[int, ...] = given
        self.invert = invert
        self.input_mean = self._given("mean", mean)
        self.input_variance = self._given("variance", variance)
        one, other = self.input_mean, self.input_variance
        if (one is None) != (other is None):
            raise ArgumentError(self._who, "both mean and variance, or none of them", "one of them")
        if one is not None and other is not None and one.shape != other.shape:
            raise ArgumentError(
                self._who, "a mean and a variance of one shape", f"shapes {one.shape} and {other.shape}"
            )
        if other is not None and np.any(other < 0):
            raise ArgumentError(f"{self._who} variance", "numbers of at least 0", short_repr(variance))

    def _given(self, name: str, value: Any) -> Array | None:
        if value is None:
            return None
        array = host_array(f"{self._who} {name}", value, dtypes.float64).astype(np.float64)
        if array.ndim > len(self.axis):
            expected = f"at most as many axes as there are in axis, {len(self.axis)}"
            raise ArgumentError(f"{self._who} {name}", expected, f"an array of shape {array.shape}")
        return array

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data; the mean and the variance as lists."""
        config = super().get_config()
        for name, value in (("mean", self.input_mean), ("variance", self.input_variance)):
            config[name] = None if value is None else value.tolist()
        return config

    def _positions(self, shape: Any) -> tuple[int, ...]:
        """Return the axes that are kept, as nonnegative numbers in order.

        Raises:
            ShapeError: if one does not exist, or is of unknown length.
        """
        if not all(-len(shape) <= axis < len(shape) for axis in self.axis):
            raise ShapeError(self._who, f"inputs with the axes {self.axis}", f"inputs of shape {tuple(shape)}")
        found = tuple(sorted({axis % len(shape) for axis in self.axis}))
        if any(shape[axis] is None for axis in found):
            hint = "only the lengths of other axes may be unknown"
            raise ShapeError(self._who, f"known lengths along axes {found}", short_repr(shape), hint)
        return found

    def build(self, input_shape: Any) -> None:
        """Create the mean and the variance, of the lengths of the axes."""
        lengths: Shape = tuple([input_shape[axis] for axis in self._positions(input_shape)])
        self._lengths = lengths
        if self.input_mean is None or self.input_variance is None:
            options: dict[str, Any] = {"trainable": False}
            self.adapt_mean = self.add_weight(lengths, "zeros", name="mean", **options)
            self.adapt_variance = self.add_weight(lengths, "ones", name="variance", **options)
            self.count = self.add_weight((), "zeros", dtype="int64", name="count", **options)  # is in files of Keras
            return
        try:
            self._mean, self._variance = (
                np.broadcast_to(each, lengths) for each in (self.input_mean, self.input_variance)
            )
        except ValueError:
            expected = f"a mean that broadcasts to the shape {lengths}"
            raise ShapeError(self._who, expected, f"one of shape {self.input_mean.shape}") from None

    def _statistics(self, inputs: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the mean and the variance, in a shape that broadcasts to inputs, or to those of the build."""
        shape = self._built_for if inputs is None else inputs.shape
        kept = self._positions(shape)
        lengths = tuple([n if axis in kept else 1 for axis, n in enumerate(shape)])
        if self.input_mean is None:
            return ops.reshape(self.adapt_mean, lengths), ops.reshape(self.adapt_variance, lengths)
        convert = asarray if inputs is None else inputs.like
        mean, variance = (convert(each.astype(self.dtype).reshape(lengths)) for each in (self._mean, self._variance))
        return mean, variance

    def call(self, inputs: Tensor) -> Tensor:
        """Normalize the inputs."""
        inputs = inputs.astype(self.dtype)
        kept = self._positions(inputs.shape)
        lengths = tuple([inputs.shape[axis] for axis in kept])
        if lengths != self._lengths:
            expected = f"inputs of lengths {self._lengths} along axes {self.axis}"
            raise ShapeError(self._who, expected, f"inputs of shape {inputs.shape}")
        mean, variance = self._statistics(inputs)
        result: Tensor = _restored(inputs, mean, variance) if self.invert else _standardized(inputs, mean, variance)
        return result

    @property
    def mean(self) -> Tensor | None:
        """The mean, in a shape that broadcasts to the inputs; None before the layer is built."""
        return self._statistics()[0] if self.built else None

    @property
    def variance(self) -> Tensor | None:
        """The variance, in the shape of the mean."""
        return self._statistics()[1] if self.built else None

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Return the shape of the outputs, which is that of the inputs."""
        self._positions(input_shape)
        return tuple(input_shape)

    def adapt(self, data: Any) -> None:
        """Compute the mean and the variance of data, and replace those of an earlier call.

        They are computed in float64. If an error is raised, the layer keeps what it had.

        Args:
            data: an array or a tensor, or batches: a `tl.utils.PyDataset`, or a list, a generator or another iterable
                of arrays, or of tuples whose first item is an array.

        Raises:
            ArgumentError: if the constructor was given the mean and the variance, or there is no data.
            ArgumentTypeError: for anything else.
            ShapeError: for data without the axes of the layer, or with other lengths along them than before.
        """
        who = f"{self._who}.adapt"
        if self.input_mean is not None:
            raise ArgumentError(who, "a layer without a mean", "one that was given mean and variance")
        batches = _batches(who, data)
        first = next(batches, None)
        if first is None or not first.size:
            raise ArgumentError(who, "data", "no samples")
        kept = self._positions(first.shape)
        lengths = tuple([first.shape[axis] for axis in kept])
        if self.built and tuple(self.adapt_mean.shape) != lengths:
            expected = f"data of lengths {tuple(self.adapt_mean.shape)} along axes {self.axis}"
            raise ShapeError(who, expected, f"data of shape {first.shape}")
        mean, variance = _moments(who, chain([first], batches), first.ndim, kept, lengths)
        self.build((None, *first.shape[1:]) if 0 not in kept else first.shape)
        for weight, value in ((self.adapt_mean, mean), (self.adapt_variance, variance)):
            weight.assign(np.asarray(value).astype(weight.dtype))


def _batches(who: str, data: Any) -> Iterator[Array]:
    """Yield the arrays of data."""
    if hasattr(data, "shape"):
        yield _numbers(who, data)
        return
    if hasattr(data, "__len__") and hasattr(data, "__getitem__"):
        each: Iterable[Any] = (data[index] for index in range(len(data)))
    elif isinstance(data, Iterable):
        each = data
    else:
        raise ArgumentTypeError(who, "an array, or an iterable of arrays", short_repr(data))
    for batch in each:
        array = batch[0] if isinstance(batch, tuple) and batch else batch
        if not hasattr(array, "shape"):
            raise ArgumentTypeError(who, "batches that are arrays", short_repr(array), "convert lists with np.asarray")
        yield _numbers(who, array)


def _numbers(who: str, value: Any) -> Array:
    array = host_array(who, value, None)
    if array.dtype.kind not in "fiub":
        raise DTypeError(who, "numbers", str(array.dtype))
    return array.astype(np.float64)


def _moments(who: str, batches: Iterator[Array], rank: int, kept: tuple[int, ...], lengths: Shape) -> tuple[Any, Any]:
    """Return the mean and the variance of batches, by the formula for the union of two sets of samples.

    Source: Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", 1979.
    """
    others = tuple([axis for axis in range(rank) if axis not in kept])
    count, mean, squares = 0, np.zeros(lengths), np.zeros(lengths)
    for batch in batches:
        if batch.ndim != rank or tuple([batch.shape[axis] for axis in kept]) != lengths:
            expected = f"batches of {rank} axes, with lengths {lengths} along axes {kept}"
            raise ShapeError(who, expected, f"one of shape {batch.shape}")
        new = math.prod([batch.shape[axis] for axis in others])
        if not new:
            continue
        distance = batch.mean(axis=others) - mean
        total = count + new
        squares = squares + batch.var(axis=others) * new + distance**2 * (count * new / total)
        mean = mean + distance * (new / total)
        count = total
    return mean, squares / count
