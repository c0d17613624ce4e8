"""Rewrite what has been recorded, before a plan is made of it: fewer launches that give the same bits.

A rewrite looks for nodes that one launch can replace, because nothing else reads what they pass to each other. That
array is then never stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tensorlab.kernels import catalogue
from tensorlab.plans.gathering import gather_maps
from tensorlab.plans.nodes import is_launch_of, origin, users_of
from tensorlab.plans.recording import Node, Operand


def rewritten(nodes: Sequence[Node], results: Iterable[Operand]) -> list[Node]:
    """Return nodes that compute the same.

    Args:
        nodes: what has been recorded.
        results: the arrays that the plan returns.
    """
    roots = {operand.root for operand in results}
    return _outer_updates(gather_maps(nodes, roots), roots)


def _outer_updates(nodes: list[Node], results: set[Operand]) -> list[Node]:
    """Let updates compute their gradients if these are outer products of two vectors, such as those of one sample.

    The update of a weight reads and writes as much memory as all that is fused with it, so this is the largest gain.
    """
    users = users_of(nodes)
    fused: dict[int, Node] = {}
    dropped = set()
    for index, node in enumerate(nodes):
        if not is_launch_of(node, catalogue.update_kernel):
            continue
        gradient = node.arguments[3]
        before, *others = users[gradient.root]
        factors = _outer_product(nodes[before], gradient)
        if others != [index] or gradient in results or not factors:
            continue
        read = {operand.root for operand in factors}
        if any(operand.root in read for each in nodes[before : index + 1] for operand in each.written):
            continue
        fused[index] = _outer_update(node, factors)
        dropped.add(before)
    return [fused.get(index, node) for index, node in enumerate(nodes) if index not in dropped]


def _outer_product(node: Node, product: Operand) -> tuple[Operand, ...]:
    """Return the two vectors whose outer product a node computes; nothing if it computes anything else."""
    if not is_launch_of(node, catalogue.matmul_kernel) or product.kind != "made":
        return ()
    _, _, epilogue, result, kept, a, b, *_ = node.arguments
    m, n = product.shape[-2:]
    size = product.dtype.itemsize
    if result is not product or epilogue or kept or a.shape != (m, 1) or b.shape != (1, n) or product.dtype.kind != "f":
        return ()
    # Products with one row or one column round in another way: they may be -0.
    return (a, b) if min(m, n) > 1 and b.strides[1] == size and a.strides[0] % size == 0 else ()


def _outer_update(update: Node, factors: tuple[Operand, ...]) -> Node:
    pool, _, weight, _, *others = update.arguments
    kernel = catalogue.outer_update_kernel(*origin(update)[1])
    return Node("launch", kernel, (pool, *factors, weight, *others), update.written, None)
