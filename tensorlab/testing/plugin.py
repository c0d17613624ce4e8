"""Conformance checks of a whole plugin: it loads, its import has no side effects, and the checks of what it adds."""

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
from tensorlab.testing.report import Check, NotApplicableError, Report, refuse
from tensorlab.testing.subject import Subject, arrays, same
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
"""The checks of each kind."""

_SECONDS = 1.0
"""The longest import of a plugin, without that of tensorlab."""


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
    """Return every check of a plugin. If it cannot be loaded, only the check "loads" is returned.

    Raises:
        UnknownNameError: for a plugin that is not installed.
    """
    made = dict(examples or {})
    all_checks = []
    for plugin in find(name):
        who = f"plugin {plugin.name!r}"
        wrong_slope = isinstance(plugin.exception, DerivativeError)
        all_checks.append(Check(who, "gradients" if wrong_slope else "loads", _loads(who, plugin)))
        if plugin.error is None:
            all_checks.append(Check(who, "import", _imports(who, plugin)))
        if _watching(plugin):
            all_checks.append(Check(who, "watches", _watches(who, plugin)))
        for entry in plugin.entries:
            all_checks += _of_entry(entry, made)
    return all_checks


def _of_entry(entry: Entry, examples: Mapping[str, Any]) -> list[Check]:
    """Return the checks of an entry, or of an example of it."""
    subject = SUBJECTS[entry.kind](examples.get(entry.name, entry.thing), entry.name)
    subject.entry = entry
    return subject.checks()


def _loads(who: str, plugin: Plugin) -> Callable[[], None]:
    def check() -> None:
        if plugin.error is not None:
            refuse(who, f"that {plugin.distribution} loads", plugin.error)
        if plugin.skipped:
            refuse(who, f"that {plugin.distribution} loads", plugin.outcome, f"add {plugin.distribution} to it")
        if not plugin.entries and not _watching(plugin):
            hint = "a hook is a function tensorlab_register_... with @hookimpl in the module of the entry point"
            refuse(who, "that it registers something", "nothing", hint)

    return check


def _imports(who: str, plugin: Plugin) -> Callable[[], None]:
    def check() -> None:
        if not plugin.module:
            raise NotApplicableError("it was registered by a program, not found as an entry point")
        question = json.dumps({"import": plugin.module})
        answer = fresh.ask(question)
        if answer.get("seconds", 0.0) > _SECONDS:  # try again: the machine may have been busy
            answer = fresh.ask(question)
        if "error" in answer:
            refuse(f"{who}: its import", "no exception", answer["error"])
        wrong = {
            "numbers drawn from a generator that everybody shares": ", ".join(answer["drawn"]),
            "a file written": ", ".join(answer["written"][:3]),
            "kernels made ready": "tensors were computed" if answer["compiled"] else "",
            f"more than {_SECONDS:g} s": f"{answer['seconds']:.1f} s" if answer["seconds"] > _SECONDS else "",
        }
        for what, words in wrong.items():
            if words:
                hint = "leave all work to the functions and constructors: whoever looks any name up imports the module"
                refuse(f"{who}: its import", "nothing but definitions", f"{what} ({words})", hint)

    return check


def _watching(plugin: Plugin) -> bool:
    return any(hook in observers.HOOKS for hook in plugin.hooks)


def _watches(who: str, plugin: Plugin) -> Callable[[], None]:
    def check() -> None:
        watching = [each for each in manager.observers() if getattr(each, "who", None) == plugin.who]
        with _watched_by([]):
            alone = trained()
        with _watched_by(watching), warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always", PluginWarning)
            watched = trained()
        for warning in warned:
            refuse(f"{who} in a small run of fit", "no exception", str(warning.message))
        hint = "an observing hook must not change the run; use a callback for that"
        same(f"{who}: a run that it observes", arrays(watched), arrays(alone), "a run alone", 0, 0, hint)

    return check


@contextmanager
def _watched_by(watching: list[callbacks.Callback]) -> Iterator[None]:
    before, callbacks.find_observers = callbacks.find_observers, lambda: watching
    try:
        yield
    finally:
        callbacks.find_observers = before


def check_plugin(name: str, *, examples: Mapping[str, Any] | None = None) -> Report:
    """Check an installed plugin: it loads, its import does no work, and everything that it registers passes its checks.

    Args:
        name: the name of its distribution or of its entry point.
        examples: objects to check, by the registered names of their classes. They are needed for classes that cannot be
            constructed with 3 for each argument without a default value: ``{"Maxout": Maxout(units=3, pieces=2)}``.

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
    """Return a pytest test that runs every check of a plugin, one test id for each. It is all that a test file needs.

    Without examples no file is needed: pytest's setting ``tensorlab_plugins = ["tensorlab-swish"]`` does the same.

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
