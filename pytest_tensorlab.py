"""The pytest plugin of tensorlab: every check of a tensorlab plugin is a test.

``pytest --tensorlab-plugin tensorlab-swish`` adds the checks of an installed distribution to a run. The setting
``tensorlab_plugins`` adds them to every run of a whole test suite, so that no test file is needed.

pytest imports this module at every start. So it is outside of the package, and imports the package only when needed.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tensorlab.testing.report import Check

_OPTION = "--tensorlab-plugin"
_SETTING = "tensorlab_plugins"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and the setting."""
    group = parser.getgroup("tensorlab", "plugins of tensorlab")
    words = "run every check of the installed tensorlab plugin DIST; can be repeated"
    group.addoption(_OPTION, action="append", default=[], metavar="DIST", help=words)
    parser.addini(_SETTING, f"values of {_OPTION} for every run of the whole suite", "args", [])


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Find the requested distributions. Without one, do nothing.

    Raises:
        UsageError: for a distribution that is not installed, with the nearest installed names.
    """
    config = session.config
    asked = [(name, _OPTION) for name in config.getoption(_OPTION)]
    setting = config.getini(_SETTING)
    if setting and _whole_suite(config):
        asked += [(name, _SETTING) for name in setting]
    wanted: dict[str, list[str]] = {_distribution(name, who): [] for name, who in asked}
    ids = [argument for argument in config.args if _names_checks(config, argument)]
    for node_id in ids:
        name, _, rest = node_id.partition("::")
        distribution = _distribution(name, node_id)
        wanted.setdefault(distribution, []).append(f"{distribution}::{rest}")
    if wanted:
        config.args = [argument for argument in config.args if argument not in ids]
        config.pluginmanager.register(Checks(wanted))


def _whole_suite(config: pytest.Config) -> bool:
    """Return whether all tests are requested: by no argument, or by the root folder or one above it."""
    folders = [(config.invocation_params.dir / argument).resolve() for argument in config.args]
    root = config.rootpath.resolve()
    return config.args_source is config.ArgsSource.TESTPATHS or any(root.is_relative_to(folder) for folder in folders)


def _names_checks(config: pytest.Config, argument: str) -> bool:
    """Return whether an argument is the id of checks of an installed plugin: ``tensorlab-swish::activation::swish``."""
    name, colons, _ = argument.partition("::")
    if not name or not colons or (config.invocation_params.dir / name).is_file():
        return False
    try:
        return any(point.group == "tensorlab" for point in importlib.metadata.distribution(name).entry_points)
    except importlib.metadata.PackageNotFoundError:
        return False


def _distribution(name: str, who: str) -> str:
    from tensorlab.errors import TensorlabError
    from tensorlab.testing.plugin import find

    try:
        return find(name, who)[0].distribution
    except TensorlabError as error:
        raise pytest.UsageError(str(error)) from None


class Checks:
    """The hook of runs with checks.

    Args:
        wanted: for each distribution the node ids of checks or groups of checks; all checks if the list is empty.
    """

    def __init__(self, wanted: dict[str, list[str]]) -> None:
        self.wanted = wanted

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Add the distributions to the session."""
        report = yield
        if isinstance(collector, pytest.Session) and report.passed:
            report.result += [Distribution.of(collector, name, ids) for name, ids in self.wanted.items()]
        return report


class Group(pytest.Collector):
    """Checks whose ids have a common start: a distribution, a kind, or a name."""

    checks: dict[tuple[str, ...], Check]
    """The checks by the rest of their ids."""

    def collect(self) -> Iterator[Group | Heading]:
        """Yield a group for each next word of the ids, and the checks in the innermost groups."""
        groups: dict[str, dict[tuple[str, ...], Check]] = {}
        for (name, *rest), check in self.checks.items():
            groups.setdefault(name, {})[tuple(rest)] = check
        for name, checks in groups.items():
            if () in checks:
                item: Heading = Heading.from_parent(self, name=name)
                item.check = checks[()]
                yield item
            else:
                group: Group = Group.from_parent(self, name=name)
                group.checks = checks
                yield group


class Distribution(Group):
    """The checks of a distribution."""

    wanted: list[str]

    @classmethod
    def of(cls, session: pytest.Session, name: str, wanted: list[str]) -> Distribution:
        """Create a collector. Its id looks like that of a file, so pytest shows it like a file."""
        made: Distribution = cls.from_parent(session, name=name, nodeid=name)
        made.wanted = wanted
        return made

    def collect(self) -> Iterator[Group | Heading]:
        """Yield the kinds of registered objects, with the requested checks."""
        from tensorlab.testing.plugin import checks

        found = {(*_words(check.subject), check.heading.replace(" ", "-")): check for check in checks(self.name)}
        ids = {path: "::".join((self.name, *path)) for path in found}
        for node_id in self.wanted:
            if not any(_is_in(known, node_id) for known in ids.values()):
                expected = f"{self.name}: expected the id of a check, received {node_id!r}"
                raise self.CollectError("\n".join([f"{expected}; known ids:", *ids.values()]))
        wanted = self.wanted or [self.name]
        self.checks = {path: found[path] for path in found if any(_is_in(ids[path], node_id) for node_id in wanted)}
        return super().collect()


def _words(subject: str) -> list[str]:
    """Return ``["activation", "swish"]`` for the subject ``activation 'swish'``."""
    return subject.replace("'", "").split(" ", 1)


def _is_in(check: str, node_id: str) -> bool:
    return f"{check}::".startswith(f"{node_id}::")


class Heading(pytest.Item):
    """One check."""

    check: Check

    def runtest(self) -> None:
        """Run the check. A failure shows its reason and no traceback."""
        self.check.test()

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return the title of a failure, and what pytest shows instead of a file."""
        distribution = self.nodeid.partition("::")[0]
        return self.config.rootpath / distribution, None, f"{self.check.subject}: {self.check.heading}"
