"""What the planner of matrix products and its tasks pass to each other; Numba is not imported."""

from __future__ import annotations

from typing import NamedTuple

from tensorlab.kernels.matmul.caches import Caches

SAMPLES = 64
"""The number of steps of tiles of A from which the density of A is estimated."""


class Matrix(NamedTuple):
    """A matrix in memory."""

    address: int
    """The address of its first element, or 0 if there is no such matrix."""
    row: int
    """The stride between rows in elements."""
    column: int
    """The stride between columns in elements."""


GENERAL, ONE_ROW, FEW_COLUMNS, SPARSE = range(1, 5)
"""The kinds of products, which have different tasks."""


class Table(NamedTuple):
    """What the planner needs to know about a dtype: its register tile, and the address of each task.

    The address of a task that has not been compiled yet is 0.
    """

    size: int
    """The size of an element in bytes."""
    lanes: int
    """The number of elements in a vector; 0 for integers, which have no register tile."""
    vectors: int
    """The vectors in a row of the register tile."""
    rows: int
    """The rows of the register tile."""
    sparse_rows: int
    """The rows of the register tile of `sparse_task`."""
    sparse_vectors: int
    """The vectors in a row of this tile."""
    general: int
    """The address of `block_task` or `integer_task`, for all products for which there is no other task."""
    row: int
    """The address of `row_task`."""
    dots: int
    """The address of `dots_task`."""
    pack: int
    """The address of `pack_rows`."""
    mask: int
    """The address of `mask_task`."""
    sparse: int
    """The address of `sparse_task`."""
    kept: int
    """How many of `SAMPLES` steps may be kept, for a product to skip the others: 0 never skips, more than `SAMPLES`
    always."""
    caches: Caches
    """The caches of a core."""


IN_PLACE = 0
"""B is read where it is, apart from ragged panels, which are packed."""
PACKED = 1
"""All panels of a chunk are packed together: rows of B are read in long runs, or B is transposed."""
COPIED = 2
"""The first tile of a panel reads it in place and copies it for the other tiles, which costs almost nothing."""


class Division(NamedTuple):
    """How a product is divided into chunks. What a task does not use is 0."""

    extent: int
    """The rows of a chunk; in `block_task` the rows of a block, in `row_task` the columns of a chunk."""
    panels: int
    """The maximum number of panels of B in a chunk of `block_task`."""
    chunks: int
    """The chunks of a block of `block_task`."""
    mode: int
    """How `block_task` reads B: `IN_PLACE`, `PACKED` or `COPIED`."""
    depth: int
    """The steps along k of a block of `block_task`: a multiple of `rounding.CHAIN` that divides `rounding.DEPTH`. The
    number of rows of B, 8 or 4, that `row_task` reads at once."""
    a_rows: int
    """The rows of the packed A for `block_task`, a multiple of a tile's rows (see `Packing`); 0 if A is not packed."""
    b_copy: int
    """The distance in elements between the columns of the copy of B that `dots_task` makes; 0 if it makes none."""
    masks: int
    """The address of the non-zero steps of A for `sparse_task` (see `sparse.nonzero_steps`)."""


class Job(NamedTuple):
    """A product as its tasks receive it: ``C = epilogue(A @ B, P, Q)``, where Z is A @ B (see `product.matmul`)."""

    epilogue: int
    """The address of an `epilogue_task`, or 0."""
    m: int
    n: int
    k: int
    a: Matrix
    b: Matrix
    c: Matrix
    z: Matrix
    p: Matrix
    q: Matrix
    division: Division
    failed: int
    """The address of a word to which a task writes 1 if there is no memory for it."""


class Piece(NamedTuple):
    """A tile as `epilogue_task` receives it, and the parts of the matrices that belong to it."""

    tile: int
    """The address of its first element."""
    width: int
    """The distance in elements between its rows."""
    rows: int
    columns: int
    c: Matrix
    z: Matrix
    p: Matrix
    q: Matrix


class Packing(NamedTuple):
    """A transposed A as `pack_rows` receives it. Its columns are contiguous, and at least as long as a tile.

    The packed A consists of blocks of ``depth`` columns, the last of which may have fewer. A block of ``steps`` columns
    consists of tiles, and a tile of ``steps`` columns of as many elements as a register tile has rows.
    """

    target: int
    """The address of the packed A."""
    tiles: int
    """The number of tiles in a chunk."""
    rows: int
    """The number of rows of all tiles."""
    depth: int
    a: Matrix
    m: int
    k: int


class Masking(NamedTuple):
    """A matrix A as `mask_task` receives it. Its rows or its columns are contiguous."""

    masks: int
    """The address of the words of all tiles."""
    groups: int
    """The number of groups of rows in a chunk."""
    a: Matrix
    m: int
    k: int
    kept: int
    """The address of a word to which a task adds the number of steps that it has found."""
