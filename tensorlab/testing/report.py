"""Results of conformance checks, and a readable report of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NoReturn

from tensorlab.errors import ConformanceError, TensorlabError


class NotApplicableError(Exception):
    """Raised by a check that does not apply to its subject. The message is the reason."""


@dataclass(frozen=True)
class Check:
    """One check of one subject.

    Attributes:
        subject: what is checked, such as ``activation 'swish'``.
        heading: the name of the check, such as ``gradients``.
        run: the function that runs it. It raises if something is wrong, or `NotApplicableError`.
    """

    subject: str
    heading: str
    run: Callable[[], object]

    def result(self) -> Result:
        """Run the check. Any exception is a failure of the subject; other checks still run."""
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
        """Run the check as a pytest test. pytest shows the reason instead of a traceback."""
        import pytest

        result = self.result()
        if result.outcome == "skipped":
            pytest.skip(result.why)
        if result.outcome == "failed":
            pytest.fail(result.why, pytrace=False)


@dataclass(frozen=True)
class Result:
    """The result of one check.

    Attributes:
        subject: what was checked.
        heading: the name of the check.
        outcome: "passed", "failed", or "skipped" if the check does not apply.
        why: the reason of a failure (what was expected, what was received, what to do next), or why it was skipped.
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
        """The results of failed checks."""
        return [result for result in self.results if result.outcome == "failed"]

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.failures

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Return the columns subject, heading, outcome and reason. A subject is named only in its first row."""
        subjects = ["", *(result.subject for result in self.results)]
        return [
            (result.subject if result.subject != before else "", result.heading, result.outcome, result.why)
            for before, result in zip(subjects, self.results, strict=False)
        ]

    def summary(self) -> str:
        """Return one line with the numbers of passed, failed and skipped checks."""
        counts = [(sum(r.outcome == word for r in self), word) for word in ("passed", "failed", "skipped")]
        return f"{self.title}: " + ", ".join(f"{count} {word}" for count, word in counts if count)

    def __str__(self) -> str:
        lines = [f"{r.subject}, {r.heading}: {r.outcome}{f': {r.why}' if r.why else ''}" for r in self]
        return "\n".join([*lines, self.summary()])

    def raised(self) -> Report:
        """Return this report, or raise if a check failed.

        Raises:
            ConformanceError: (an AssertionError) if a check failed. It names each failed check with its reason.
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


def fail(who: str, expected: str, received: str, hint: str = "") -> NoReturn:
    """Raise the error of a failed check."""
    raise ConformanceError(who, expected, received, hint)
