"""Conformance checks of backends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorlab.backends import Backend
from tensorlab.errors import TensorlabError
from tensorlab.tensor import asarray
from tensorlab.testing.activation import ActivationSubject
from tensorlab.testing.layer import LayerSubject
from tensorlab.testing.loss import LossSubject
from tensorlab.testing.optimizer import OptimizerSubject
from tensorlab.testing.report import NotApplicableError, fail
from tensorlab.testing.subject import Subject

_BUILT_IN: dict[Callable[[Any], Subject], tuple[str, ...]] = {
    ActivationSubject: ("relu", "sigmoid", "tanh", "softmax"),
    LossSubject: ("mean_squared_error", "sparse_categorical_crossentropy"),
    OptimizerSubject: ("sgd", "rmsprop", "adam"),
    LayerSubject: ("Dense",),
}
"""Built-in objects that are computed on the backend. Together they use every loop kind of a training step."""

_DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64"]


class BackendSubject(Subject):
    """Check a function that returns a backend."""

    kind = "backend"
    headings = ("protocol", "memory", "numbers")

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
        for dtype in _DTYPES:
            for array in (whole, whole[::-1, ::2], whole.T, whole[:0], whole[0, 0]):
                given = np.asarray(array).astype(dtype)
                received = asarray(given, device=name).numpy()
                if received.dtype != given.dtype or not np.array_equal(received, given):
                    who = f"{self.who}: {dtype} of shape {given.shape}, copied to it and back"
                    fail(who, str(given.tolist()), f"{received.tolist()} of {received.dtype}")

    def check_numbers(self) -> None:
        """Compare built-in objects on this backend with the reference backend."""
        name = self.name()
        for subject, things in _BUILT_IN.items():
            for thing in things:
                subject(thing).check_on(name)
