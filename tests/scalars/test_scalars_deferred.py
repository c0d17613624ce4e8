"""Scalar functions of tensorlab itself are parsed when their bodies are first needed."""

from __future__ import annotations

import ast
import pickle
import sys
from collections.abc import Iterator
from types import FunctionType, SimpleNamespace

import pytest

import tensorlab as tl
from tensorlab.activations import elu
from tensorlab.ops.activations import leaky_relu
from tensorlab.scalars import ScalarFunction, scalar_function, source
from tensorlab.scalars.combine import with_constants
from tensorlab.scalars.convert import _parsed
from tensorlab.scalars.function import ATTRIBUTE
from tensorlab.scalars.mathematics import frexp, isclose, lcm
from tensorlab.scalars.source import is_own


def deferred() -> Iterator[tuple[FunctionType, ScalarFunction]]:
    """Yield the functions of tensorlab that have a scalar function."""
    assert tl.linalg
    for name, module in list(sys.modules.items()):
        if name.startswith("tensorlab."):
            for thing in list(vars(module).values()):
                scalar = getattr(thing, "scalar", None)
                written = scalar._written if isinstance(scalar, ScalarFunction) else thing
                if isinstance(written, FunctionType) and ATTRIBUTE in vars(written):
                    yield written, vars(written)[ATTRIBUTE]


def test_what_is_known_before_parsing_is_what_the_parser_finds() -> None:
    """The number of outputs is taken from the annotation, so this checks the annotations."""
    seen = dict(deferred())
    assert len(seen) > 100
    for function, scalar in seen.items():
        parsed = _parsed(function, ())
        for attribute in ("name", "parameters", "arity", "n_outputs", "defaults", "file", "line", "doc", "module"):
            assert getattr(scalar, attribute) == getattr(parsed, attribute), (scalar, attribute)


def test_function_of_tensorlab_is_parsed_without_the_rest_of_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_written_since", lambda file: False)
    alone = {function: source._own_definition(function) for function, _ in deferred()}
    monkeypatch.setattr(source, "_own_definition", lambda function: None)
    for function, definition in alone.items():
        whole = source.find(function).definition
        assert definition is not None, function
        definition.decorator_list = getattr(whole, "decorator_list", [])
        assert ast.dump(definition, include_attributes=True) == ast.dump(whole, include_attributes=True)


def test_file_of_tensorlab_that_was_written_meanwhile_is_read_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_written_since", lambda file: True)
    assert source._own_definition(lcm) is None  # type: ignore[arg-type]
    assert source.find(lcm).text  # type: ignore[arg-type]


def again(function: FunctionType) -> FunctionType:
    """Return a copy of a function, without its scalar function."""
    made = FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__)
    made.__annotations__ = function.__annotations__
    return made


def test_plain_call_needs_no_body() -> None:
    scalar = scalar_function(again(leaky_relu))  # type: ignore[arg-type]
    assert scalar(-1.0) == -0.2
    assert "body" not in vars(scalar)
    assert (scalar.n_outputs, scalar.defaults) == (1, {"negative_slope": 0.2})
    assert scalar.key == scalar_function(leaky_relu).key
    assert "body" in vars(scalar)


def test_annotation_tells_the_number_of_outputs() -> None:
    for function, n_outputs in ((lcm, 1), (isclose, 1), (frexp, 2)):
        scalar = scalar_function(again(function))  # type: ignore[arg-type]
        assert ("body" in vars(scalar), scalar.n_outputs) == (False, n_outputs)
    function = again(lcm)  # type: ignore[arg-type]
    function.__annotations__ = {}
    assert "body" in vars(scalar_function(function))


def test_own_functions_are_recognized() -> None:
    assert is_own(lcm)
    assert not is_own(test_own_functions_are_recognized)
    here = SimpleNamespace(__code__=SimpleNamespace(co_filename="tensorlab/rules.py"))
    assert not is_own(here)  # type: ignore[arg-type]


def test_constants_are_inserted_when_the_body_is_needed() -> None:
    values = {"alpha": 0.5}
    scalar = with_constants(elu._made_of, values)
    values["alpha"] = 3.0  # a later change has no effect
    assert (scalar.parameters, scalar.defaults, scalar.n_outputs) == (("x",), {}, 1)
    assert "body" not in vars(scalar)
    assert scalar(-1.0) == pytest.approx(0.5 * (2.718281828459045**-1 - 1.0))
    assert scalar.key == with_constants(elu._made_of, {"alpha": 0.5}).key
    assert pickle.loads(pickle.dumps(with_constants(elu._made_of, {"alpha": 0.5}))).key == scalar.key


def test_missing_attribute_raises_the_usual_error() -> None:
    with pytest.raises(AttributeError, match=r"^'ScalarFunction' object has no attribute 'bodies'$"):
        _ = scalar_function(lcm).bodies  # type: ignore[attr-defined]
