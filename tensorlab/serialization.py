"""Conversion of objects to plain data and back: ``{"class_name": ..., "kind": ..., "config": ...}``, or a name."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping
from types import GeneratorType
from typing import Any

import numpy as np

from tensorlab import arguments
from tensorlab.errors import ArgumentTypeError, UnknownNameError, nearest, short_repr
from tensorlab.loading import loading
from tensorlab.registry import registries
from tensorlab.scalars import ScalarFunction
from tensorlab.scalars.data import from_data, to_data


class Configured:
    """The base of objects that record their constructor's arguments, so that subclasses get `get_config` for free."""

    _kind = "layer"

    @property
    def _maker(self) -> Any:
        """The registered object that creates such objects: the class, or a rule."""
        return type(self)

    def __new__(cls, /, *args: Any, **kwargs: Any) -> Any:
        _capture(cls)
        return super().__new__(cls)

    def __init__(self, /, *args: Any, **kwargs: Any) -> None:
        following = super().__init__
        if (args or kwargs) and following == object.__init__.__get__(self):
            raise arguments.misfit(type(self).__name__, inspect.Signature(), args, kwargs)  # type: ignore[misc]
        following(*args, **kwargs)

    def _constructed(self) -> None:
        """Called after the constructor of the object's class has returned."""

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data, for `from_config`."""
        arguments = self.__dict__.get("_constructed_with", {})
        return {name: serialize(value) for name, value in arguments.items()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Create an object from the result of `get_config`.

        Raises:
            ArgumentTypeError: for anything but a dict of the constructor's arguments.
        """
        check_config(f"{cls.__name__}.from_config", config)
        values = {name: deserialize(value) for name, value in config.items()}
        parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
        positional: list[Any] = []
        if any(parameter.kind is inspect.Parameter.VAR_POSITIONAL for parameter in parameters):
            for parameter in parameters:
                if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
                    positional.extend(values.pop(parameter.name, ()))
                elif parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD:
                    positional.append(values.pop(parameter.name))
        return cls(*positional, **values)


def _capture(cls: type) -> None:
    """Let the constructors of a class remember their arguments, before its first object is made.

    A decorator, such as `dataclass`, replaces a constructor after the class has been made.
    """
    if "_captures" in cls.__dict__:
        return
    for each in cls.__mro__:
        if issubclass(each, Configured) and each is not Configured and "_captures" not in each.__dict__:
            if "__init__" in each.__dict__:
                each.__init__ = _captured(each.__init__)  # type: ignore[method-assign]
            each._captures = True  # type: ignore[attr-defined]


def _captured(init: Callable[..., None]) -> Callable[..., None]:
    signature = inspect.signature(init)

    @functools.wraps(init)
    def wrapper(self: Any, /, *args: Any, **kwargs: Any) -> None:
        outermost = "_constructed_with" not in self.__dict__
        if outermost:  # not a base constructor that it calls
            args = tuple([_repeatable(value) for value in args])
            kwargs = {name: _repeatable(value) for name, value in kwargs.items()}
            try:
                bound = signature.bind(self, *args, **kwargs)
            except TypeError:
                raise _misfit(self, init, args, kwargs) from None  # type: ignore[misc]
            # A dataclass calls its default factories itself.
            fields = dataclasses.fields(self) if dataclasses.is_dataclass(self) else ()
            made = {field.name for field in fields if field.default_factory is not dataclasses.MISSING}
            made -= set(bound.arguments)
            bound.apply_defaults()
            captured: dict[str, Any] = {}
            for name, parameter in list(signature.parameters.items())[1:]:
                if name in made:
                    continue
                if parameter.kind is inspect.Parameter.VAR_KEYWORD:
                    captured |= bound.arguments.get(name, {})
                else:
                    captured[name] = bound.arguments[name]
            self.__dict__["_constructed_with"] = captured
        try:
            init(self, *args, **kwargs)
        except (TypeError, ValueError):
            error = _misfit(self, init, args, kwargs)
            if error is None:  # raised inside of the constructor
                raise
            raise error from None
        if outermost:
            self._constructed()

    return wrapper


def _repeatable(value: Any) -> Any:
    """Convert an iterator to a list, because it can be read only once and cannot be copied or pickled."""
    return list(value) if isinstance(value, (GeneratorType, map, filter, zip)) else value


def _misfit(
    made: Any, init: Callable[..., None], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> ArgumentTypeError | None:
    """Return the error for arguments that do not fit a constructor, or None if they do.

    It names the class of the object, or the base whose constructor was called with other arguments.
    """
    cls, own = type(made), inspect.unwrap(type(made).__init__)
    given = set(kwargs) & set(made.__dict__.get("_constructed_with", ()))
    if inspect.unwrap(init) is own or given:
        who, known = cls.__name__, arguments.of_constructor(cls, own)
    else:
        who, known = f"{cls.__name__}: {init.__qualname__}", arguments.of_constructor(cls, init)
    return arguments.misfit(who, arguments.without_self(init), args, kwargs, known)


@dataclasses.dataclass(frozen=True)
class Value:
    """How objects that need no name in a registry become plain data, such as those made from scalar functions.

    Attributes:
        name: the ``class_name`` in their configs, whose kind is "value".
        to_config: returns the config of an object.
        from_config: makes an object from a config.
    """

    name: str
    to_config: Callable[[Any], dict[str, Any]]
    from_config: Callable[[Mapping[str, Any]], Any]


_VALUE = "value"
_values: dict[type, Value] = {}
functions: dict[str, Callable[..., Any]] = {}
"""Functions of tensorlab that configs may refer to by name."""


def add_value(cls: type, value: Value) -> None:
    """Let `serialize` and `deserialize` convert objects of exactly this class."""
    _values[cls] = value


def value_of(thing: Any) -> Value | None:
    """Return what was added for exactly the class of an object."""
    return _values.get(type(thing))


def _as_value(thing: Any, **more: Any) -> dict[str, Any] | None:
    value = value_of(thing)
    if value is None:
        return None
    return {"class_name": value.name, "kind": _VALUE, "config": {**value.to_config(thing), **more}}


def serialize(value: Any) -> Any:
    """Convert a constructor's argument to plain data: numbers, strings, lists, names of registered objects, configs."""
    if isinstance(value, Configured) and value._kind not in registries:  # its owner makes it from the config
        return {"class_name": type(value).__name__, "config": value.get_config()}
    if isinstance(value, Configured):
        maker = value._maker
        name = registries[value._kind].name_of(maker)
        if name is None:  # a value, or made by one, such as a rule that no plugin registers
            made = _as_value(value) if maker is type(value) else _as_value(maker, made=value.get_config())
            if made is not None:
                return made
        return {"class_name": name or maker.__name__, "kind": value._kind, "config": value.get_config()}
    if isinstance(value, np.dtype):
        return value.name
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        return [serialize(item) for item in value]
    if isinstance(value, dict):
        return {key: serialize(item) for key, item in value.items()}
    if callable(value):
        names = (registry.name_of(value) for registry in registries.values())
        name = next((name for name in names if name is not None), None)
        maker = getattr(value, "_maker", None)  # a registered activation with other hyperparameters
        if name is None and maker is not None and (made_by := registries["activation"].name_of(maker)):
            return {"class_name": made_by, "kind": "activation", "config": value.get_config()}
        if name is not None:
            return name
    return _as_value(value) or value


def deserialize(value: Any) -> Any:
    """Undo `serialize`. Names stay names, because all constructors accept them.

    Raises:
        UnknownNameError: for an unknown kind or name; the message suggests similar names.
        ArgumentTypeError: for a config that is not a dict of arguments.
    """
    if isinstance(value, dict) and set(value) == {"class_name", "kind", "config"}:
        kind, name, config = value["kind"], value["class_name"], value["config"]
        if kind == _VALUE:
            return _value_named(name).from_config(check_config(f"config of {name!r}", config))
        if not isinstance(kind, str) or kind not in registries:
            known = nearest(str(kind), registries)
            raise UnknownNameError(f"config of {name!r}", "a kind that plugins register", short_repr(kind), known)
        maker = _maker(kind, name)
        return maker.from_config(check_config(f"config of {kind} {name!r}", config))
    if isinstance(value, dict):
        return {key: deserialize(item) for key, item in value.items()}
    if isinstance(value, list):
        return [deserialize(item) for item in value]
    return value


def of_kind(kind: str, config: Any) -> Any:
    """Return what `deserialize` makes of a config that may be one of Keras, which does not name the kind."""
    if isinstance(config, dict) and "class_name" in config:
        parts = {"kind": kind, "config": {}, **config}
        config = {part: parts[part] for part in ("class_name", "kind", "config")}
    return deserialize(config)


def deserializer(module: str, kind: str, get: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the function `deserialize` of the module of a kind.

    Args:
        module: the name of the module, by which the function is pickled.
        kind: the kind.
        get: the module's function that returns an object from its name, config or class.
    """

    def deserialize(config: Any) -> Any:
        if config is not None and not isinstance(config, (dict, str)):
            raise ArgumentTypeError(f"{kind} deserialize", "a config, or a name", short_repr(config))
        return get(config)

    deserialize.__doc__ = f"""Return the {kind} of a config that `serialize`, or Keras's function, returned.

    Raises:
        UnknownNameError: for an unknown name; the message suggests similar names.
        ArgumentTypeError: for something that is neither a config nor a name.
    """
    deserialize.__module__, deserialize.__qualname__ = module, "deserialize"
    return deserialize


def scalar_to_data(function: ScalarFunction | None) -> Any:
    """Return a scalar function as plain data; None for None."""
    return None if function is None else to_data(function)


def scalar_from_data(data: Any) -> ScalarFunction:
    """Return the scalar function of plain data.

    Raises:
        ScalarError: for anything else, and while a file is read for loops that may not end, unless they are allowed.
    """
    reading = loading.get()
    if reading is None:
        return from_data("config", data, unbounded=True)
    return from_data(reading.who, data, unbounded=reading.unbounded_loops)


def rule_value(name: str, cls: Callable[[ScalarFunction], Any]) -> Value:
    """Return how a rule, an object made from one scalar function, becomes plain data, and what such a rule makes."""

    def from_config(config: Mapping[str, Any]) -> Any:
        rule = cls(scalar_from_data(check_config(name, config, "function")["function"]))
        return rule.from_config(check_config(name, config["made"])) if "made" in config else rule

    return Value(name, lambda rule: {"function": scalar_to_data(rule.scalar)}, from_config)


def _maker(kind: str, name: Any) -> Any:
    """Return the registered object of a name. While a file is read, the user's own objects come first."""
    reading = loading.get()
    if reading is None:
        return registries[kind].get(name)
    reading.check_kind(kind)
    if isinstance(name, str) and name in reading.custom_objects:
        return reading.custom_objects[name]
    return registries[kind].get(name)


def _value_named(name: Any) -> Value:
    for value in _values.values():
        if value.name == name:
            return value
    known = nearest(str(name), [value.name for value in _values.values()])
    raise UnknownNameError("config", "the name of a kind of value", short_repr(name), known)


def check_config(who: str, config: Any, *needed: str) -> Any:
    """Return a config if it is a dict of arguments that contains ``needed``.

    Raises:
        ArgumentTypeError: for anything else.
    """
    if not isinstance(config, Mapping) or not all(isinstance(name, str) for name in config):
        raise ArgumentTypeError(who, "a dict of arguments, as get_config returns it", short_repr(config))
    lacking = [name for name in needed if name not in config]
    if lacking:
        raise ArgumentTypeError(who, f"a config with {' and '.join(map(repr, lacking))}", short_repr(config))
    return config


def get(kind: str, identifier: Any, base: type) -> Any:
    """Return an object of a kind from its name, class or config; an object is returned as it is.

    Raises:
        UnknownNameError: for an unknown name.
        ArgumentTypeError: for anything else.
    """
    if isinstance(identifier, str):
        identifier = registries[kind].get(identifier)
    elif isinstance(identifier, dict):
        identifier = of_kind(kind, identifier)
    if isinstance(identifier, type) and issubclass(identifier, base):
        identifier = identifier()
    if isinstance(identifier, base):
        return identifier
    raise ArgumentTypeError(kind, f"a name, a config, or an object of {base.__name__}", short_repr(identifier))
