"""The matrix products of an epoch of the book's network in NumPy's BLAS, and nothing else of it."""

from __future__ import annotations

from protocol import Session, products

session = Session()
np = session.load("numpy", "NumPy")
session.run(
    products=products(lambda a, b, out: np.matmul(a, b, out=out), lambda array: array, session.options["samples"])
)
