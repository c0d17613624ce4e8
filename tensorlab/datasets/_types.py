"""The types that the data sets return."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

UInt8Array: TypeAlias = NDArray[np.uint8]
Split: TypeAlias = tuple[tuple[UInt8Array, UInt8Array], tuple[UInt8Array, UInt8Array]]
"""``((x_train, y_train), (x_test, y_test))``, as returned by the data sets of Keras."""
