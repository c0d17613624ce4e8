"""Let plans gather the rows that they take as inputs, and compute what follows elementwise in the same pass.

`fit` passes the samples of a batch as `Rows`. The plan's inputs are then the whole array and the indices. The launch
that gathers is the first one, and is merged with the maps that only its result passes through, such as a conversion of
bytes and `Rescaling`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tensorlab.backends.listening import POOL
from tensorlab.kernels import catalogue
from tensorlab.plans.nodes import is_launch_of, origin, users_of
from tensorlab.plans.recording import Array, Node, Operand, Recording
from tensorlab.tensor import Rows, Tensor

_MIN_ELEMENTS = 1 << 12
"""The number of elements of a batch below which merging saves less time than compiling a kernel may take."""


def arrays_of(tensors: Sequence[Tensor | None]) -> list[Any]:
    """Return the arrays that a plan takes for some tensors: those of plain tensors, then those of `Rows`."""
    plain, rows = [], []
    for tensor in tensors:
        if type(tensor) is Rows:
            source, indices = tensor.origin
            rows += [source._buffer, indices]
        elif tensor is not None:
            plain.append(tensor._buffer)
    return plain + rows


def geometry(tensor: Tensor) -> tuple[Any, ...]:
    """Return what a plan depends on among the properties of an input."""
    if type(tensor) is Rows:
        source, indices = tensor.origin
        return source._buffer.shape[1:], source._buffer.dtype, indices.shape
    buffer = tensor._buffer
    return buffer.shape, buffer.dtype, getattr(buffer, "strides", None)


def gather_inputs(recording: Recording, rows: Mapping[int, Array]) -> None:
    """Let a plan gather some of its inputs from whole arrays, which it takes after its other inputs.

    Args:
        recording: a recording of the function with gathered inputs.
        rows: the indices of the rows, by the position of the input.
    """
    launches = []
    for position, indices in rows.items():
        made = recording.operands[position]
        for operand in recording.operands:
            if operand.root is made:
                operand.kind, operand.value = "made", None
        # The plan does not depend on the number of samples: the operand stands for the rows that are read.
        source = _input(recording, made.shape, made.strides, made.dtype)
        by = _input(recording, indices.shape, indices.strides, indices.dtype)
        size = math.prod(made.shape[1:]) * made.dtype.itemsize
        arguments = (POOL, size, made, source, by)
        launches.append(Node("launch", catalogue.gather_kernel(), arguments, (made,), None))
    recording.nodes[:0] = launches


def _input(recording: Recording, shape: Any, strides: Any, dtype: Any) -> Operand:
    operand = Operand(len(recording.operands), shape, strides, dtype, "input", None, None, 0)  # type: ignore[arg-type]
    operand.root = operand
    recording.operands.append(operand)
    return operand


def gather_maps(nodes: Sequence[Node], results: set[Operand]) -> list[Node]:
    """Merge each launch that gathers rows with the maps that its result passes through."""
    users = users_of(nodes)
    merged: dict[int, Node] = {}
    dropped: set[int] = set()
    for index, node in enumerate(nodes):
        if not is_launch_of(node, catalogue.gather_kernel) or math.prod(node.written[0].shape) < _MIN_ELEMENTS:
            continue
        chain = [index]
        stages: list[Any] = []
        numbers: list[Operand] = []
        while True:
            made = nodes[chain[-1]].written[0]
            uses = users[made.root]
            if made.root in results or len(uses) != 2 or uses[0] != chain[-1]:
                break
            stage = _stage(nodes[uses[1]], made)
            if stage is None or _writes(nodes[chain[-1] : uses[1]], numbers):
                break
            chain.append(uses[1])
            stages.append(stage[0])
            numbers += stage[1]
        if stages:
            last = nodes[chain[-1]]
            result = last.written[0]
            pool, _, made, *inputs = node.arguments
            arguments = (pool, math.prod(made.shape[1:]), result, *inputs, *numbers)
            kernel = catalogue.gather_map_kernel(tuple(stages))
            merged[chain[-1]] = Node("launch", kernel, arguments, (result,), None)
            dropped.update(chain[:-1])
    return [merged.get(index, node) for index, node in enumerate(nodes) if index not in dropped]


def _stage(node: Node, made: Operand) -> tuple[Any, list[Operand]] | None:
    """Return a map of all elements of an array and of numbers as a stage of `gather_map_kernel`, and the numbers."""
    if not is_launch_of(node, catalogue.map_kernel):
        return None
    function, compute, inputs, outputs = origin(node)[1]
    _, *arrays = node.arguments
    result, *read = arrays
    if len(outputs) != 1 or result.kind != "made" or math.prod(result.shape) != math.prod(made.shape):
        return None
    positions = [position for position, operand in enumerate(read) if operand.root is made.root]
    numbers = [operand for operand in read if operand.root is not made.root]
    if len(positions) != 1 or not _is_whole(read[positions[0]], made):
        return None
    if any(math.prod(operand.shape) != 1 for operand in numbers):
        return None
    return (function, compute, inputs, outputs[0], positions[0]), numbers


def _writes(nodes: Sequence[Node], numbers: Sequence[Operand]) -> bool:
    """Return whether nodes write numbers, which a merged launch would read later than before."""
    return not {operand.root for operand in numbers}.isdisjoint(each.root for node in nodes for each in node.written)


def _is_whole(view: Operand, of: Operand) -> bool:
    """Return whether a view has all elements of an array, in its order."""
    dense = np.empty(view.shape, view.dtype).strides if math.prod(view.shape) else ()
    return (
        view.offset == of.offset
        and view.dtype == of.dtype
        and view.strides == dense
        and math.prod(view.shape) == math.prod(of.shape)
    )
