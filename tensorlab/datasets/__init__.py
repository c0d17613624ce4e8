"""Data sets as NumPy arrays: ``((x_train, y_train), (x_test, y_test)) = mnist.load_data()``.

- :mod:`~tensorlab.datasets.mnist`: 70,000 handwritten digits, read from this machine or downloaded once.
- :mod:`~tensorlab.datasets.digits`: 1,797 handwritten digits of the same shape that scikit-learn carries, no download.
"""

from __future__ import annotations

from tensorlab.datasets import digits, mnist

__all__ = ["digits", "mnist"]
