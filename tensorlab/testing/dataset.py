"""Conformance checks of data sets."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorlab.errors import DatasetError
from tensorlab.testing.report import NotApplicableError, fail
from tensorlab.testing.subject import Array, Subject

_NAMES = ("x_train", "y_train", "x_test", "y_test")
_FORM = "((x_train, y_train), (x_test, y_test))"


class DatasetSubject(Subject):
    """Check a function that loads a data set."""

    kind = "dataset"
    headings = ("arrays", "determinism")

    def load(self) -> Any:
        """Call the function. If the data is not available on this machine, the check does not apply."""
        try:
            return self.thing()
        except (DatasetError, OSError) as error:
            raise NotApplicableError(f"the data is not available here: {error}") from None

    def _arrays(self, loaded: Any) -> tuple[Array, ...]:
        try:
            (x_train, y_train), (x_test, y_test) = loaded
        except (TypeError, ValueError):
            fail(self.who, _FORM, type(loaded).__name__, "return two pairs")
        arrays = (x_train, y_train, x_test, y_test)
        for name, array in zip(_NAMES, arrays, strict=True):
            if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf" or not array.ndim:
                received = f"{array.dtype} of shape {array.shape}" if isinstance(array, np.ndarray) else type(array)
                fail(f"{self.who}: {name}", "a NumPy array of numbers, samples along the first axis", str(received))
        return arrays

    def check_arrays(self) -> None:
        """Require two pairs of NumPy arrays, a target for each sample, equal dtypes and sample shapes, and no NaN."""
        x_train, y_train, x_test, y_test = self._arrays(self.load())
        for part, x, y in (("training", x_train, y_train), ("test", x_test, y_test)):
            if len(x) != len(y):
                fail(f"{self.who}: the {part} data", "a target for each sample", f"{len(y)} for {len(x)}")
            for array in (x, y):
                if not np.isfinite(array).all():
                    fail(f"{self.who}: the {part} data", "finite numbers", "some that are not")
        for words, train, test in (("samples", x_train, x_test), ("targets", y_train, y_test)):
            kinds = [f"{array.dtype} of shape {array.shape[1:]}" for array in (train, test)]
            if kinds[0] != kinds[1]:
                fail(f"{self.who}: the {words} of the test data", f"{kinds[0]}, as in training", kinds[1])

    def check_determinism(self) -> None:
        """Require equal arrays from a second call, even after the first ones were overwritten."""
        first = self._arrays(self.load())
        kept = [array.copy() for array in first]
        for array in first:
            if array.flags.writeable:
                array[...] = 0
        for name, array, before in zip(_NAMES, self._arrays(self.load()), kept, strict=True):
            if array.dtype != before.dtype or not np.array_equal(array, before):
                hint = "do not depend on the time or on global generators, and return copies of cached arrays"
                fail(f"{self.who}: {name} a second time", "the numbers of the first time", "others", hint)
