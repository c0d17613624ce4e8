"""Conformance checks of initializers."""

from __future__ import annotations

from typing import Any

from tensorlab import utils
from tensorlab.initializers import Initializer
from tensorlab.tensor import Tensor
from tensorlab.testing.examples import example
from tensorlab.testing.report import fail
from tensorlab.testing.subject import DTYPES, Subject, require_finite


class InitializerSubject(Subject):
    """Check an initializer or a subclass of `Initializer`."""

    kind = "initializer"
    headings = ("backends", "dtypes", "shapes", "config", "determinism")

    def make(self) -> Initializer:
        """Return an object with arguments that differ from the defaults."""
        made: Initializer = example(self.thing, changed=True) if isinstance(self.thing, type) else self.thing
        return made

    def compute(self, dtype: str, count: int) -> list[Tensor]:
        """Draw a matrix from the start of tensorlab's random stream."""
        utils.set_random_seed(0)
        return [self.make()((count // 5, 5), dtype=dtype)]

    def check_dtypes(self) -> None:
        """Require the requested dtype, by default float32, and finite numbers."""
        for dtype in (*DTYPES, None):
            result = self.make()((6, 5), dtype=dtype)
            if result.dtype.name != (dtype or "float32"):
                fail(f"{self.who} asked for {dtype}", dtype or "float32", str(result.dtype), "pass the dtype on")
            require_finite(
                f"{self.who} asked for {dtype}", "numbers", result, "a weight that is not finite is never trained"
            )

    def check_shapes(self) -> None:
        """Require the requested shape."""
        for shape in ((3,), (0, 3), (2, 3), (3, 3, 2, 4)):
            received = self.make()(shape, dtype="float32").shape
            if received != shape:
                fail(f"{self.who} asked for {shape}", f"the shape {shape}", str(received))

    def request(self) -> dict[str, Any]:
        """Return the config of the initializer and a shape."""
        return self.recipe({}) | {"arrays": [[4, 5]]}

    def built(self) -> Any:
        """Return the initializer that `request` describes."""
        return self.make()
