"""Linear algebra: the ``linalg`` extension of the Python array API standard, for real numbers.

Products, traces and norms that are sums use tensorlab's kernels. Factorizations and functions based on them use
``numpy.linalg`` on the host. All functions have gradients and accept stacks of matrices.
"""

from typing import NoReturn

from tensorlab import ops
from tensorlab.arguments import wrap_functions
from tensorlab.linalg.decompositions import cholesky, qr
from tensorlab.linalg.norms import matrix_norm, norm, vector_norm  # noqa: F401  (norm is in tensorlab.ops)
from tensorlab.linalg.products import cross, diagonal, trace
from tensorlab.linalg.solving import det, inv, matrix_power, slogdet, solve
from tensorlab.linalg.spectral import eigh, eigvalsh, matrix_rank, pinv, svd, svdvals
from tensorlab.ops import matmul, matrix_transpose, outer, tensordot, vecdot

__all__ = [
    "cholesky",
    "cross",
    "det",
    "diagonal",
    "eigh",
    "eigvalsh",
    "inv",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "svd",
    "svdvals",
    "tensordot",
    "trace",
    "vecdot",
    "vector_norm",
]


wrap_functions(globals(), __all__)
for _name in ops.OF_LINALG:
    setattr(ops, _name, globals()[_name])


def __getattr__(name: str) -> NoReturn:
    hint = ""
    if name in ("eig", "eigvals"):
        hint = ": its results are complex, and there is no complex dtype; use eigh or eigvalsh for symmetric matrices"
    raise AttributeError(f"tensorlab.linalg has no attribute {name!r}{hint}")
