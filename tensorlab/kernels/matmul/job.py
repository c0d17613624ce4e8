"""What the planner of matrix products and its tasks pass to each other; Numba is not imported."""

from __future__ import annotations

from typing import NamedTuple

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


class Table(NamedTuple):
    """What the planner needs to know about a dtype: its register tile, and the address of each task."""

    size: int
    """The size of an element in bytes."""
    lanes: int
    """The number of elements in a vector; 0 for integers, which have no register tile."""
    vectors: int
    """The vectors in a row of the register tile."""
    rows: int
    """The rows of the register tile."""
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
    sparse_rows: int
    """The rows of the register tile of `sparse_task`."""
    sparse_vectors: int
    """The vectors in a row of this tile."""
    kept: int
    """How many of `SAMPLES` steps may be kept, for a product to skip the others: 0 never skips, more than `SAMPLES`
    always."""


class Division(NamedTuple):
    """How a product is divided into chunks. What a task does not use is 0."""

    extent: int
    """The rows of a chunk; in `block_task` the rows of a block, in `row_task` the columns of a chunk."""
    panels: int
    """The panels of B in a chunk of `block_task`."""
    chunks: int
    """The chunks of a block of `block_task`."""
    packs_b: int
    """Whether `block_task` packs every panel of B."""
    a_tile: int
    """The distance in elements between tiles of A for `block_task`. Element (i, k) of A is at offset
    ``i // tile.rows * a_tile + i % tile.rows * a.row + k * a.column``."""
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
    """A transposed A as `pack_rows` receives it. Its columns are contiguous, and at least as long as a tile."""

    target: int
    """The address of the packed tiles."""
    tiles: int
    """The number of tiles in a chunk."""
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
