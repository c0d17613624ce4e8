"""Conformance checks of a whole plugin: loading, import, observers, and the checks of everything that it registers."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tensorlab import callbacks
from tensorlab.environment import pip
from tensorlab.errors import ArgumentTypeError, DerivativeError, PluginWarning, UnknownNameError, nearest, short_repr
from tensorlab.plugins import manager, observers
from tensorlab.plugins.record import Plugin
from tensorlab.registry import Entry, normalized
from tensorlab.testing import fresh
from tensorlab.testing.activation import ActivationSubject
from tensorlab.testing.backend import BackendSubject
from tensorlab.testing.callback import CallbackSubject
from tensorlab.testing.dataset import DatasetSubject
from tensorlab.testing.initializer import InitializerSubject
from tensorlab.testing.layer import LayerSubject
from tensorlab.testing.loss import LossSubject
from tensorlab.testing.metric import MetricSubject
from tensorlab.testing.optimizer import OptimizerSubject
from tensorlab.testing.regularizer import RegularizerSubject
from tensorlab.testing.report import Check, NotApplicableError, Report, fail
from tensorlab.testing.subject import Subject, arrays, require_close
from tensorlab.testing.training import trained

SUBJECTS: dict[str, type[Subject]] = {
    subject.kind: subject
    for subject in (
        ActivationSubject,
        LossSubject,
        OptimizerSubject,
        LayerSubject,
        MetricSubject,
        InitializerSubject,
        RegularizerSubject,
        CallbackSubject,
        DatasetSubject,
        BackendSubject,
    )
}
"""The class of checks of each kind."""

_SCALAR = ("activation", "loss", "optimizer")
"""The kinds that are scalar functions, which have kernels of their own."""
_MAX_IMPORT_SECONDS = 1.0
"""The time that the import of a plugin may take, after that of tensorlab."""


def find(name: str, who: str = "check-plugin") -> list[Plugin]:
    """Return the plugins of a distribution, or the one of an entry point.

    Args:
        name: the name of the distribution or the entry point.
        who: the caller, in messages.

    Raises:
        UnknownNameError: for an unknown name, with the nearest ones.
        ArgumentTypeError: for anything that is not a string.
    """
    if not isinstance(name, str):
        raise ArgumentTypeError(who, "the name of an installed plugin", short_repr(name))
    manager.load()
    wanted = normalized(name)
    found = [plugin for plugin in manager.plugins if normalized(plugin.distribution) == wanted]
    found = found or [plugin for plugin in manager.plugins if normalized(plugin.name) == wanted]
    if not found:
        known = {word for plugin in manager.plugins for word in (plugin.distribution, plugin.name)}
        install = f"a new one is found once it is installed in {sys.prefix}: {pip()} install -e ."
        hint = f"{nearest(name, known)} ({install})"
        raise UnknownNameError(who, "the name of an installed plugin", short_repr(name), hint)
    return found


def checks(name: str, examples: Mapping[str, Any] | None = None) -> list[Check]:
    """Return every check of a plugin. If it cannot be loaded, only the check that fails is returned.

    Raises:
        UnknownNameError: for a plugin that is not installed.
    """
    given = dict(examples or {})
    all_checks = []
    for plugin in find(name):
        who = f"plugin {plugin.name!r}"
        wrong_derivative = isinstance(plugin.exception, DerivativeError)  # found while the plugin was loaded
        all_checks.append(Check(who, "gradients" if wrong_derivative else "loads", _check_of_loading(who, plugin)))
        if plugin.error is None:
            all_checks.append(Check(who, "import", _check_of_import(who, plugin)))
            if any(entry.kind in _SCALAR for entry in plugin.entries):
                all_checks.append(Check(who, "kernels", _check_of_kernels(who, plugin)))
        if _observes(plugin):
            all_checks.append(Check(who, "watches", _check_of_observer(who, plugin)))
        for entry in plugin.entries:
            all_checks += _checks_of_entry(entry, given)
    return all_checks


def _checks_of_entry(entry: Entry, examples: Mapping[str, Any]) -> list[Check]:
    """Return the checks of a registered object, or of the given example if there is one."""
    subject = SUBJECTS[entry.kind](examples.get(entry.name, entry.thing), entry.name)
    subject.entry = entry
    return subject.checks()


def _check_of_loading(who: str, plugin: Plugin) -> Callable[[], None]:
    def check() -> None:
        if plugin.error is not None:
            fail(who, f"that {plugin.distribution} loads", plugin.error)
        if plugin.skipped:
            fail(
                who,
                f"that {plugin.distribution} loads",
                plugin.outcome,
                f"add {plugin.distribution} to TENSORLAB_PLUGINS",
            )
        if not plugin.entries and not _observes(plugin):
            hint = "a hook is a function tensorlab_register_... with @hookimpl in the module of the entry point"
            fail(who, "registered objects or observing hooks", "none", hint)

    return check


def _check_of_import(who: str, plugin: Plugin) -> Callable[[], None]:
    def check() -> None:
        if not plugin.module:
            raise NotApplicableError("it was registered by a program, not found as an entry point")
        question = json.dumps({"import": plugin.module})
        answer = fresh.ask(question)
        if answer.get("seconds", 0.0) > _MAX_IMPORT_SECONDS:  # try again: the machine may have been busy
            answer = fresh.ask(question)
        if "error" in answer:
            fail(f"{who}: its import", "no exception", answer["error"])
        slow = answer["seconds"] > _MAX_IMPORT_SECONDS
        side_effects = {
            "random numbers drawn from a global generator": ", ".join(answer["drawn"]),
            "a file written": ", ".join(answer["written"][:3]),
            "compiled kernels loaded": "tensors were computed" if answer["compiled"] else "",
            f"more than {_MAX_IMPORT_SECONDS:g} s": f"{answer['seconds']:.1f} s" if slow else "",
        }
        for effect, details in side_effects.items():
            if details:
                hint = "move the work into functions and constructors: looking up any name imports the module"
                fail(f"{who}: its import", "only definitions", f"{effect} ({details})", hint)

    return check


def _check_of_kernels(who: str, plugin: Plugin) -> Callable[[], None]:
    def check() -> None:
        from tensorlab import building
        from tensorlab.kernels.runtime import shipped

        status = shipped.status_of_plugin(plugin.module) if plugin.module else None
        if status is None:
            raise NotApplicableError("it ships none; they are compiled at first use")
        hint = f"build the wheel of {plugin.distribution} again"
        if status.library is None:
            fail(f"{who}: its kernels", "kernels that fit this processor, Python and tensorlab", status.reason, hint)
        needed = {shipped.identifier(kernel.key): kernel.name for kernel in building.kernels_of_plugin(plugin)}
        missing = {name for key, name in needed.items() if key not in status.library.kernels}
        if missing:
            fail(f"{who}: its kernels", "all that it needs", f"none for {', '.join(sorted(missing))}", hint)

    return check


def _observes(plugin: Plugin) -> bool:
    return any(hook in observers.HOOKS for hook in plugin.hooks)


def _check_of_observer(who: str, plugin: Plugin) -> Callable[[], None]:
    def check() -> None:
        own = [observer for observer in manager.observers() if getattr(observer, "who", None) == plugin.who]
        with _only_observers([]):
            alone = trained()
        with _only_observers(own), warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always", PluginWarning)
            observed = trained()
        for warning in warned:
            fail(f"{who} in a small run of fit", "no exception", str(warning.message))
        hint = "an observing hook must not change the run; use a callback for that"
        require_close(f"{who}: a run that it observes", arrays(observed), arrays(alone), "a run alone", 0, 0, hint)

    return check


@contextmanager
def _only_observers(observers: list[callbacks.Callback]) -> Iterator[None]:
    """Replace the observers of all plugins in a block."""
    before = callbacks.find_observers
    callbacks.find_observers = lambda: observers
    try:
        yield
    finally:
        callbacks.find_observers = before


def check_plugin(name: str, *, examples: Mapping[str, Any] | None = None) -> Report:
    """Check that an installed plugin loads, that its import does no work, and that all its objects pass their checks.

    Args:
        name: the name of its distribution or of its entry point.
        examples: objects to check, by the registered names of their classes. They are needed for classes that cannot be
            constructed with 3 for each required argument: ``{"Maxout": Maxout(units=3, pieces=2)}``.

    Returns:
        the report.

    Raises:
        ConformanceError: (an AssertionError) if a check failed. It names the check, what was expected, and what to do.
        UnknownNameError: for a plugin that is not installed, with the nearest names.

    Example:
        ``print(tl.testing.check_plugin("tensorlab-swish"))``, if that distribution is installed.
    """
    return Report(name, checks(name, examples)).raised()


def plugin_test(name: str, *, examples: Mapping[str, Any] | None = None) -> Callable[[Any], None]:
    """Return a parametrized pytest test that runs every check of a plugin. A test file needs nothing else.

    Without examples, pytest's setting ``tensorlab_plugins = ["tensorlab-swish"]`` does the same, without a test file.

    Args:
        name: the name of its distribution or of its entry point.
        examples: objects to check, as in `check_plugin`.

    Returns:
        the test function.

    Raises:
        UnknownNameError: for a plugin that is not installed, when pytest collects the file.

    Example:
        ``test_plugin = tl.testing.plugin_test("tensorlab-swish")``, if that distribution is installed.
    """
    import pytest

    found = checks(name, examples)
    names = [f"{check.subject}-{check.heading}".replace("'", "") for check in found]

    @pytest.mark.parametrize("check", found, ids=names)
    def test_plugin(check: Check) -> None:
        check.test()

    return test_plugin
