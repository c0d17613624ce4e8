"""Check functions that rewrite the syntax trees of scalar functions."""

from __future__ import annotations

import ast
import math

import pytest
from scalar_cases import TABLE, label

from tensorlab.scalars import scalar_function, tree

PROGRAM = """
total = 0.0
while x > total:
    for i in range(3):
        if i > 1:
            total = total + 1.0
        else:
            break
    total = total * 2.0
return total
"""


def negated(node: ast.expr) -> ast.expr:
    """Replace every number in an expression by its negative."""
    number = tree.as_number(node)
    return tree.map_operands(node, negated) if number is None else tree.number(-number)


@pytest.mark.parametrize("function", TABLE, ids=label)
def test_identity_rewrite_changes_nothing(function):
    body = scalar_function(function).body
    assert tree.text(tree.map_statements(body, lambda statement: [statement])) == tree.text(body)
    for node in tree.walk(body):
        if isinstance(node, ast.expr):
            assert ast.dump(tree.map_operands(node, lambda operand: operand)) == ast.dump(node)


def test_statements_are_rewritten_innermost_first():
    seen = []

    def rewrite(statement: ast.stmt) -> list[ast.stmt]:
        seen.append(type(statement).__name__)
        if isinstance(statement, ast.Assign):
            return [statement, statement]
        return [] if isinstance(statement, ast.Break) else [statement]

    body = ast.parse(PROGRAM.replace("return total", "last = total")).body
    text = tree.text(tree.map_statements(body, rewrite))
    assert seen == ["Assign", "Assign", "Break", "If", "For", "Assign", "While", "Assign"]
    assert [text.count(line) for line in ("total = 0.0", "total + 1.0", "total * 2.0", "break")] == [2, 2, 2, 0]
    assert tree.text(body) == PROGRAM.strip().replace("return total", "last = total")  # the trees are not changed


def test_all_expressions_of_a_statement_are_rewritten():
    body = scalar_function(alternating).body
    block = tree.map_statements(body, lambda statement: [tree.rebuild(statement, list, negated)])
    source = tree.text(block)
    for line in (
        "total = -1.0",
        "range(-2, -3)",
        "i < -4 and i != -5",
        "total = math.sin(-6.0)",
        "return total * -7.0",
    ):
        assert line in source


def alternating(x):
    total = 1.0
    for i in range(2, 3):
        if i < 4 and i != 5:
            total = math.sin(6.0)
    return total * 7.0
