"""Compiled calls with incomplete objects, unusual calls, and calls near a limit raise exceptions and never crash."""

from __future__ import annotations

import functools
import gc
import pickle
import sys
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorlab as tl
from tensorlab.errors import ArgumentTypeError
from tensorlab.ops import compiled_calls
from tensorlab.ops.lift import Elementwise
from tensorlab.tensor import TENSORS


@tl.elementwise
def blend(x: float, y: float) -> float:
    return 2.0 * x - y


class Logged(tl.Activation):
    """An activation that overrides the call and calls its base class."""

    calls = 0

    def __call__(self, *operands: Any, **options: Any) -> tl.Tensor:
        self.calls += 1
        return super().__call__(*operands, **options)


def triple(x: float) -> float:
    return 3.0 * x


@pytest.fixture(autouse=True)
def _hot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile the call."""
    monkeypatch.setattr(compiled_calls, "_left", 1)
    blend(tl.asarray([1.0]), 1.0)


def test_bound_methods_and_subclasses_that_call_super() -> None:
    x, y = tl.asarray([1.0, 2.0]), tl.asarray([1, 2])
    logged, bound = Logged(triple), blend.__call__
    for _ in range(3):
        assert logged(x).tolist() == [3.0, 6.0]
        assert bound(x, x).tolist() == Elementwise.__call__(blend, x, x).tolist() == [1.0, 2.0]
        assert functools.partial(bound, x)(x).tolist() == next(map(bound, [x], [x])).tolist() == [1.0, 2.0]
        assert tl.add.__call__(y, y).tolist() == [2, 4]
        assert logged(np.ones(2)).tolist() == [3.0, 3.0]
        with pytest.raises(ArgumentTypeError, match="blend: expected 2 arguments, received 1"):
            bound(x)
        with pytest.raises(TypeError, match="received the unknown argument 'nothing'"):
            bound(x, x, nothing=1)
        variable = tl.Variable([0.0, 0.0])
        assert bound(x, x, out=variable) is variable
        with tl.GradientTape() as tape:
            tape.watch(x)
            z = logged(bound(x, x))
        assert tape.gradient(z, x).tolist() == [3.0, 3.0]
    assert logged.calls == 9


def bare(kind: type) -> Any:
    return kind.__new__(kind)


def emptied() -> tl.Tensor:
    x = tl.asarray([1.0, 2.0])
    del x._buffer
    return x


def without_buffer(kind: type) -> Callable[[], Any]:
    return lambda: bare(kind)


class Unfinished(tl.Tensor):
    """A tensor class without ``super().__init__()``."""

    def __init__(self) -> None:
        pass


@pytest.mark.parametrize(
    "make",
    [without_buffer(tl.Tensor), without_buffer(tl.Variable), *map(without_buffer, TENSORS), emptied, Unfinished],
)
def test_incomplete_tensors_raise_attribute_error(make: Callable[[], Any]) -> None:
    x = tl.asarray([1.0, 2.0])
    for operands in ((make(), x), (x, make()), (make(), 1.0), (make(), make())):
        with pytest.raises(AttributeError):
            blend(*operands)
        with pytest.raises(AttributeError), tl.GradientTape():
            blend(*operands)


def test_incomplete_operations_name_the_missing_call_of_init() -> None:
    class Forgetful(tl.Activation):
        def __init__(self) -> None:
            pass

    x = tl.asarray([1.0, 2.0])
    for operation in (bare(Elementwise), bare(tl.Activation), Forgetful()):
        with pytest.raises(AttributeError, match=rf"'{type(operation).__name__}' .*__init__ has to call super\(\)"):
            operation(x, 2.0)
        with pytest.raises(AttributeError, match="no attribute 'nothing'"):
            _ = blend.nothing  # type: ignore[attr-defined]


@pytest.mark.parametrize("thing", [None, 0, b"", np.zeros(20, np.int64), object(), Elementwise])
def test_object_in_place_of_the_call_table_is_ignored(thing: object) -> None:
    @tl.elementwise
    def own(x: float) -> float:
        return 2.0 * x

    x = tl.asarray([1.0, 2.0])
    assert own(x).tolist() == own(x).tolist() == [2.0, 4.0]
    assert type(own._direct).__name__ == "PyCapsule"
    with pytest.raises(TypeError, match="pickle"):
        pickle.dumps(own._direct)
    own._direct = thing
    assert own(x).tolist() == [2.0, 4.0]
    del own._direct
    assert own(x).tolist() == [2.0, 4.0]


def test_object_in_place_of_a_buffer_raises() -> None:
    for wrong in (None, 1.0, "text", [1.0, 2.0]):
        x = tl.asarray([1.0, 2.0])
        x._buffer = wrong
        with pytest.raises((AttributeError, TypeError)):
            blend(x, x)


def test_recursion_limit_raises_recursion_error() -> None:
    x = tl.asarray([1.0, 2.0])
    watched: list[Any] = []

    def down() -> None:
        blend(x, x)
        watched.append(weakref.ref(blend(x, 1.0)))
        with tl.GradientTape() as tape:
            tape.watch(x)
            blend(x, x)
        down()

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(260)
    try:
        for _ in range(20):
            with pytest.raises(RecursionError):
                down()
    finally:
        sys.setrecursionlimit(limit)
    assert blend(x, x).tolist() == [1.0, 2.0]
    gc.collect()
    assert not any(reference() for reference in watched)


def test_finalizer_may_prepare_another_dtype_during_a_call() -> None:
    @tl.elementwise
    def own(x: float) -> float:
        return 2.0 * x

    class Finalized:
        def __init__(self) -> None:
            self.cycle = self

        def __del__(self) -> None:
            for dtype in ("float64", "float32"):
                own(tl.ones((2,), dtype=dtype))

    x = tl.asarray([1.0, 2.0])
    threshold = gc.get_threshold()
    gc.set_threshold(1)
    try:
        own(x)
        for _ in range(200):
            Finalized()
            assert own(x).tolist() == [2.0, 4.0]
    finally:
        gc.set_threshold(*threshold)
