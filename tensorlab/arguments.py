"""Errors for calls with wrong arguments: which function, which argument, and what to write instead."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar

from tensorlab.errors import ArgumentTypeError, SymbolicArgumentError, nearest, short_repr

F = TypeVar("F", bound=Callable[..., None])
P = ParamSpec("P")
R = TypeVar("R")

RENAMED = {
    "lr": "learning_rate",
    "init": "kernel_initializer",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "bias": "use_bias",
    "output_dim": "units",
    "out_features": "units",
    "p": "rate",
    "prob": "rate",
    "nb_epoch": "epochs",
    "n_epochs": "epochs",
    "X": "x",
    "Y": "y",
    "eps": "epsilon",
    "std": "stddev",
    "scale": "stddev",
    "low": "minval",
    "high": "maxval",
    "requires_grad": "trainable",
    "initial_value": "value",
    "value": "initial_value",
    "metric": "metrics",
    "dim": "axis",
    "axes": "axis",
    "keepdim": "keepdims",
    "keep_dims": "keepdims",
    "input": "x",
}
"""Argument names of Keras 2, Keras 1, PyTorch and scikit-learn, and the names here."""

WITHOUT_COUNTERPART = {
    "decay": "give learning_rate=tl.optimizers.schedules.InverseTimeDecay(rate, 1, decay)",
    "weight_decay": "give layers kernel_regularizer=tl.regularizers.L2(...)",
    "clipnorm": "clip the gradients between GradientTape.gradient and apply_gradients",
    "clipvalue": "clip the gradients between GradientTape.gradient and apply_gradients",
    "input_shape": "begin the model with tl.layers.Input(shape=...)",
    "input_dim": "begin the model with tl.layers.Input(shape=(input_dim,))",
    "batch_input_shape": "begin the model with tl.layers.Input(shape=...), without the batch",
    "in_features": "leave it out: a layer takes it from its first inputs",
    "weights": "build the layer and call set_weights(...)",
    "show_accuracy": 'call compile(metrics=["accuracy"])',
    "workers": "leave it out: tl.set_num_threads says how many threads compute",
    "use_multiprocessing": "leave it out: tl.set_num_threads says how many threads compute",
    "max_queue_size": "leave it out: batches need no queue",
    "device": "use with tl.device(...) around the call",
}
"""Arguments of those libraries that have no counterpart here, and what to do instead."""


def advice(name: str, known: Iterable[str]) -> str:
    """Return what to write instead of an unknown argument: its name here, an alternative, or similar names."""
    names = list(known)
    if RENAMED.get(name) in names:
        return f"write {RENAMED[name]}=..."
    if name in WITHOUT_COUNTERPART:
        return WITHOUT_COUNTERPART[name]
    found = nearest(name, names) if names else ""
    return found if found.startswith("did you mean") else ""


def misfit(
    who: str,
    signature: inspect.Signature,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    known: list[str] | None = None,
) -> ArgumentTypeError | None:
    """Return the error that says which argument of a call is wrong, or None if the call is valid.

    Args:
        who: the function, for messages.
        signature: its signature, without ``self``.
        args: the positional arguments.
        kwargs: the keyword arguments.
        known: all valid argument names, if ``**kwargs`` of the function are passed on to functions with known
            arguments; if None, those of the signature.
    """
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError:
        return _explained(who, list(signature.parameters.values()), args, kwargs, known)
    for name, value in bound.arguments.items():
        default = signature.parameters[name].default
        # NumPy says only that "the truth value of an array is ambiguous", for example for MeanSquaredError(y, y_pred)
        single = isinstance(default, (bool, str)) or name in ("copy", "device", "name")
        if single and getattr(value, "shape", ()) not in ((), None):
            expected = "True or False" if isinstance(default, bool) or name == "copy" else "a string"
            return ArgumentTypeError(who, f"{expected} for {name!r}", f"an array of shape {tuple(value.shape)}")
    return None


def _explained(
    who: str,
    parameters: list[inspect.Parameter],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    known: list[str] | None,
) -> ArgumentTypeError:
    kinds = {parameter.kind for parameter in parameters}
    by_position = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    by_name = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    nameless = [p.name for p in by_position if p.kind is p.POSITIONAL_ONLY]
    takes_any = known is None and inspect.Parameter.VAR_KEYWORD in kinds
    known = [*nameless, *by_name] if known is None else known
    given = by_position[: len(args)]
    listed = f"arguments among: {', '.join(known)}" if known else "no arguments"
    for name in kwargs:
        if name in nameless:
            return ArgumentTypeError(who, f"{name} by position", f"{name}=...", "leave its name out")
        if name not in known and not takes_any:
            return ArgumentTypeError(who, listed, f"the unknown argument {name!r}", advice(name, known))
        if any(parameter.name == name for parameter in given):
            return ArgumentTypeError(who, f"one value for {name!r}", "one by position and one by name")
    if len(args) > len(by_position) and inspect.Parameter.VAR_POSITIONAL not in kinds:
        names = [p.name for p in by_position]
        most = f"at most {len(names)} {'argument' if len(names) == 1 else 'arguments'}" if names else "no arguments"
        only = [name for name in known if name not in names]
        hint = f"give by name: {', '.join(only)}" if only else "give them by name" if takes_any else ""
        expected = (
            f"{most} by position{' (' + ', '.join(names) + ')' if names else ''}" if known or takes_any else listed
        )
        return ArgumentTypeError(who, expected, str(len(args)), hint)
    missing = [p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    lacking = [name for name in missing if name not in kwargs and all(p.name != name for p in given)]
    return ArgumentTypeError(who, f"a value for {' and '.join(map(repr, lacking))}", "none")


def of_constructor(cls: type, init: Callable[..., Any]) -> list[str] | None:
    """Return the argument names of a constructor, including those of the constructors it passes ``**options`` to.

    Args:
        cls: the class of the object.
        init: the constructor of the class or of one of its bases.

    Returns:
        the names, or None if the last constructor takes any argument.
    """
    names: list[str] = []
    init = inspect.unwrap(init)
    inits = [inspect.unwrap(vars(base)["__init__"]) for base in cls.__mro__ if "__init__" in vars(base)]
    for each in inits[inits.index(init) :]:
        parameters = list(inspect.signature(each).parameters.values())[1:]
        names += [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return list(dict.fromkeys(names))
    return None


def check_name(who: str, name: Any) -> None:
    """Raise ArgumentTypeError unless a name is a string or None."""
    if not isinstance(name, (str, type(None))):
        raise ArgumentTypeError(f"{who} name", "a string", short_repr(name))


def check_callable(who: str, expected: str, function: Any) -> None:
    """Raise ArgumentTypeError unless a function can be called."""
    if not callable(function):
        raise ArgumentTypeError(who, expected, short_repr(function))


def without_self(function: Callable[..., Any]) -> inspect.Signature:
    """Return the signature of a method without ``self``."""
    signature = inspect.signature(function)
    return signature.replace(parameters=list(signature.parameters.values())[1:])


def followed_by(base: type) -> Callable[[F], F]:
    """Decorate a constructor that passes ``*args`` and ``**options`` on to that of a base class.

    Its signature has the arguments of the base in their place, so each list of arguments is written once: after
    ``(self, units, *args, **options)``, with a base whose arguments are ``(activation=None, **options)``, it is
    ``(self, units, activation=None, **options)``. Errors, `get_config` and `help` use the signature.
    """

    def decorate(init: F) -> F:
        signature = inspect.signature(init)
        own = [p for p in signature.parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
        passed_on = without_self(base.__init__).parameters.values()  # type: ignore[misc]
        init.__signature__ = signature.replace(parameters=[*own, *passed_on])  # type: ignore[attr-defined]
        return init

    return decorate


def named(method: Callable[Concatenate[Any, P], R]) -> Callable[Concatenate[Any, P], R]:
    """Decorate a method so that errors about wrong arguments name the object, the argument, and what to write instead.

    Arguments are checked only after an error, so a valid call costs only one more frame.
    """

    @functools.wraps(method)
    def wrapper(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(self, *args, **kwargs)
        except (TypeError, ValueError):
            error = misfit(_who(self, method.__name__), without_self(method), args, kwargs)
            if error is None:
                raise
        raise error

    return wrapper


def with_argument_errors(function: Callable[P, R], module: str, who: str = "") -> Callable[P, R]:
    """Wrap a public function so that errors about wrong arguments name the function and say what to write instead.

    Args:
        function: the function.
        module: the module that has the wrapped function under the same name, for pickling.
        who: the name in messages; the function's name by default.
    """

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except SymbolicArgumentError as symbolic:
            result: R = symbolic.record(function.__name__, wrapper, args, kwargs)
            return result
        except (TypeError, ValueError):
            error = misfit(who or function.__name__, inspect.signature(function), args, kwargs)
            if error is None:
                raise
        raise error

    wrapper.__module__ = module
    return wrapper


def wrap_functions(namespace: dict[str, Any], names: Iterable[str]) -> None:
    """Wrap the public functions of a module with `with_argument_errors`.

    Code inside of the package uses the unwrapped functions.
    """
    wrapped: dict[Any, Any] = {}  # two names of the same function get the same wrapper
    for name in names:
        if inspect.isfunction(namespace[name]) and not hasattr(namespace[name], "__wrapped__"):
            function = namespace[name]
            if function not in wrapped:
                wrapped[function] = with_argument_errors(function, namespace["__name__"])
            namespace[name] = wrapped[function]


def _who(made: Any, method: str) -> str:
    if method == "__init__":
        return type(made).__name__
    who: str = getattr(made, "_who", type(made).__name__)
    return who if method == "__call__" else f"{who}.{method}"
