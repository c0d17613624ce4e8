"""The base class of subjects, and the checks that apply to several kinds."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, ClassVar

import numpy as np

from tensorlab import devices, utils
from tensorlab.backends.cpu import get_num_threads, set_num_threads
from tensorlab.devices import device
from tensorlab.errors import ArgumentTypeError, ConformanceError, GradientError, TensorlabError
from tensorlab.plugins.blame import line_of
from tensorlab.registry import Entry, registries
from tensorlab.serialization import serialize
from tensorlab.tensor import Tensor
from tensorlab.testing import fresh
from tensorlab.testing.report import Check, NotApplicableError, Report, fail

Array = np.ndarray[Any, Any]

DTYPES = ("float32", "float64")

CLOSE = {"float32": (1e-4, 1e-5), "float64": (1e-9, 1e-11)}
"""The relative and absolute tolerance between two backends: above rounding errors, below the effects of mistakes."""

_LARGE = 1e3
"""The absolute tolerance is multiplied by the largest result, up to this value, because terms of a sum may cancel."""

_FLOAT32_OF_FLOAT64 = (1e-3, 1e-4)
_MANY = 40_000
"""A number of elements for which every loop kind uses several threads."""


REPEATS = "do not depend on the time, on global generators or on earlier calls"
"""The hint for objects whose results differ from call to call."""


class Subject:
    """An object and the checks of its kind. A subclass defines how to compute with it, and further checks.

    Args:
        thing: the object, or its registered name.
        label: its name in reports; None to derive one.
    """

    kind: ClassVar[str]
    headings: ClassVar[tuple[str, ...]]
    """The names of its checks, in order. ``"special values"`` is the method ``check_special_values``."""

    def __init__(self, thing: Any, label: str | None = None) -> None:
        self.entry = _entry(self.kind, thing)
        self.thing = self.entry.thing if self.entry else thing
        shown = label or (self.entry.name if self.entry else _name_of(thing))
        self.who = f"{self.kind} {shown!r}"

    def checks(self) -> list[Check]:
        """Return the checks of this kind. If no object can be constructed, only the check "made" is returned."""
        try:
            self.make()
        except Exception:  # raised again when the check runs
            return [Check(self.who, "made", self.make)]
        return [Check(self.who, heading, partial(self._run, _method(heading))) for heading in self.headings]

    def report(self) -> Report:
        """Run every check.

        Raises:
            ConformanceError: if one fails.
            ArgumentTypeError: for an object of another kind.
        """
        from tensorlab.plugins.checks import EXPECTATIONS

        expected = EXPECTATIONS[self.kind]
        if self.entry is None and not (expected.base and isinstance(self.thing, expected.base)):
            mismatch = expected.mismatch(self.thing)
            if mismatch is not None:
                words, received, hint = mismatch
                raise ArgumentTypeError(f"check_{self.kind}", f"a registered {self.kind}, or {words}", received, hint)
        return Report(self.who, self.checks()).raised()

    def _run(self, method: str) -> None:
        utils.set_random_seed(0)
        with np.errstate(all="ignore"):
            try:
                getattr(self, method)()
            except (ConformanceError, GradientError) as error:
                cause = self._varies() if method != "check_determinism" else ""
                if not cause:
                    raise
                fail(error.who, error.expected, error.received, cause)
            except (TensorlabError, NotApplicableError):
                raise
            except Exception as error:  # usually raised by the object
                owner = (
                    self.thing if isinstance(self.thing, type) or inspect.isfunction(self.thing) else type(self.thing)
                )
                fail(self.who, "no exception", f"{type(error).__name__}: {error}", line_of(error, owner))

    def _varies(self) -> str:
        """Return a hint if results differ from call to call, which can make any check fail; otherwise an empty text."""
        runs = []
        for _ in range(2):
            try:
                utils.set_random_seed(0)
                with device("reference"):
                    runs.append(arrays(self.compute("float32", 60)))
            except Exception:  # unknown
                return ""
        return "" if _equal(*runs) else f"its results differ from call to call: {REPEATS}"

    def recipe(self, hyperparameters: dict[str, float]) -> dict[str, Any]:
        """Return how another process constructs the object: from its config, or from a rule and its hyperparameters."""
        assert self.entry is not None
        config = serialize(self.built())
        if config["class_name"] in registries[self.kind]:
            return {"kind": self.kind, "config": config}
        name = f"{self.entry.distribution}:{self.entry.name}"
        return {"kind": self.kind, "rule": name, "hyperparameters": hyperparameters}

    # Methods that a subclass implements

    def make(self) -> Any:
        """Return a new object."""
        return self.thing

    def compute(self, dtype: str, count: int) -> list[Tensor]:
        """Compute results and gradients for about ``count`` numbers of this dtype, on the current device."""
        raise NotImplementedError

    def wide(self, dtype: str) -> list[Tensor]:
        """Compute results for small and large numbers."""
        return self.compute(dtype, 200)

    def request(self) -> dict[str, Any]:
        """Return what another process needs to construct the object and to compute with it; see `fresh.answer`."""
        raise NotImplementedError

    # Checks that apply to everything

    def check_backends(self) -> None:
        """Compare every available backend with the reference backend, in both dtypes."""
        self.check_on(*available_backends())

    def check_on(self, *names: str) -> None:
        """Compare some backends with the reference backend, in both dtypes."""
        for dtype in DTYPES:
            with device("reference"):
                expected = arrays(self.compute(dtype, 60))
            for name in names:
                with device(name):
                    received = arrays(self.compute(dtype, 60))
                require_close(
                    f"{self.who} in {dtype} on {name!r}", received, expected, "the reference backend", *CLOSE[dtype]
                )

    def check_dtypes(self) -> None:
        """Require float32 results for float32 inputs, and compare them with float64."""
        wide = {dtype: self.wide(dtype) for dtype in DTYPES}
        for dtype, results in wide.items():
            for result in results:
                if result.dtype.name != dtype:
                    hint = "a constant array, or NumPy, introduces another dtype: convert it with .astype(x.dtype)"
                    fail(f"{self.who} in {dtype}", f"results of {dtype}", str(result.dtype), hint)
        single, double = (arrays(wide[dtype]) for dtype in DTYPES)
        fits = [np.abs(array) < 1e37 for array in double]
        single = [np.where(fit, array, 0) for fit, array in zip(fits, single, strict=True)]
        double = [np.where(fit, array, 0) for fit, array in zip(fits, double, strict=True)]
        hint = "an intermediate result is too large or too small for float32, or cancels: compute it in another order"
        require_close(f"{self.who} in float32", single, double, "float64", *_FLOAT32_OF_FLOAT64, hint)

    def check_determinism(self) -> None:
        """Require the same bits from two calls, and from one and two threads."""
        before = get_num_threads()
        try:
            runs = []
            for threads in (2, 2, 1):
                set_num_threads(threads)
                utils.set_random_seed(0)
                runs.append(arrays(self.compute("float32", _MANY)))
        finally:
            set_num_threads(before)
        for run, how in ((1, "a second time"), (2, "on one thread in place of two")):
            require_close(f"{self.who} {how}", runs[run], runs[0], "the first time, bit for bit", 0, 0, REPEATS)

    def check_config(self) -> None:
        """Require the same bits in another process that restores the object from plain data."""
        if self.entry is None:
            raise NotApplicableError("it is not registered by a plugin, so another process cannot know its name")
        request = self.request()
        with device("reference"):
            expected = fresh.outputs(request, self.built())
        try:
            text = json.dumps(fresh.plain(request))
        except TypeError as error:
            hint = "pass names and numbers to the constructor, and construct objects from them inside"
            fail(f"{self.who}.get_config()", "plain data: numbers, strings, lists, names", str(error), hint)
        answer = fresh.ask(text)
        if "error" in answer:
            hint = "get_config must return the arguments of the constructor, as it does if it is not overridden"
            fail(f"{self.who} in another process", "that it can be constructed from its config", answer["error"], hint)
        hint = "something that the outputs depend on is not in get_config(), or not used by from_config()"
        received = [fresh.array(data) for data in answer["outputs"]]
        require_close(f"{self.who} from its config", received, expected, "the object before", 0, 0, hint)

    def built(self) -> Any:
        """Return the object that `request` describes."""
        raise NotImplementedError


def _method(heading: str) -> str:
    return f"check_{heading.replace(' ', '_').lower()}"


def available_backends() -> Iterator[str]:
    """Return the names of the backends that work on this machine, except the reference backend."""
    for entry in registries["backend"]:
        if entry.name == "reference":
            continue
        try:
            devices.backend(entry.name)
        except (TensorlabError, ImportError, OSError):  # a missing device is not an error of the plugin
            continue
        yield entry.name


def require_finite(who: str, what: str, tensor: Tensor, hint: str) -> None:
    """Fail if a result has an element that is not finite, and name the first one."""
    array = np.array(tensor.numpy())
    bad = array[~np.isfinite(array)]
    if bad.size:
        fail(who, f"finite {what}", f"{bad[0]:g}", hint)


def plain_value(function: Callable[..., Any], *arguments: float) -> float | None:
    """Return the result of a plain Python function, or None where it raises and its kernel does not."""
    try:
        return float(function(*arguments))
    except (ValueError, ZeroDivisionError, OverflowError):
        return None


def require_close(
    who: str,
    received: list[Array],
    expected: list[Array],
    oracle: str,
    relative: float,
    absolute: float,
    hint: str = "",
) -> None:
    """Fail if results differ by more than the tolerances, and name the element with the largest error."""
    for left, right in zip(received, expected, strict=True):
        if left.shape != right.shape:
            fail(who, f"the shape {right.shape}, as {oracle}", str(left.shape), hint)
        left, right = left.astype(np.float64), right.astype(np.float64)
        scale = np.nanmax(np.abs(right[np.isfinite(right)]), initial=0.0)
        close = np.isclose(left, right, relative, absolute * np.clip(scale, 1.0, _LARGE), equal_nan=True) | (
            left == right
        )
        if not close.all():
            distance = np.where(close, -1.0, np.nan_to_num(np.abs(left - right), nan=np.inf))
            worst = np.unravel_index(int(np.argmax(distance)), distance.shape)
            where = f" at {tuple(map(int, worst))}" if worst else ""
            fail(f"{who}{where}", f"{right[worst]:.9g}, as {oracle}", f"{left[worst]:.9g}", hint)


def _equal(left: list[Array], right: list[Array]) -> bool:
    pairs = zip(left, right, strict=False)
    return len(left) == len(right) and all([np.array_equal(a, b, equal_nan=True) for a, b in pairs])


def arrays(tensors: list[Tensor]) -> list[Array]:
    return [np.array(tensor.numpy()) for tensor in tensors]


def _name_of(thing: Any) -> str:
    """Return the name of a function, an object or its class."""
    scalar = getattr(getattr(thing, "rule", thing), "scalar", thing)
    return str(getattr(thing, "__name__", None) or getattr(scalar, "name", None) or type(thing).__name__)


def _entry(kind: str, thing: Any) -> Entry | None:
    registry = registries[kind]
    if isinstance(thing, str):
        return registry.entry(thing)
    for entry in registry:
        if entry.thing is thing or type(thing) is entry.thing:
            return entry
    return None
