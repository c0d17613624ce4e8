"""Scalar functions as plain data: what is read computes the same, and nothing else is read."""

from __future__ import annotations

import copy
import json
import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scalar_cases import TABLE as FUNCTIONS
from scalar_cases import label, points

import tensorlab as tl
from tensorlab.errors import ScalarError
from tensorlab.scalars import derivative, scalar_function, vjp
from tensorlab.scalars.data import MAX_NODES, from_data, to_data
from tensorlab.scalars.function import ScalarFunction


def again(function: Any, unbounded: bool = True) -> ScalarFunction:
    return from_data("file", json.loads(json.dumps(to_data(scalar_function(function)))), unbounded)


@pytest.mark.parametrize("function", FUNCTIONS, ids=label)
def test_function_survives_json(function: Any) -> None:
    scalar = scalar_function(function)
    read = again(function)
    assert (read.key, read.source, read.defaults) == (scalar.key, scalar.source, scalar.defaults)
    assert (read.arity, read.n_outputs, read.line) == (scalar.arity, scalar.n_outputs, scalar.line)
    for arguments in points(function):
        np.testing.assert_allclose(read(*arguments), function(*arguments), rtol=1e-9)


def test_derived_functions_and_those_of_the_library_survive() -> None:
    owners = (tl.ops.activations, tl.ops.arithmetic, tl.ops.exponential, tl.ops.powers, tl.ops.rounding, tl.activations)
    found = [getattr(thing, "scalar", None) for owner in owners for thing in list(vars(owner).values())]
    scalars = [scalar for scalar in found if isinstance(scalar, ScalarFunction)]
    assert len(scalars) > 40
    derived = [derivative(scalar_function(lambda x: math.tanh(x) * math.erf(x))), vjp(tl.activations.gelu.scalar)]
    for scalar in [*scalars, *derived]:
        assert again(scalar).key == scalar.key


def test_function_may_call_another_one_of_its_own_name() -> None:
    def make() -> Any:
        def g(x: float) -> float:
            return x + 1.0

        return g

    inner = make()

    def g(x: float) -> float:
        return 2.0 * inner(x)

    assert again(g)(3.0) == 8.0


def test_file_is_recorded_without_its_folder() -> None:
    assert to_data(scalar_function(label_free))["functions"][-1]["file"] == "test_scalars_data.py"


def label_free(x: float) -> float:
    return x * 0.5


def function_of(*body: Any, **changes: Any) -> dict[str, Any]:
    """Return the data of a function of x with this body."""
    made = {"name": "f", "file": "a.py", "line": 3, "parameters": ["x"], "defaults": {}, "calls": {}, "body": [*body]}
    return {"functions": [{**made, **changes}]}


RETURN = ["return", "x"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "expected a dict with functions, received None"),
        ([1], "expected a dict with functions"),
        ({"functions": []}, "expected a list of functions, received []"),
        ({"functions": [5]}, "expected a dict with name, file, line, parameters, defaults, calls, body, received 5"),
        (function_of(RETURN, name="__import__"), "the name of a variable or a function, received '__import__'"),
        (function_of(RETURN, name="f(x): import os #"), "the name of a variable or a function"),
        (function_of(RETURN, name="if"), "the name of a variable or a function"),
        (function_of(RETURN, name="ﬁ"), "the name of a variable or a function"),  # is normalized to other letters
        (function_of(RETURN, file="a\x1b[2J"), "the name of a file"),
        (function_of(RETURN, line=-1), "the number of a line, received -1"),
        (function_of(RETURN, line=True), "the number of a line, received True"),
        (function_of(RETURN, parameters=["x", "x"]), "parameters of different names"),
        (function_of(RETURN, parameters="x"), "a list of parameters"),
        (function_of(RETURN, defaults={"y": 1.0}), "defaults of the last parameters of x"),
        (function_of(RETURN, defaults={"x": "y"}), "a number, received 'y'"),
        (function_of(RETURN, defaults=[]), "a dict of defaults and one of calls"),
        (function_of(RETURN, calls={"g": 0}), "the number of one of the 0 functions before, received 0"),
        (function_of(RETURN, calls={"g": -1}), "the number of one of the 0 functions before"),
        (function_of(), "a list of statements, received []"),
        (function_of(["pass"]), "a path that returns nothing"),
        (function_of(["return"]), "a statement of a scalar function, received ['return']"),
        (function_of(["import", "os"]), "a statement of a scalar function, received ['import', 'os']"),
        (function_of(["=", [], 1]), "a statement of a scalar function"),
        (function_of(["=", ["x", "y"], "x"], RETURN), "expected 2 values, received"),
        (function_of(["=", ["x.__class__"], 1], RETURN), "the name of a variable or a function"),
        (function_of(["break"], RETURN), "a statement of a scalar function, received ['break']"),
        (function_of(["if", "x", [["continue"]], []], RETURN), "received ['continue']"),
        (function_of(["return", "y"]), "the unknown name 'y'"),
        (function_of(["return", "open"]), "the global 'open', a builtin_function_or_method,"),
        (function_of(["return", ["call", "open", "x"]]), "a call of 'open'"),
        (function_of(["return", ["call", "eval", "x"]]), "a call of 'eval'"),
        (function_of(["return", ["call", "os.system", "x"]]), "a call of a function of math, or of a scalar function"),
        (function_of(["return", ["call", "math.comb", "x", "x"]]), "a call of 'math.comb'"),
        (function_of(["return", ["call", "math.exp", "x", "x"]]), "1 argument for 'math.exp', received 2"),
        (function_of(["return", ["call", "math.__loader__", "x"]]), "the name of a variable or a function"),
        (function_of(["return", ["constant", "exp"]]), "an expression of a scalar function"),
        (function_of(["return", ["constant", "__doc__"]]), "an expression of a scalar function"),
        (function_of(["return", ["lambda", "x"]]), "an expression of a scalar function"),
        (function_of(["return", ["@", "x", "x"]]), "an expression of a scalar function"),
        (function_of(["return", ["compare", "x", "is", "x"]]), "an expression of a scalar function"),
        (function_of(["return", ["compare", "x", "<"]]), "an expression of a scalar function"),
        (function_of(["return", ["and", "x"]]), "an expression of a scalar function"),
        (function_of(["return", -1]), "an expression of a scalar function, received -1"),
        (function_of(["return", 1 << 64]), "an expression of a scalar function, received 18446744073709551616"),
        (function_of(["return", math.inf]), "an expression of a scalar function, received inf"),
        (function_of(["return", math.nan]), "an expression of a scalar function, received nan"),
        (function_of(["return", None]), "an expression of a scalar function, received None"),
        (function_of(["return", "x"], ["return", "x", "x"]), "1 values in every return"),
        (function_of(["if", "x", [["=", ["y"], 1]], []], ["return", "y"]), "'y', which may have none,"),
        (function_of(["=", ["math"], 1], RETURN), "names other than 'math'"),
        (function_of(["for", "i", [1, 2, 3, 4], [["pass"]]], RETURN), "expected 'for' over range(...)"),
        (function_of(*[RETURN] * MAX_NODES), f"at most {MAX_NODES:,} nodes"),
    ],
)
def test_anything_else_is_refused(data: Any, said: str) -> None:
    with pytest.raises(ScalarError) as caught:
        from_data("file", data)
    assert said in str(caught.value)
    assert str(caught.value).startswith("file: ")


@pytest.mark.parametrize("levels", [200, 100_000])
@pytest.mark.parametrize("make", [lambda inner: ["not", inner], lambda inner: ["choose", inner, 1, 0]])
def test_deep_expressions_are_refused(make: Any, levels: int) -> None:
    expression: Any = "x"
    for _ in range(levels):
        expression = make(expression)
    with pytest.raises(ScalarError, match="expressions and blocks of at most 150 levels, received more"):
        from_data("file", function_of(["return", expression]))


def test_deep_blocks_are_refused() -> None:
    block: Any = [RETURN]
    for _ in range(5000):
        block = [["if", "x", block, []]]
    with pytest.raises(ScalarError, match="expressions and blocks of at most 150 levels"):
        from_data("file", function_of(*block, RETURN))


def summed(x: float) -> float:
    term = 1.0
    while term < x:
        term *= 2.0
    return term


def counted(x: float, n: int = 3) -> float:
    for _ in range(n):
        x = x * 0.5
    return x


def long(x: float) -> float:
    for _ in range(100_000):
        for _ in range(10):
            x = x * 0.5
    return x


def chained(depth: int) -> Any:
    """Return a function that calls others 2**depth times."""

    def make(inner: Any) -> Any:
        return lambda x: inner(x) + inner(x)

    function: Any = scalar_function(lambda x: x + 1.0)
    for _ in range(depth):
        function = make(function)
    return function


@pytest.mark.parametrize("function", [summed, counted, long, chained(40)], ids=["while", "range", "long", "calls"])
def test_loops_that_may_not_end_need_consent(function: Any) -> None:
    with pytest.raises(ScalarError) as caught:
        again(function, unbounded=False)
    assert "a loop that may take more, or not end; if you trust the file, allow them with unbounded_loops=True" in str(
        caught.value
    )
    assert again(function).key == scalar_function(function).key


def bounded(x: float) -> float:
    for i in range(10, 0, -3):
        x = x * 0.5 + i
    return x


def test_bounded_loops_need_no_consent() -> None:
    assert again(bounded, unbounded=False)(1.0) == bounded(1.0)
    huge = function_of(["for", "i", [0, (1 << 63) + 5], [["pass"]]], RETURN)
    with pytest.raises(ScalarError, match="a loop that may take more"):
        from_data("file", huge)


DATA = [to_data(scalar_function(function)) for function in FUNCTIONS]
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just([]), st.just({}), st.just("x")
)


@given(st.sampled_from(DATA), st.randoms(use_true_random=False), LEAVES)
@settings(max_examples=300, deadline=None)
def test_damaged_data_is_refused_or_computes(data: Any, choose: random.Random, leaf: Any) -> None:
    """Replace, remove or repeat a part of the data."""
    data = copy.deepcopy(data)
    spots: list[tuple[Any, Any]] = []

    def visit(node: Any) -> None:
        for key in range(len(node)) if isinstance(node, list) else list(node):
            spots.append((node, key))
            if isinstance(node[key], (list, dict)):
                visit(node[key])

    visit(data)
    node, key = choose.choice(spots)
    match choose.randrange(3):
        case 0:
            node[key] = leaf
        case 1:
            del node[key]
        case 2:
            other, where = choose.choice(spots)
            node[key] = copy.deepcopy(other[where])
    try:
        function = from_data("file", data)
    except ScalarError:
        return
    assert from_data("file", to_data(function)).key == function.key
