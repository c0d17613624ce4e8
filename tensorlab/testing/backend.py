"""Conformance checks of backends."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tensorlab.backends import Backend, ReferenceBackend
from tensorlab.dtypes import NAMES, DType
from tensorlab.errors import DeviceError, TensorlabError, short_repr
from tensorlab.ops.arithmetic import add, multiply
from tensorlab.ops.casting import conversion
from tensorlab.ops.cumulative import RUNNING_SUM
from tensorlab.tensor import asarray
from tensorlab.testing.activation import ActivationSubject
from tensorlab.testing.layer import LayerSubject
from tensorlab.testing.loss import LossSubject
from tensorlab.testing.optimizer import OptimizerSubject
from tensorlab.testing.report import NotApplicableError, fail
from tensorlab.testing.subject import Array, Subject
from tensorlab.windows import Windows

_BUILT_IN: dict[Callable[[Any], Subject], tuple[str, ...]] = {
    ActivationSubject: ("relu", "sigmoid", "tanh", "softmax"),
    LossSubject: ("mean_squared_error", "sparse_categorical_crossentropy"),
    OptimizerSubject: ("sgd", "rmsprop", "adam"),
    LayerSubject: ("Dense",),
}
"""Built-in objects that are computed on the backend. Together they use every loop kind of a training step."""


_INTERFACES = ("__dlpack__", "__array_interface__", "__cuda_array_interface__")
"""The attributes by which other libraries read memory."""


def _extremes(dtype: DType) -> Array:
    """Return numbers that other dtypes cannot represent."""
    if dtype.kind == "b":
        return np.array([False, True])
    if dtype.kind == "f":
        return np.array([0.0, -1.5, 2.5, 300.0, -70000.0, 1e20, -1e20, np.inf, -np.inf, np.nan], dtype)
    bounds = np.iinfo(dtype)
    return np.array([0, 1, 100, bounds.min, bounds.max], dtype)


def _results(backend: Backend, array: Array) -> Iterator[tuple[str, Any]]:
    """Yield what methods return for an array of four rows and six columns, each with a description."""
    x, other = backend.from_host(array), backend.from_host(array[::-1].copy())
    for index in (slice(1, None), (..., slice(None, None, -2)), (None, 0), np.array([2, 0, 2]), (np.array([1, -1]), 3)):
        part = backend.index(x, index)
        yield f"index {index}", part
        target = backend.copy(x)
        backend.put(target, index, backend.copy(backend.index(other, index)))
        yield f"put at {index}", target
        if array.dtype.kind != "b":
            yield f"scatter_add at {index}", backend.scatter_add(array.shape, index, backend.copy(part))
    numbers = _extremes(array.dtype)
    given = backend.from_host(numbers)
    for target in map(np.dtype, NAMES):
        loop = conversion(array.dtype, target)
        yield f"map of {numbers.tolist()} to {target}", backend.map(*loop)(numbers.shape, given)
    if array.dtype.kind != "b":
        loops = multiply.loop(array.dtype)
        yield f"map of x * x for {numbers.tolist()}", backend.map(*loops)(numbers.shape, given, given)
    yield "gather", backend.gather(x, backend.from_host(np.array([3, 0, 3])))
    yield "concatenate", backend.concatenate([x, other, x], 1)
    if array.dtype.kind != "b":
        yield "arg_reduce", backend.arg_reduce("max", x)
        yield "scan", backend.scan(RUNNING_SUM, [x], array.dtype, array.dtype)
    if array.dtype.kind == "f":
        yield from _results_of_windows(backend, array)


def _results_of_windows(backend: Backend, array: Array) -> Iterator[tuple[str, Any]]:
    """Yield what the methods for windows return. All numbers are small integers, so sums have no rounding errors."""
    windows = Windows((2, 2), (1, 2), (1, 1), ((1, 0), (0, 1)), 2)
    images = backend.from_host(array.reshape((1, 2, 3, 4)))
    weights = backend.from_host(array.reshape(-1)[:16].reshape((2, 2, 2, 2)).copy())
    outputs, product = backend.convolve(
        windows, images, weights, add.scalar, [backend.index(images, (0, 0, 0, slice(2)))], True
    )
    yield "convolve", outputs
    yield "convolve: the product", product
    yield "convolve_weights", backend.convolve_weights(windows, images, outputs)
    yield "convolve_images", backend.convolve_images(windows, (1, 2, 3, 4), outputs, weights)
    values, taps = backend.window_max(windows, images)
    yield "window_max", values
    yield "window_max: taps", taps
    for chosen in (None, taps):
        yield "window_sum", backend.window_sum(windows, images, chosen)
        yield "window_spread", backend.window_spread(windows, (1, 2, 3, 4), values, chosen)


def _same(received: Array, expected: Array) -> bool:
    return np.array_equal(received, expected, equal_nan=expected.dtype.kind == "f")


class BackendSubject(Subject):
    """Check a function that returns a backend."""

    kind = "backend"
    headings = ("protocol", "memory", "methods", "numbers")

    def make(self) -> Backend:
        """Return a new backend. If its device does not exist on this machine, the check does not apply."""
        try:
            backend: Backend = self.thing()
        except (TensorlabError, ImportError, OSError) as error:
            raise NotApplicableError(f"it is not available here: {error}") from None
        return backend

    def name(self) -> str:
        """Return the full name of the device, with that of the distribution."""
        assert self.entry is not None
        return f"{self.entry.distribution}:{self.entry.name}"

    def check_protocol(self) -> None:
        """Require all methods of `Backend`, all methods of `SharingBackend` or none, and the registered name."""
        backend = self.make()
        assert self.entry is not None
        methods = [name for name, value in vars(Backend).items() if callable(value) and not name.startswith("_")]
        missing = [name for name in methods if not callable(getattr(backend, name, None))]
        if missing:
            fail(self.who, "the methods of tensorlab.backends.Backend", f"none called {', '.join(missing)}")
        sharing = [name for name in ("dlpack_types", "interfaces") if hasattr(self.thing, name)]
        if callable(getattr(backend, "adopt", None)):
            sharing.append("adopt")
        if len(sharing) not in (0, 3):
            expected = "all of dlpack_types, interfaces and adopt, to share memory, or none of them"
            hint = "dlpack_types and interfaces must be attributes of the registered function"
            fail(self.who, expected, f"only {', '.join(sharing)}", hint)
        if backend.name != self.entry.name:
            hint = "it must be the registered name, by which tensors find their backend"
            fail(f"{self.who}: its name", repr(self.entry.name), repr(backend.name), hint)

    def check_memory(self) -> None:
        """Require that copies to the device and back equal the arrays: all dtypes, empty, rank 0 and strided."""
        name = self.name()
        whole = np.arange(-12, 12).reshape(4, 6)
        for dtype in NAMES:
            for array in (whole, whole[::-1, ::2], whole.T, whole[:0], whole[0, 0]):
                given = np.asarray(array).astype(dtype)
                received = asarray(given, device=name).numpy()
                if received.dtype != given.dtype or not np.array_equal(received, given):
                    who = f"{self.who}: {dtype} of shape {given.shape}, copied to it and back"
                    fail(who, str(given.tolist()), f"{received.tolist()} of {received.dtype}")

    def check_methods(self) -> None:
        """Compare the methods that training does not need with the reference backend, and call the others."""
        made = self.make()
        for dtype in NAMES:
            whole = np.arange(-12, 12).reshape(4, 6).astype(dtype)
            for (what, result), (_, expected) in zip(
                _results(made, whole), _results(ReferenceBackend(), whole), strict=True
            ):
                received = np.asarray(made.to_host(result))
                if received.dtype != expected.dtype or not _same(received, expected):
                    given = f"{received.tolist()} of {received.dtype}"
                    fail(f"{self.who}: {what} of {dtype}", str(expected.tolist()), given)
        if not isinstance(made.fits(1), bool):
            fail(f"{self.who}: fits(1)", "True or False", short_repr(made.fits(1)))
        exported = made.export(made.from_host(np.arange(3.0)))
        if not any(hasattr(exported, name) for name in _INTERFACES):
            fail(f"{self.who}: export", f"an object with one of {', '.join(_INTERFACES)}", type(exported).__name__)
        with warnings.catch_warnings(), contextlib.suppress(TensorlabError):  # a backend may warn or raise
            warnings.simplefilter("ignore")
            made.computes_on_host("a check")
        with contextlib.suppress(DeviceError):  # it may have no device of this number
            made.at(0)
        made.synchronize()

    def check_numbers(self) -> None:
        """Compare built-in objects on this backend with the reference backend."""
        name = self.name()
        for subject, things in _BUILT_IN.items():
            for thing in things:
                subject(thing).check_on(name)
