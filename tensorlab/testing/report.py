"""What the conformance kit found: one result for each check, and a report of them that a person can read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NoReturn

from tensorlab.errors import ConformanceError, TensorlabError


class NotApplicableError(Exception):
    """A check that says nothing about this subject; its words are why."""


@dataclass(frozen=True)
class Check:
    """One question about one thing.

    Attributes:
        subject: what is checked, such as ``activation 'swish'``.
        heading: what it is checked for, such as ``gradients``.
        run: does it; it raises whatever is wrong, or `NotApplicableError`.
    """

    subject: str
    heading: str
    run: Callable[[], object]

    def result(self) -> Result:
        """Run it. An exception of any kind is a failure of the subject, and ends nothing else."""
        try:
            self.run()
        except NotApplicableError as reason:
            return Result(self.subject, self.heading, "skipped", str(reason))
        except TensorlabError as error:
            return Result(self.subject, self.heading, "failed", str(error))
        except Exception as error:
            why = f"expected no exception, received {type(error).__name__}: {error}"
            return Result(self.subject, self.heading, "failed", why)
        return Result(self.subject, self.heading, "passed")

    def test(self) -> None:
        """Run it as a test of pytest, which shows the words of the result in place of a traceback."""
        import pytest

        result = self.result()
        if result.outcome == "skipped":
            pytest.skip(result.why)
        if result.outcome == "failed":
            pytest.fail(result.why, pytrace=False)


@dataclass(frozen=True)
class Result:
    """What became of one check.

    Attributes:
        subject: what was checked.
        heading: what it was checked for.
        outcome: "passed", "failed", or "skipped" if the check says nothing about this subject.
        why: it failed: what was expected, what was received, what to do next. Or why it was skipped.
    """

    subject: str
    heading: str
    outcome: str
    why: str = ""


class Report:
    """The results of some checks, in order; ``print(report)`` shows them.

    Attributes:
        title: what was checked.
        results: one `Result` for each check.
    """

    def __init__(self, title: str, checks: Iterable[Check]) -> None:
        self.title = title
        self.results = [check.result() for check in checks]

    @property
    def failures(self) -> list[Result]:
        """The results of the checks that failed."""
        return [result for result in self.results if result.outcome == "failed"]

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.failures

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Subject, heading, outcome and why, as text; a subject is named in its first row only."""
        subjects = ["", *(result.subject for result in self.results)]
        return [
            (result.subject if result.subject != before else "", result.heading, result.outcome, result.why)
            for before, result in zip(subjects, self.results, strict=False)
        ]

    def summary(self) -> str:
        """One line: how many passed, failed and were skipped."""
        counts = [(sum(r.outcome == word for r in self), word) for word in ("passed", "failed", "skipped")]
        return f"{self.title}: " + ", ".join(f"{count} {word}" for count, word in counts if count)

    def __str__(self) -> str:
        lines = [f"{r.subject}, {r.heading}: {r.outcome}{f': {r.why}' if r.why else ''}" for r in self]
        return "\n".join([*lines, self.summary()])

    def raised(self) -> Report:
        """Itself if it passed.

        Raises:
            ConformanceError: (an AssertionError) if a check failed; it names each with its reason.
        """
        if self.passed:
            return self
        words = [f"{result.heading}: {result.why}" for result in self.failures]
        raise ConformanceError(
            self.title,
            "every check to pass",
            f"{len(words)} of {len(self.results)} that failed",
            "\n".join(["", *words]),
        )


def refuse(who: str, expected: str, received: str, hint: str = "") -> NoReturn:
    """Raise what makes a check fail."""
    raise ConformanceError(who, expected, received, hint)
