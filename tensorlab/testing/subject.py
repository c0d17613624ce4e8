"""What is checked, and the checks that ask the same of things of several kinds."""

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
from tensorlab.testing.report import Check, NotApplicableError, Report, refuse

Array = np.ndarray[Any, Any]

DTYPES = ("float32", "float64")

CLOSE = {"float32": (1e-4, 1e-5), "float64": (1e-9, 1e-11)}
"""By how much two backends may differ, relatively and absolutely: more than rounding does, less than a mistake."""

_LARGE = 1e3
"""What is added up may be as large as this, and cancel: the absolute tolerance grows with the results up to here."""

_FLOAT32_OF_FLOAT64 = (1e-3, 1e-4)
_MANY = 40_000
"""Elements enough that every loop shape hands chunks to several threads."""


REPEATS = "let nothing depend on the time, on global generators or on earlier calls"
"""What to do about a thing that gives other numbers each time."""


class Subject:
    """One thing under the checks of its kind. A subclass says how it computes, and what else to ask.

    Args:
        thing: what is checked: an object, or the name that it is registered by.
        label: what it is called in a report; a name is found if None.
    """

    kind: ClassVar[str]
    headings: ClassVar[tuple[str, ...]]
    """What it is checked for, in order: for ``"special values"`` there is a method ``check_special_values``."""

    def __init__(self, thing: Any, label: str | None = None) -> None:
        self.entry = _entry(self.kind, thing)
        self.thing = self.entry.thing if self.entry else thing
        shown = label or (self.entry.name if self.entry else _name_of(thing))
        self.who = f"{self.kind} {shown!r}"

    def checks(self) -> list[Check]:
        """Every check of this kind, not run yet; if none can be made, only the one that says so."""
        try:
            self.make()
        except Exception:  # the check raises it again
            return [Check(self.who, "made", self.make)]
        return [Check(self.who, heading, partial(self._run, _method(heading))) for heading in self.headings]

    def report(self) -> Report:
        """Run every check.

        Raises:
            ConformanceError: if one fails.
            ArgumentTypeError: for what is nothing of this kind.
        """
        from tensorlab.plugins.checks import EXPECTATIONS

        expected = EXPECTATIONS[self.kind]
        if self.entry is None and not (expected.base and isinstance(self.thing, expected.base)):
            refusal = expected.refusal(self.thing)
            if refusal is not None:
                words, received, hint = refusal
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
                refuse(error.who, error.expected, error.received, cause)
            except (TensorlabError, NotApplicableError):
                raise
            except Exception as error:  # of the thing itself, mostly
                owner = (
                    self.thing if isinstance(self.thing, type) or inspect.isfunction(self.thing) else type(self.thing)
                )
                refuse(self.who, "no exception", f"{type(error).__name__}: {error}", line_of(error, owner))

    def _varies(self) -> str:
        """Words about a thing that gives other numbers each time, which is why any check of it may fail; or nothing."""
        runs = []
        for _ in range(2):
            try:
                utils.set_random_seed(0)
                with device("reference"):
                    runs.append(arrays(self.compute("float32", 60)))
            except Exception:  # it cannot be told
                return ""
        return "" if _equal(*runs) else f"it gives other numbers each time: {REPEATS}"

    def recipe(self, hyperparameters: dict[str, float]) -> dict[str, Any]:
        """How another process makes what `built` gives: from its config, or of a rule with its hyperparameters."""
        assert self.entry is not None
        config = serialize(self.built())
        if config["class_name"] in registries[self.kind]:
            return {"kind": self.kind, "config": config}
        name = f"{self.entry.distribution}:{self.entry.name}"
        return {"kind": self.kind, "rule": name, "hyperparameters": hyperparameters}

    # What a subclass implements

    def make(self) -> Any:
        """A new one."""
        return self.thing

    def compute(self, dtype: str, count: int) -> list[Tensor]:
        """What it gives for about ``count`` numbers of this dtype, gradients too, on the current device."""
        raise NotImplementedError

    def wide(self, dtype: str) -> list[Tensor]:
        """What it gives for numbers that are both small and large."""
        return self.compute(dtype, 200)

    def request(self) -> dict[str, Any]:
        """What another process needs to make the same thing and to compute with it: see `fresh.answer`."""
        raise NotImplementedError

    # What is asked of everything

    def check_backends(self) -> None:
        """On every backend there is, in both dtypes, the numbers of the reference backend."""
        self.check_on(*available_backends())

    def check_on(self, *names: str) -> None:
        """On some backends, in both dtypes, the numbers of the reference backend."""
        for dtype in DTYPES:
            with device("reference"):
                expected = arrays(self.compute(dtype, 60))
            for name in names:
                with device(name):
                    received = arrays(self.compute(dtype, 60))
                same(f"{self.who} in {dtype} on {name!r}", received, expected, "the reference backend", *CLOSE[dtype])

    def check_dtypes(self) -> None:
        """float32 gives float32, and what float64 gives, as far as float32 can hold it."""
        wide = {dtype: self.wide(dtype) for dtype in DTYPES}
        for dtype, results in wide.items():
            for result in results:
                if result.dtype.name != dtype:
                    hint = "a constant array, or NumPy, brings another dtype in: convert it with .astype(x.dtype)"
                    refuse(f"{self.who} in {dtype}", f"results of {dtype}", str(result.dtype), hint)
        single, double = (arrays(wide[dtype]) for dtype in DTYPES)
        fits = [np.abs(array) < 1e37 for array in double]
        single = [np.where(fit, array, 0) for fit, array in zip(fits, single, strict=True)]
        double = [np.where(fit, array, 0) for fit, array in zip(fits, double, strict=True)]
        hint = "something on the way is too large or too small for float32, or cancels: compute it in another order"
        same(f"{self.who} in float32", single, double, "float64", *_FLOAT32_OF_FLOAT64, hint)

    def check_determinism(self) -> None:
        """The same bits twice, and on one thread as on two."""
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
            same(f"{self.who} {how}", runs[run], runs[0], "the first time, bit for bit", 0, 0, REPEATS)

    def check_config(self) -> None:
        """Carried into another process as plain data, it computes the same bits."""
        if self.entry is None:
            raise NotApplicableError("it is not registered by a plugin, so another process cannot know its name")
        request = self.request()
        with device("reference"):
            expected = fresh.outputs(request, self.built())
        try:
            text = json.dumps(fresh.plain(request))
        except TypeError as error:
            hint = "keep names and numbers as arguments of the constructor, and make objects of them inside"
            refuse(f"{self.who}.get_config()", "plain data: numbers, strings, lists, names", str(error), hint)
        answer = fresh.ask(text)
        if "error" in answer:
            hint = "get_config must give what the constructor takes; it does so by itself if it is not overridden"
            refuse(f"{self.who} in another process", "to be made again from its config", answer["error"], hint)
        hint = "something that the outputs depend on is not in get_config(), or not used by from_config()"
        received = [fresh.array(data) for data in answer["outputs"]]
        same(f"{self.who} from its config", received, expected, "the object before", 0, 0, hint)

    def built(self) -> Any:
        """The object that `request` describes."""
        raise NotImplementedError


def _method(heading: str) -> str:
    return f"check_{heading.replace(' ', '_').lower()}"


def available_backends() -> Iterator[str]:
    """The names of the backends that work on this machine, beside the reference."""
    for entry in registries["backend"]:
        if entry.name == "reference":
            continue
        try:
            devices.backend(entry.name)
        except (TensorlabError, ImportError, OSError):  # a device that is not there says nothing about the plugin
            continue
        yield entry.name


def finite(who: str, what: str, tensor: Tensor, hint: str) -> None:
    """Refuse a result that is not finite, naming its first such element."""
    array = np.array(tensor.numpy())
    bad = array[~np.isfinite(array)]
    if bad.size:
        refuse(who, f"finite {what}", f"{bad[0]:g}", hint)


def plain_value(function: Callable[..., Any], *arguments: float) -> float | None:
    """What the plain function gives, or None where Python raises and a kernel does not."""
    try:
        return float(function(*arguments))
    except (ValueError, ZeroDivisionError, OverflowError):
        return None


def same(
    who: str,
    received: list[Array],
    expected: list[Array],
    oracle: str,
    relative: float,
    absolute: float,
    hint: str = "",
) -> None:
    """Refuse results that differ, naming the element that is furthest off."""
    for left, right in zip(received, expected, strict=True):
        if left.shape != right.shape:
            refuse(who, f"the shape {right.shape}, as {oracle}", str(left.shape), hint)
        left, right = left.astype(np.float64), right.astype(np.float64)
        scale = np.nanmax(np.abs(right[np.isfinite(right)]), initial=0.0)
        close = np.isclose(left, right, relative, absolute * np.clip(scale, 1.0, _LARGE), equal_nan=True) | (
            left == right
        )
        if not close.all():
            distance = np.where(close, -1.0, np.nan_to_num(np.abs(left - right), nan=np.inf))
            worst = np.unravel_index(int(np.argmax(distance)), distance.shape)
            place = f" at {tuple(map(int, worst))}" if worst else ""
            refuse(f"{who}{place}", f"{right[worst]:.9g}, as {oracle}", f"{left[worst]:.9g}", hint)


def _equal(left: list[Array], right: list[Array]) -> bool:
    pairs = zip(left, right, strict=False)
    return len(left) == len(right) and all([np.array_equal(a, b, equal_nan=True) for a, b in pairs])


def arrays(tensors: list[Tensor]) -> list[Array]:
    return [np.array(tensor.numpy()) for tensor in tensors]


def _name_of(thing: Any) -> str:
    """Of a rule, that of its function; of anything else its own, or that of its class."""
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
