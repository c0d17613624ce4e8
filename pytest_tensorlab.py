"""tensorlab's plugin of pytest: every check of a tensorlab plugin is a test.

``pytest --tensorlab-plugin tensorlab-swish`` adds the checks of an installed distribution to the tests of a run. The
setting ``tensorlab_plugins`` adds them whenever a project's whole suite runs, which so needs no test file for them.

pytest imports this module whenever it starts, so it stands beside the package, and imports that only when it is used.
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
    """The option and the setting."""
    group = parser.getgroup("tensorlab", "plugins of tensorlab")
    words = "run every check of the tensorlab plugin that is installed as DIST; may be given again"
    group.addoption(_OPTION, action="append", default=[], metavar="DIST", help=words)
    parser.addini(_SETTING, f"what {_OPTION} is given whenever the whole suite runs", "args", [])


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Find the distributions that are asked for; without one, nothing more happens.

    Raises:
        UsageError: for one that is not installed, with the nearest names of those that are.
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
    """Whether pytest was asked for all tests: by no argument, or by the root folder or one around it."""
    folders = [(config.invocation_params.dir / argument).resolve() for argument in config.args]
    root = config.rootpath.resolve()
    return config.args_source is config.ArgsSource.TESTPATHS or any(root.is_relative_to(folder) for folder in folders)


def _names_checks(config: pytest.Config, argument: str) -> bool:
    """Whether an argument is an id of checks of an installed plugin, such as ``tensorlab-swish::activation::swish``."""
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
    """The hook of those runs alone that want checks.

    Args:
        wanted: for each distribution the node ids of those checks, or of groups of them; if there are none, of all.
    """

    def __init__(self, wanted: dict[str, list[str]]) -> None:
        self.wanted = wanted

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Beside the files, the distributions are in a session."""
        report = yield
        if isinstance(collector, pytest.Session) and report.passed:
            report.result += [Distribution.of(collector, name, ids) for name, ids in self.wanted.items()]
        return report


class Group(pytest.Collector):
    """The checks of which the ids begin alike: with a distribution, then with a kind, then with a name."""

    checks: dict[tuple[str, ...], Check]
    """By the rest of the id."""

    def collect(self) -> Iterator[Group | Heading]:
        """A group for each word that comes next, and in the innermost ones the items."""
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
    """A distribution, and in it what it registers."""

    wanted: list[str]

    @classmethod
    def of(cls, session: pytest.Session, name: str, wanted: list[str]) -> Distribution:
        """Make one. Its id looks like that of a file, so that pytest shows it as it shows files."""
        made: Distribution = cls.from_parent(session, name=name, nodeid=name)
        made.wanted = wanted
        return made

    def collect(self) -> Iterator[Group | Heading]:
        """The kinds of what it registers, with those of the checks in them that are wanted."""
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
    """``["activation", "swish"]`` of the subject ``activation 'swish'``."""
    return subject.replace("'", "").split(" ", 1)


def _is_in(check: str, node_id: str) -> bool:
    return f"{check}::".startswith(f"{node_id}::")


class Heading(pytest.Item):
    """One check, by what it asks for."""

    check: Check

    def runtest(self) -> None:
        """Fail with the words of the report, and no traceback of the kit."""
        self.check.test()

    def reportinfo(self) -> tuple[Path, None, str]:
        """What pytest writes over a failure, and in place of a file."""
        distribution = self.nodeid.partition("::")[0]
        return self.config.rootpath / distribution, None, f"{self.check.subject}: {self.check.heading}"
