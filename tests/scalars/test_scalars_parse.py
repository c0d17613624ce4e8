"""Check which functions scalar_function accepts, and when it returns a cached scalar function."""

from __future__ import annotations

import functools
import gc
import linecache
import math
import os
import subprocess
import sys
import textwrap
import weakref
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from scalar_cases import TABLE, label, leaky_relu, mish, points, sin_cos

from tensorlab.errors import ScalarError
from tensorlab.scalars import derivative, scalar_function, vjp

of = scalar_function
FILE = Path(__file__)


def lines(function):
    return [line.strip() for line in of(function).source.splitlines()[1:]]


def test_attributes_of_a_scalar_function():
    scalar = of(leaky_relu)
    assert scalar is of(leaky_relu) is of(scalar)
    assert (scalar.name, scalar.parameters, scalar.arity, scalar.n_outputs) == ("leaky_relu", ("x", "slope"), 2, 1)
    assert scalar.defaults == {"slope": 0.3}
    assert scalar.python is leaky_relu
    assert scalar(-2.0, slope=0.5) == -1.0
    assert scalar.file == leaky_relu.__code__.co_filename
    assert scalar.line == leaky_relu.__code__.co_firstlineno
    assert scalar.source == "def leaky_relu(x, slope=0.3):\n    return x if x >= 0 else slope * x\n"
    assert repr(scalar) == f"<scalar function 'leaky_relu' ({scalar.file}, line {scalar.line}): (x, slope) -> 1>"
    assert scalar.constant is None
    assert of(sin_cos).n_outputs == 2


def test_constant_of_a_constant_function():
    assert of(lambda x: -2).constant == -2
    assert of(lambda x: math.inf).constant == math.inf
    assert of(lambda x: x).constant is None


def test_lambdas_on_one_line_are_distinguished():
    first, second = lambda x: x + 1.0, lambda x: x - (2.0)
    nested = (lambda x: lambda y: y * 3.0)(0.0)
    assert (lines(first), lines(second), lines(nested)) == (["return x + 1.0"], ["return x - 2.0"], ["return y * 3.0"])
    many = [
        lambda x: (
            x
            + 1.0
        ),
        lambda x: 7.0,
    ]  # fmt: skip
    assert [lines(one) for one in many] == [["return x + 1.0"], ["return 7.0"]]


def test_math_numpy_and_builtin_functions_are_accepted():
    assert of(math.exp).source == "def exp(x):\n    return math.exp(x)\n"
    assert of(math.exp).python is math.exp
    assert of(np.arctan2)(1.0, 2.0) == math.atan2(1.0, 2.0)
    assert of(np.maximum)(1.0, 2.0) == 2.0
    assert of(abs)(-3.0) == 3.0
    assert of(pow)(2.0, 3.0) == of(np.power)(2.0, 3.0) == of(math.pow)(2.0, 3.0) == 8.0
    assert of(np.remainder)(-1.0, 3.0) == 2.0
    assert of(math.log).parameters == ("x",)
    assert lines(lambda x: np.arctan(x) + np.abs(x) + np.rint(x)) == ["return math.atan(x) + abs(x) + round(x)"]
    assert lines(lambda x: math.log(x, 2) + pow(x, 2)) == ["return math.log(x) / math.log(2) + x ** 2"]
    assert lines(lambda x, y: max(x, y, 1)) == ["return max(max(x, y), 1)"]


def test_compiled_functions_are_accepted():
    @numba.njit
    def compiled(x):
        return x * 2

    def calling(x):
        return compiled(x)

    assert of(compiled)(3.0) == 6.0
    assert of(calling).calls["compiled"] is of(compiled)


def test_outer_variables_become_constants():
    factor, flag, small = 3, True, np.float32(0.5)

    def scaled(x):
        return x * factor + (math.pi if flag else -math.inf) * small

    assert lines(scaled) == [f"return x * 3 + ({math.pi!r} if True else -math.inf) * 0.5"]


RATE = 3.0


def at_the_rate(x):
    return RATE * x


def test_scalar_function_keeps_the_outer_values_it_was_made_with(monkeypatch):
    def twice_at_the_rate(x):
        return 2.0 * at_the_rate(x) * shift

    shift = 1.0
    first = of(twice_at_the_rate)
    slope = derivative(first, 0)
    assert of(twice_at_the_rate) is first
    assert first.python is twice_at_the_rate
    monkeypatch.setitem(globals(), "RATE", 3.0 + 0.0)  # another object with the same value
    assert of(twice_at_the_rate) is first
    for change, wanted in (("RATE", 8.0), ("shift", 16.0), ("at_the_rate", -2.0)):
        if change == "RATE":
            monkeypatch.setitem(globals(), "RATE", 4.0)
        elif change == "shift":
            shift = 2.0
        else:
            shift = 1.0
            monkeypatch.setitem(globals(), "at_the_rate", lambda x: -x)
        later = of(twice_at_the_rate)
        assert (first(1.0), slope(1.0)) == (6.0, 6.0)
        assert twice_at_the_rate(1.0) == later(1.0) == derivative(later, 0)(1.0) == wanted
        assert later.key != first.key


def test_supported_statements():
    def many(x, y):
        """A docstring."""
        a: float = x
        b: float
        b = c = a
        a, b = b, a + c
        (u, v) = x, y
        x **= 2
        s, _ = sin_cos(x)
        pass
        return a + b + u + v + s, c

    assert lines(many) == [
        "a = x",
        "c = a",
        "b = c",
        "t1 = b",
        "t2 = a + c",
        "a = t1",
        "b = t2",
        "u = x",
        "v = y",
        "x = x ** 2",
        "s, _ = sin_cos(x, 2.0)",
        "pass",
        "return (a + b + u + v + s, c)",
    ]


def test_parameters_can_shadow_builtins():
    def clip(x, min, max, abs):
        return min if x < min else max if x > max else abs

    assert derivative(of(clip), 1)(0.0, 1.0, 2.0, 5.0) == 1.0


def test_functions_from_text_and_notebook_cells():
    source = "def cell(x):\n    return x * 4.0\n"
    linecache.cache["<cell 1>"] = (len(source), None, source.splitlines(keepends=True), "<cell 1>")
    namespace = {}
    exec(compile(source, "<cell 1>", "exec"), namespace)
    assert of(namespace["cell"])(2.0) == 8.0
    exec("def lost(x):\n    return x\n", namespace)
    with pytest.raises(
        ScalarError, match=r"'lost' .*expected a function whose source can be read, received one without"
    ):
        of(namespace["lost"])


def test_changed_source_is_rejected(tmp_path):
    path = tmp_path / "changing.py"
    path.write_text("def f(x):\n    return x\n")
    namespace = {}
    exec(compile(path.read_text(), str(path), "exec"), namespace)
    for changed in ("# a new line\ndef f(x):\n    return x\n", "def f(x):\n    return -x\n"):
        path.write_text(changed)
        with pytest.raises(ScalarError, match="received a source that has changed since; restart Python"):
            of(namespace["f"])
    path.write_text("def f(x):\n    return x\n# another line\n")
    assert of(namespace["f"])(3.0) == 3.0


def test_indistinguishable_lambdas_are_rejected():
    code = "from tensorlab.scalars import scalar_function\nf, g = lambda x: x, lambda x: -x\nscalar_function(g)\n"
    path = FILE.with_name("unused_name.py")
    out = subprocess.run(
        [sys.executable, "-X", "no_debug_ranges", "-c", _from_file(code, path)],
        capture_output=True, text=True, cwd=FILE.parents[1], check=False,
    )  # fmt: skip
    assert "expected one lambda per line, received several that cannot be told apart; write each on" in out.stderr


def _from_file(code, path):
    """Return a program that runs the code as if it were read from a file."""
    entry = f"(0, None, {code.splitlines(keepends=True)!r}, {str(path)!r})"
    return f"import linecache\nlinecache.cache['<made>'] = {entry}\nexec(compile({code!r}, '<made>', 'exec'))"


def test_wrapper_is_distinguished_from_the_wrapped_function():
    def wrapped(x):
        return x + 1.0

    of(wrapped)

    @functools.wraps(wrapped)
    def wrapper(x):
        return x * 5.0

    assert of(wrapper)(2.0) == 10.0
    assert lines(wrapper) == ["return x * 5.0"]


def test_functions_are_not_kept_alive():
    def temporary(x):
        return x

    derivative(of(temporary))
    watch = weakref.ref(temporary)
    del temporary
    gc.collect()
    assert watch() is None


def test_keys_depend_only_on_the_computation():
    def one(x):
        """First."""
        return 2 * mish(x)

    def other(x):
        return 2 * mish(x)  # the same

    def real(x):
        return 2.0 * mish(x)

    def deeper(x):
        return 2 * leaky_relu(x)

    assert of(one).key == of(other).key
    assert len({of(f).key for f in (one, real, deeper)}) == 3

    def scaled(factor):
        return lambda x: factor * x

    assert of(scaled(2)).key == of(scaled(2)).key != of(scaled(3)).key


def test_keys_are_the_same_in_another_process():
    code = textwrap.dedent("""
        import scalar_cases as t
        from tensorlab.scalars import derivative, scalar_function, vjp
        for f in t.TABLE:
            s = scalar_function(f)
            print(s.key, derivative(s).key, derivative(vjp(s, s.arity - 1), 1).key)
    """)
    here = [of(f) for f in TABLE]
    wanted = [f"{s.key} {derivative(s).key} {derivative(vjp(s, s.arity - 1), 1).key}" for s in here]
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "1",
        "PYTHONPATH": os.pathsep.join(map(str, (FILE.parent, FILE.parents[1] / "support", FILE.parents[2]))),
    }
    out = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert out.stdout.splitlines() == wanted, [label(f) for f in TABLE]


@pytest.mark.parametrize("function", TABLE, ids=label)
def test_parsed_source_matches_the_function(function):
    scalar = scalar_function(function)
    namespace: dict[str, Any] = {"math": math, **{name: called.python for name, called in scalar.calls.items()}}
    exec(scalar.source, namespace)
    parsed = namespace[scalar.source.split("(")[0].removeprefix("def ")]
    for arguments in points(function, 20):
        assert parsed(*arguments) == pytest.approx(function(*arguments), rel=1e-14, abs=1e-15)
