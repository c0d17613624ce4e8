"""Check the objects that plugins register: each kind has an `Expectation`."""

from __future__ import annotations

import inspect
import keyword
import re
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numpy as np

from tensorlab import callbacks, initializers, layers, losses, metrics, optimizers, regularizers
from tensorlab.backends import ReferenceBackend
from tensorlab.errors import PluginError, ScalarError, short_repr
from tensorlab.ops.lift import Elementwise
from tensorlab.scalars import scalar_function
from tensorlab.scalars.source import is_own
from tensorlab.tensor import Tensor


@dataclass(frozen=True)
class Expectation:
    """What a registered object of some kind must be: an instance of ``rule``, a subclass of ``base``, or a function.

    Attributes:
        base: the class to subclass, or None if a function is expected.
        words: the description of such an object in messages.
        method: the method that the subclass must implement, or "".
        rule: a class whose instances are always accepted, or None.
        arguments: the number of arguments that the function must accept.
    """

    base: type | None
    words: str
    method: str = ""
    rule: type | None = None
    arguments: int = 0

    def mismatch(self, thing: Any) -> tuple[str, str, str] | None:
        """Return None if an object is as expected, otherwise what was expected, what was received, and a hint."""
        if self.rule is not None and isinstance(thing, self.rule):
            return None
        if self.base is not None:
            if not isinstance(thing, type) or not issubclass(thing, self.base):
                hint = ""
                if isinstance(thing, type):
                    hint = f"make {thing.__name__} a subclass of {self.base.__name__}"
                elif isinstance(thing, self.base):
                    hint = "register the class, not an instance"
                return self.words, repr(thing), hint
            return self._method_mismatch(thing) if self.method else None
        if not callable(thing):
            return self.words, repr(thing), ""
        if self.arguments and isinstance(thing, type):
            return self.words, repr(thing), "register an instance, not the class"
        if not _accepts(thing, self.arguments):
            return self.words, f"{thing!r}{_parameters(thing)}", ""
        if self.rule is Elementwise and _is_function_of_numbers(thing):
            return self.words, f"a function of numbers, {thing!r}", f"wrap it: Activation({thing.__name__})"
        return None

    def _method_mismatch(self, thing: type) -> tuple[str, str, str] | None:
        method, own = getattr(self.base, self.method), getattr(thing, self.method)
        signature = f"{self.method}{_parameters(method)}"
        if own is method or not callable(own):
            return f"a method {self.method}", f"{thing!r} without one", f"implement {signature}"
        required = [p for p in inspect.signature(method).parameters.values() if p.default is p.empty]
        if not _accepts(own, len(required)):
            return f"a method {signature}", f"{self.method}{_parameters(own)} of {thing!r}", ""
        return None


def _parameters(function: Callable[..., Any]) -> str:
    parameters = inspect.signature(function).parameters.values()
    return f"({', '.join(str(parameter.replace(annotation=parameter.empty)) for parameter in parameters)})"


def _accepts(function: Callable[..., Any], arguments: int) -> bool:
    """Return whether a function accepts this number of positional arguments."""
    if isinstance(function, type) and inspect.getattr_static(function, "__init__") is object.__init__:
        return arguments == 0  # without inspect.signature, which is slow for object.__init__
    try:
        inspect.signature(function).bind(*range(arguments))
    except TypeError:
        return False
    except ValueError:  # some builtins have no signature
        return True
    return True


def _is_function_of_numbers(function: Callable[..., Any]) -> bool:
    """Return whether a function raises for a tensor but can be lifted. Nothing is compiled."""
    if isinstance(function, FunctionType) and is_own(inspect.unwrap(function)):
        return False  # tensorlab registers functions of tensors, which a call would parse
    backend = ReferenceBackend()
    try:
        function(Tensor(backend.from_host(np.ones((2, 4), np.float32)), backend))
    except Exception:
        try:
            return scalar_function(function).arity == 1
        except ScalarError:
            return False
    return False


EXPECTATIONS = {
    "layer": Expectation(layers.Layer, "a subclass of Layer", "call"),
    "activation": Expectation(
        None, "an Activation, or a function from a tensor to a tensor", rule=Elementwise, arguments=1
    ),
    "loss": Expectation(losses.Loss, "a LossRule, or a subclass of Loss", "call", losses.LossRule),
    "optimizer": Expectation(
        optimizers.Optimizer, "an OptimizerRule, or a subclass of Optimizer", rule=optimizers.OptimizerRule
    ),
    "metric": Expectation(metrics.Metric, "a subclass of Metric"),
    "initializer": Expectation(initializers.Initializer, "a subclass of Initializer", "__call__"),
    "regularizer": Expectation(regularizers.Regularizer, "a subclass of Regularizer", "__call__"),
    "callback": Expectation(callbacks.Callback, "a subclass of Callback"),
    "dataset": Expectation(None, "a function that returns ((x_train, y_train), (x_test, y_test))"),
    "backend": Expectation(None, "a function without arguments that returns a Backend"),
}


def check(who: str, kind: str, name: Any, thing: Any) -> None:
    """Check the name and the object that a hook returned.

    Raises:
        PluginError: naming the plugin and the hook (``who``), the name, what was expected, and what was received.
    """
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        spelling = re.sub(r"\W", "_", name) if isinstance(name, str) else ""
        hint = f"rename it to {spelling!r}" if spelling.isidentifier() and not keyword.iskeyword(spelling) else ""
        raise PluginError(who, "names that are Python identifiers", short_repr(name), hint)
    mismatch = EXPECTATIONS[kind].mismatch(thing)
    if mismatch is not None:
        raise PluginError(f"{who}, {name!r}", *mismatch)
