"""Random operations on arrays in random layouts, each compared with NumPy."""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np

import tensorlab as tl
from tensorlab.layers import Conv2D, MaxPooling2D

Array = np.ndarray[Any, Any]

REAL, WHOLE = ("float32", "float64"), ("int64", "int32")
NUMBERS = (*REAL, *WHOLE)
LONG = 20_000
"""A number of elements for which kernels use all threads."""


def check(made: Any, expected: Any, tolerance: float = 0.0) -> None:
    """Raise unless a tensor equals an array, with the same shape and dtype."""
    got = made.numpy()
    expected = np.asarray(expected)
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
    if got.tobytes() == expected.tobytes():  # a hundredth of the time of what follows
        return
    if tolerance:
        np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)
    else:
        np.testing.assert_array_equal(got, expected)


@functools.cache
def _bytes_in(low: int, high: int) -> bytes:
    """Return a table of `bytes.translate` that turns random bytes into numbers from ``low`` to ``high - 1``."""
    return bytes([(low + byte % (high - low)) % 256 for byte in range(256)])


class Maker:
    """Makes random shapes, arrays and layouts from a seed."""

    def __init__(self, seed: Any) -> None:
        self.choose = random.Random(seed)
        self.kept: list[tuple[tl.Tensor, Array]] = []  # tensors whose values must never change

    def shape(self, ranks: tuple[int, int] = (0, 4), least: int = 0, longest: int = 7) -> tuple[int, ...]:
        if ranks[1] > 0 and self.choose.random() < 0.01:
            return (self.choose.choice((LONG, LONG + 1)),) if ranks[0] <= 1 else (3, LONG // 2 + 1)[: max(ranks[0], 2)]
        rank = self.choose.randint(*ranks)
        return tuple([self.choose.choice((max(least, 0), 1, 2, 3, 5, longest)) for _ in range(rank)])

    def array(self, shape: tuple[int, ...], dtype: str, low: int = -4, high: int = 5) -> Array:
        """Return small whole numbers, with which sums and products of floats are exact, in a random layout."""
        if dtype == "bool":
            low, high = 0, 2
        elif dtype[0] == "u":
            low = max(low, 0)
        drawn = self.choose.randbytes(math.prod(shape)).translate(_bytes_in(low, high))
        return self.laid(np.frombuffer(drawn, np.int8).astype(dtype).reshape(shape))

    def laid(self, values: Array) -> Array:
        """Return an array with these values in a random layout, whose memory ends where its elements do."""
        rank = values.ndim
        match self.choose.randrange(9):
            case 0:
                return np.array(values, order="F")
            case 1:
                axes = self.choose.sample(range(rank), rank)
                return np.array(values.transpose(axes), order="C").transpose([axes.index(n) for n in range(rank)])
            case 2:
                back = (slice(None, None, -1),) * rank
                return np.array(values[(..., *back)], order="C")[(..., *back)]
            case 3:  # every second element, the last one at the end of the memory
                roomy = np.zeros([max(2 * n - 1, 0) for n in values.shape], values.dtype)
                view = roomy[(..., *[slice(None, None, 2)] * rank)]
                view[...] = values
                return view
            case 4:  # behind others
                wide = np.zeros([n + 3 for n in values.shape], values.dtype)
                view = wide[(..., *[slice(3, None)] * rank)]
                view[...] = values
                return view
            case 5 if rank:  # one element in place of an axis
                axis = self.choose.randrange(rank)
                one = np.take(values, [0], axis) if values.shape[axis] else values
                return np.broadcast_to(one, values.shape)
            case 6:  # not aligned
                memory = np.zeros(values.nbytes + 1, np.uint8)
                view = memory[1:].view(values.dtype).reshape(values.shape)
                view[...] = values
                return view
            case 7:
                values = values.copy()
                values.flags.writeable = False
                return values
        return values

    def part_of(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return a shape that broadcasts to another."""
        found = tuple([1 if self.choose.random() < 0.25 else n for n in shape])
        return found[self.choose.randint(0, len(found)) :] if self.choose.random() < 0.3 else found

    def index(self, shape: tuple[int, ...]) -> tuple[Any, ...]:
        """Return a basic index."""
        found: list[Any] = []
        for length in shape:
            if length and self.choose.random() < 0.2:
                found.append(self.choose.randrange(-length, length))
                continue
            ends = [self.choose.choice((None, self.choose.randint(-length - 1, length + 1))) for _ in range(2)]
            found.append(slice(*ends, self.choose.choice((None, 1, 2, -1, -3))))
        return tuple(found[: self.choose.randint(0, len(found))])

    def axes(self, rank: int) -> Any:
        way = self.choose.random()
        if way < 0.3 or not rank:
            return None
        return (
            self.choose.randrange(-rank, rank)
            if way < 0.6
            else tuple(self.choose.sample(range(rank), self.choose.randint(0, rank)))
        )


def elementwise(make: Maker) -> None:
    name, kinds = make.choose.choice(
        [(n, NUMBERS) for n in ("negative", "abs", "square", "positive", "sign")]
        + [(n, REAL) for n in ("floor", "ceil", "trunc", "isnan", "isfinite")]
        + [("logical_not", ("bool",))]
    )
    x = make.array(make.shape(), make.choose.choice(kinds))
    check(getattr(tl, name)(tl.asarray(x)), getattr(np, name)(x))


BINARY = ("add", "subtract", "multiply", "maximum", "minimum", "equal", "not_equal", "less", "greater_equal")


def binary(make: Maker) -> None:
    shape, dtype = make.shape(), make.choose.choice((*NUMBERS, "float32", "float32"))
    name = make.choose.choice(BINARY)
    x, y = make.array(make.part_of(shape), dtype), make.array(make.part_of(shape), dtype)
    first, second = tl.asarray(x), tl.asarray(y)
    if make.choose.random() < 0.2:
        second, y = first, x
    check(getattr(tl, name)(first, second), getattr(np, name)(x, y))


def with_number(make: Maker) -> None:
    x, number = make.array(make.shape(), "float32"), make.choose.choice((2, 0.5, -3))
    check(tl.asarray(x) * number + number, x * np.float32(number) + np.float32(number))


def divided(make: Maker) -> None:
    shape, dtype = make.shape(), make.choose.choice(NUMBERS)
    x, y = make.array(shape, dtype), make.array(make.part_of(shape), dtype, 1, 5)
    name = make.choose.choice(("divide",) if dtype in REAL else ("floor_divide", "remainder"))
    check(getattr(tl, name)(tl.asarray(x), tl.asarray(y)), getattr(np, name)(x, y))


def chosen(make: Maker) -> None:
    shape, dtype = make.shape(), make.choose.choice(REAL)
    c, x, y = (make.array(make.part_of(shape), kind) for kind in ("bool", dtype, dtype))
    check(tl.where(tl.asarray(c), tl.asarray(x), tl.asarray(y)), np.where(c, x, y))


def reduced(make: Maker) -> None:
    x = make.array(make.shape(), make.choose.choice((*REAL, "int64")))
    axes, keep = make.axes(x.ndim), make.choose.random() < 0.5
    lengths = x.shape if axes is None else [x.shape[a] for a in ((axes,) if isinstance(axes, int) else axes)]
    name = make.choose.choice(("sum", "max", "min", "any", "all") if math.prod(lengths) else ("sum", "any", "all"))
    expected = getattr(np, name)(x, axis=axes, keepdims=keep)
    check(
        getattr(tl, name)(tl.asarray(x), axis=axes, keepdims=keep),
        np.asarray(expected, x.dtype if name == "sum" else None),
    )


def extreme(make: Maker) -> None:
    x = make.array(make.shape((1, 4), 1), make.choose.choice(("float32", "int64")))
    axis, name = make.choose.randrange(-x.ndim, x.ndim), make.choose.choice(("argmax", "argmin"))
    if x.shape[axis]:
        check(getattr(tl, name)(tl.asarray(x), axis=axis), getattr(np, name)(x, axis=axis))


def scanned(make: Maker) -> None:
    x = make.array(make.shape((1, 4)), make.choose.choice(("float32", "int64")))
    axis = make.choose.randrange(-x.ndim, x.ndim)
    check(tl.cumulative_sum(tl.asarray(x), axis=axis), np.cumsum(x, axis=axis, dtype=x.dtype))


def products(make: Maker) -> None:
    dtype, lengths = make.choose.choice(REAL), (0, 1, 2, 3, 5, 8, 17, 33, 70)
    m, k, n = (make.choose.choice(lengths) for _ in range(3))
    batch = make.choose.choice(((), (), (), (3,), (2, 1)))
    x, y = make.array((*batch, m, k), dtype), make.array((*make.part_of(batch), k, n), dtype)
    check(tl.matmul(tl.asarray(x), tl.asarray(y)), np.matmul(x, y))


def softmaxes(make: Maker) -> None:
    x = make.array(make.shape((1, 3), 1), "float32")
    powers = np.exp(x.astype(float) - x.max(axis=-1, keepdims=True, initial=-9))
    check(tl.softmax(tl.asarray(x)), (powers / powers.sum(axis=-1, keepdims=True)).astype("float32"), 1e-5)


def converted(make: Maker) -> None:
    x = make.array(make.shape(), make.choose.choice((*NUMBERS, "bool", "uint8")))
    kind = make.choose.choice((*REAL, "int64"))
    check(tl.asarray(x).astype(kind), x.astype(kind))


def shaped(make: Maker) -> None:
    x = make.array(make.shape((1, 4)), make.choose.choice(("float32", "int64", "bool", "uint8")))
    axis, t = make.choose.randrange(-x.ndim, x.ndim), tl.asarray(x)
    axes = make.choose.sample(range(x.ndim), x.ndim)
    shift = make.choose.randint(-9, 9)
    tests: list[Callable[[], None]] = [
        lambda: check(tl.reshape(t, (x.size,)), x.reshape(x.size)),
        lambda: check(tl.reshape(tl.permute_dims(t, axes), x.shape), x.transpose(axes).reshape(x.shape)),
        lambda: check(tl.flip(t, axis=axis), np.flip(x, axis)),
        lambda: check(tl.roll(t, shift, axis=axis), np.roll(x, shift, axis)),
        lambda: check(tl.concat([t, t], axis=axis), np.concatenate([x, x], axis)),
        lambda: check(tl.stack([t, t], axis=axis), np.stack([x, x], axis)),
        lambda: check(tl.expand_dims(t, axis=axis), np.expand_dims(x, axis)),
        lambda: check(tl.broadcast_to(t, (2, *x.shape)), np.broadcast_to(x, (2, *x.shape))),
        lambda: check(tl.repeat(t, 3, axis=axis), np.repeat(x, 3, axis)),
        lambda: check(tl.sort(t, axis=axis), np.sort(x, axis)),
    ]
    make.choose.choice(tests)()


def selected(make: Maker) -> None:
    x = make.array(make.shape((1, 4)), make.choose.choice(("float32", "int64")))
    index, t = make.index(x.shape), tl.asarray(x)
    check(t[index], x[index])
    length = len(x)
    if length and make.choose.random() < 0.3:
        wanted = make.shape((1, 2))
        drawn = [make.choose.randrange(-length, length) for _ in range(math.prod(wanted))]
        rows = make.laid(np.array(drawn, np.int64).reshape(wanted))
        check(t[tl.asarray(rows)], x[rows])


def assigned(make: Maker) -> None:
    """Assign to a part of a tensor, also from another part of itself; what was read before does not change."""
    x = make.array(make.shape((1, 3)), make.choose.choice(("float32", "int64")))
    expected, t = x.copy(), tl.asarray(x, copy=True)
    before, old = t[...], t * 1
    index = make.index(x.shape)
    target = expected[index]
    value: Any = make.array(make.part_of(target.shape), x.dtype.name)
    if make.choose.random() < 0.4 and target.ndim:  # the same elements in reverse
        back = (slice(None, None, -1),) * target.ndim
        value, source = target[back].copy(), t[index][back]
    else:
        source = tl.asarray(value)
    if target.ndim:
        target[...] = value
    else:
        expected[index] = value
    t[index] = source
    check(t, expected)
    check(before, x)
    check(old, x)


def variables(make: Maker) -> None:
    """Assign to a variable in several ways. A value that was read before stays."""
    x = make.array(make.shape((1, 3)), "float32")
    variable, expected = tl.Variable(x), x.copy()
    for _ in range(make.choose.randint(1, 4)):
        before, old = variable.value, expected.copy()
        y = make.array(x.shape, "float32")
        match make.choose.randrange(3):
            case 0:
                variable.assign(tl.asarray(y))
                expected = y.copy()
            case 1:
                variable.assign_add(tl.asarray(y))
                expected = expected + y
            case 2:
                variable.assign_sub(variable * tl.asarray(y))
                expected = expected - expected * y
        check(before, old)
    check(variable.value, expected)


def differentiated(make: Maker) -> None:
    shape = make.shape((1, 3))
    x, y = make.array(shape, "float32"), make.array(make.part_of(shape), "float32")
    a, b = tl.asarray(x), tl.asarray(y)
    with tl.GradientTape() as tape:
        tape.watch(a)
        loss = tl.sum(a * a * b)
    check(tape.gradient(loss, a), 2 * x * y)


def windowed(make: Maker) -> None:
    """Compare a convolution or pooling with NumPy's sliding windows."""
    shape = (
        make.choose.randint(1, 2),
        make.choose.randint(3, 6),
        make.choose.randint(3, 7),
        make.choose.choice((1, 2, 5)),
    )
    x = make.array(shape, "float32")
    views = np.lib.stride_tricks.sliding_window_view(x, (2, 3), axis=(1, 2))  # (batch, down, across, channels, 2, 3)
    if make.choose.random() < 0.5:
        check(MaxPooling2D((2, 3), strides=1)(tl.asarray(x)), views.max(axis=(-2, -1)))
    else:
        layer = Conv2D(3, (2, 3), use_bias=False)
        layer.build(shape)
        kernel = make.array((2, 3, shape[3], 3), "float32")
        layer.kernel.assign(kernel)
        check(layer(tl.asarray(x)), np.einsum("bdachw,hwcf->bdaf", views, kernel))


@tl.jit
def planned(x: tl.Tensor, y: tl.Tensor) -> tl.Tensor:
    return tl.sum(tl.relu(x) * y + x, axis=0)


def plans(make: Maker) -> None:
    shape = make.choose.choice(((4, 3), (17, 5), (3, 70)))
    x, y = make.array(shape, "float32"), make.array(shape, "float32")
    check(planned(tl.asarray(x), tl.asarray(y)), (np.maximum(x, 0) * y + x).sum(axis=0))


def kept(make: Maker) -> None:
    """Compare a tensor that was made some operations ago, and keep a new one."""
    if make.kept and make.choose.random() < 0.7:
        check(*make.choose.choice(make.kept))
        return
    x = make.array(make.shape(), "float32")
    t = tl.asarray(x) + 1.0
    make.kept.append((t, x + np.float32(1)))
    del make.kept[: max(len(make.kept) - 20, 0)]


OPERATIONS: tuple[tuple[Callable[[Maker], None], int], ...] = (
    (elementwise, 10),
    (binary, 20),
    (with_number, 5),
    (divided, 4),
    (chosen, 4),
    (reduced, 10),
    (extreme, 3),
    (scanned, 3),
    (products, 8),
    (softmaxes, 2),
    (converted, 4),
    (shaped, 10),
    (selected, 6),
    (assigned, 6),
    (variables, 3),
    (differentiated, 2),
    (windowed, 1),
    (plans, 2),
    (kept, 3),
)
"""The operations, and how often each is chosen."""
