"""Functions of `tl.linalg`, the same in PyTorch, and matrices for comparing their gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import tensorlab as tl

Array = np.ndarray[Any, Any]
Rng = np.random.Generator


def regular(rng: Rng, *shape: int) -> Array:
    """Return matrices whose singular values are between 1 and 3 and at least 0.3 apart, or a random vector."""
    if len(shape) == 1:
        return plain(rng, *shape)
    *lead, m, n = shape
    k = min(m, n)
    u, v = (np.linalg.qr(rng.standard_normal((*lead, size, size)))[0] for size in (m, n))
    s = 1.0 + rng.permutation(k) * 0.4 + rng.uniform(0.0, 0.1, (*lead, k))
    return (u[..., :k] * s[..., None, :]) @ np.swapaxes(v, -1, -2)[..., :k, :]


def symmetric(rng: Rng, *shape: int) -> Array:
    """Return matrices that `sym` maps to ones with eigenvalues between 1 and 3 that are at least 0.3 apart."""
    *lead, n, _ = shape
    q = np.linalg.qr(rng.standard_normal((*lead, n, n)))[0]
    s = 1.0 + rng.permutation(n) * 0.4 + rng.uniform(0.0, 0.1, (*lead, n))
    return 0.5 * (q * s[..., None, :]) @ np.swapaxes(q, -1, -2)


def deficient(rng: Rng, *shape: int) -> Array:
    """Return matrices of rank 2."""
    *lead, m, n = shape
    return regular(rng, *lead, m, 2) @ regular(rng, *lead, 2, n)


def plain(rng: Rng, *shape: int) -> Array:
    return rng.choice([-1, 1], shape) * rng.uniform(0.3, 2.0, shape)


class Case(NamedTuple):
    """An expression of x and y, the same in PyTorch, the shapes of x and y, and the function that creates them."""

    ours: str
    theirs: str
    shapes: tuple[tuple[int, ...], ...]
    make: Callable[..., Array] = regular

    def __str__(self) -> str:
        return f"{self.ours} {' '.join(map(str, self.shapes))}".replace(" ", "")

    @property
    def function(self) -> Callable[..., tl.Tensor]:
        names = ", ".join("xy"[: len(self.shapes)])
        return eval(
            f"lambda {names}: {self.ours}", {"tl": tl, "la": tl.linalg, "sym": sym, "pos": pos, "inf": math.inf}
        )


def sym(x: Any) -> Any:
    return x + (tl.matrix_transpose(x) if isinstance(x, tl.Tensor) else x.mT)


def pos(x: Any) -> Any:
    return x @ tl.matrix_transpose(x) if isinstance(x, tl.Tensor) else x @ x.mT


THREE = (3, 3)
STACK = (2, 3, 3)

CASES = [
    Case("la.solve(x, y)", "la.solve(x, y)", (THREE, (3,))),
    Case("la.solve(x, y)", "la.solve(x, y)", (STACK, (3, 2))),
    Case("la.solve(x, y)", "la.solve(x, y)", (THREE, (2, 3, 1))),
    Case("la.inv(x)", "la.inv(x)", (STACK,)),
    Case("la.det(x)", "la.det(x)", (STACK,)),
    Case("la.det(x)", "la.det(x)", ((1, 1),)),
    Case("la.slogdet(x).logabsdet", "la.slogdet(x)[1]", (STACK,)),
    Case("la.cholesky(pos(x))", "la.cholesky(pos(x))", (STACK,)),
    Case("la.cholesky(pos(x), upper=True)", "la.cholesky(pos(x), upper=True)", (THREE,)),
    *(Case(f"la.qr(x).{part}", f"la.qr(x).{part}", (shape,)) for part in "QR" for shape in (THREE, (2, 4, 2), (2, 4))),
    Case("la.qr(x, mode='complete').R", "la.qr(x, mode='complete').R", ((2, 3),)),
    *(
        Case(f"la.svd(x, full_matrices=False).{part} ** 2", f"la.svd(x, full_matrices=False).{part} ** 2", (shape,))
        for part in ("U", "S", "Vh")
        for shape in (THREE, (4, 2), (2, 2, 3))
    ),
    Case("la.svd(x).U[..., :2] ** 2", "la.svd(x).U[..., :2] ** 2", ((3, 2),)),
    Case("la.svdvals(x)", "la.svdvals(x)", (STACK,)),
    Case("la.eigh(sym(x)).eigenvalues", "la.eigh(sym(x))[0]", (STACK,), symmetric),
    Case("la.eigh(sym(x)).eigenvectors ** 2", "la.eigh(sym(x))[1] ** 2", (STACK,), symmetric),
    Case("la.eigvalsh(sym(x))", "la.eigvalsh(sym(x))", (THREE,), symmetric),
    Case("la.pinv(x)", "la.pinv(x)", ((2, 4, 2),)),
    Case("la.pinv(x)", "la.pinv(x)", ((2, 3),)),
    *(Case(f"la.matrix_power(x, {n})", f"la.matrix_power(x, {n})", (THREE,)) for n in (1, 5, -2)),
    *(
        Case(f"la.vector_norm(x, axis=1, ord={p})", f"la.vector_norm(x, {p}, dim=1)", ((2, 3),), plain)
        for p in (1, 2, 3, 2.5, 0.5, -1, "inf", "-inf")
    ),
    Case("la.vector_norm(x, keepdims=True)", "la.vector_norm(x, keepdim=True)", ((2, 2, 2),), plain),
    Case("la.vector_norm(x, axis=(0, 2), ord=4)", "la.vector_norm(x, 4, dim=(0, 2))", ((2, 2, 2),), plain),
    *(
        Case(f"la.matrix_norm(x, ord={p!r})", f"la.matrix_norm(x, {p!r})", ((2, 3, 2),))
        for p in ("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf)
    ),
    Case("la.cross(x, y)", "la.cross(x, y)", ((2, 3), (1, 3)), plain),
    Case("la.cross(x, y, axis=0)", "la.cross(x, y, dim=0)", ((3, 2), (3, 2)), plain),
    Case("la.diagonal(x, offset=1)", "la.diagonal(x, offset=1)", ((2, 3, 4),), plain),
    Case("la.trace(x, offset=-1)", "la.diagonal(x, offset=-1).sum(-1)", ((2, 3, 3),), plain),
]
