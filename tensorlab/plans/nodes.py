"""What rewrites of plans ask of nodes: their operands, their users, and what made their kernels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from tensorlab.forks import guard
from tensorlab.plans.recording import Node, Operand


def operands_of(argument: Any) -> Iterator[Operand]:
    """Yield the operands among nested arguments."""
    if isinstance(argument, Operand):
        yield argument
    elif isinstance(argument, (tuple, list)):
        for item in argument:
            yield from operands_of(item)


def users_of(nodes: Sequence[Node]) -> dict[Operand, list[int]]:
    """Return the positions of the nodes that read or write each array, or a view of it."""
    users: defaultdict[Operand, list[int]] = defaultdict(list)
    for index, node in enumerate(nodes):
        for root in {operand.root for operand in operands_of((node.arguments, node.written))}:
            users[root].append(index)
    return users


def origin(node: Node) -> tuple[str, tuple[Any, ...]]:
    """Return the name of the function that has made the kernel of a launch, and its arguments."""
    with guard:
        from tensorlab.kernels.runtime import library
        from tensorlab.kernels.runtime.native import address
    return library.origin(address(node.function))


def is_launch_of(node: Node, maker: Any) -> bool:
    """Return whether a node launches a kernel of a maker in the catalogue."""
    return node.kind == "launch" and origin(node)[0] == maker.name
