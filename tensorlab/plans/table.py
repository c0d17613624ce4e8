"""The table that `explain` prints: one row for each node of a plan."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from rich.table import Table

from tensorlab.forks import guard
from tensorlab.plans.nodes import operands_of
from tensorlab.plans.plan import Plan
from tensorlab.plans.recording import Node, Operand


def table_of(plan: Plan) -> Table:
    """Return the table of a plan."""
    total = sum(plan.seconds)
    title = f"nodes: {len(plan.nodes)}, memory: {_bytes(plan.size)}, runs: {plan.runs}"
    if math.isfinite(total):
        title += f" of {total * 1e6:,.0f} microseconds"
    table = Table("", "kernel", "shapes", "bytes", "flops", "share", title=title, title_justify="left")
    for column in (0, 3, 4, 5):
        table.columns[column].justify = "right"
    for number, (node, seconds) in enumerate(zip(plan.nodes, plan.seconds, strict=True), 1):
        share = f"{seconds / total:.1%}" if math.isfinite(total) and total else ""
        flops = f"{_flops(node):,}" if node.kind == "launch" else ""
        table.add_row(str(number), _title(node), _shapes(node), f"{_traffic(node):,}", flops, share)
    return table


class GraphNode(NamedTuple):
    """A node of a plan, or an array that it reads, in a graph.

    Attributes:
        name: its name, which is unique in the graph.
        operation: the kernel, or "input", "variable" or "constant".
        inputs: the names of the nodes that it reads from.
        shape: the shape of the array that it writes.
    """

    name: str
    operation: str
    inputs: list[str]
    shape: tuple[int, ...]


def graph_of(plan: Plan) -> list[GraphNode]:
    """Return what a plan computes as a graph, in the order in which it is computed."""
    found: dict[str, GraphNode] = {}
    made_by: dict[Operand, str] = {}

    def named(base: str) -> str:
        name, count = re.sub(r"[^A-Za-z0-9_./-]", "_", base), 1
        while (unique := name if count == 1 else f"{name}_{count}") in found:
            count += 1
        return unique

    def source(operand: Operand) -> str:
        root = operand.root
        if root not in made_by:
            base = root.value.name if root.kind == "variable" else root.kind
            name = made_by[root] = named(base)
            found[name] = GraphNode(name, root.kind, [], root.shape)
        return made_by[root]

    for node in plan.nodes:
        read = [
            operand for operand in operands_of(node.arguments) if operand not in node.written or node.kind != "launch"
        ]
        inputs = [*dict.fromkeys([source(operand) for operand in read])]
        title = _title(node)
        name = named(title)
        outputs = node.written or ((node.result,) if node.result is not None else ())
        found[name] = GraphNode(name, title, inputs, outputs[0].shape if outputs else ())
        made_by.update({operand.root: name for operand in outputs})
    return list(found.values())


def _title(node: Node) -> str:
    if node.kind != "launch":
        return f"{getattr(node.function, '__name__', node.function)} in Python"
    with guard:
        from tensorlab.kernels.runtime import library
        from tensorlab.kernels.runtime.native import address
    title = library.title(address(node.function))
    if title == "matmul" and node.arguments[2]:
        title += f" with {library.title(node.arguments[2])}"
    return title


def _shapes(node: Node) -> str:
    """Return the shapes of the arrays that a node reads, and of those that it writes."""
    read = [operand for operand in operands_of(node.arguments) if operand not in node.written or node.kind != "launch"]
    outputs = " ".join(_shape(operand) for operand in node.written)
    return f"{' '.join(map(_shape, read))} -> {outputs}" if read else outputs


def _shape(operand: Operand) -> str:
    return f"({','.join(map(str, operand.shape))})"


def _traffic(node: Node) -> int:
    """Return the number of bytes of all arrays that a node reads or writes."""
    return sum(
        math.prod(operand.shape) * operand.dtype.itemsize for operand in {*operands_of(node.arguments), *node.written}
    )


def _flops(node: Node) -> int:
    """Return the number of multiplications and additions of a product, and of elements of any other launch."""
    operands = list(operands_of(node.arguments))
    if _title(node).startswith("matmul"):
        left = next(operand for operand in operands if operand not in node.written)
        return 2 * math.prod(node.written[0].shape) * left.shape[-1]
    return max((math.prod(operand.shape) for operand in operands), default=0)


def _bytes(size: float) -> str:
    for unit in ("bytes", "KB", "MB"):
        if size < 1000:
            return f"{size:,.4g} {unit}"
        size /= 1000
    return f"{size:,.4g} GB"
