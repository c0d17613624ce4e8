"""The CPU and reference backends: the checks that every backend must pass, and the CPU compared with the reference."""

from __future__ import annotations

import math

import numpy as np
import pytest
from any_layout import Array, numbers
from backend_checks import BLEND, SUM, fold, of, run
from backend_loops import CENTRED, DECAYED
from backend_products import product
from every_backend import CALLS, CHECKS, compare
from hypothesis import given, settings
from hypothesis import strategies as st

from tensorlab.backends import Backend, CPUBackend, ReferenceBackend

BACKENDS: dict[str, Backend] = {"cpu": CPUBackend(), "reference": ReferenceBackend()}


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_backend_passes_check(backend: str, name: str, rng: np.random.Generator) -> None:
    CHECKS[name](BACKENDS[backend], rng)


@pytest.mark.parametrize("name", CALLS)
def test_cpu_matches_reference_backend(name: str, rng: np.random.Generator) -> None:
    compare(BACKENDS["cpu"], CALLS[name], int(rng.integers(1 << 60)))


@st.composite
def views(draw: st.DrawFn) -> Array:
    """Draw an array of distinct numbers with random strides, permuted axes, and broadcast axes."""
    shape = draw(st.lists(st.integers(1, 6), max_size=5))
    array = np.arange(1.0, math.prod(shape) + 1.0).reshape(shape)
    steps = st.sampled_from([1, 1, 2, -1, -2, 3])
    array = array[tuple(slice(None, None, draw(steps)) for _ in shape)]
    array = array.transpose(draw(st.permutations(range(array.ndim))))
    repeated = tuple(3 if length == 1 and draw(st.booleans()) else length for length in array.shape)
    return np.broadcast_to(array, repeated)


@settings(deadline=None, max_examples=150)
@given(views(), st.data())
def test_cpu_reads_any_strided_view(view: Array, data: st.DataObject) -> None:
    cpu = BACKENDS["cpu"]
    column = view[..., :1] if view.ndim else view
    np.testing.assert_allclose(run(cpu, BLEND, [view, column], "float64")[0], 2 * view + np.tanh(column), rtol=1e-14)
    axes = tuple(sorted(data.draw(st.sets(st.sampled_from(range(view.ndim))) if view.ndim else st.just(set()))))
    np.testing.assert_array_equal(fold(cpu, SUM, view, axes, "float64", "float64"), view.sum(axes))


def test_results_share_no_memory_with_arguments(rng: np.random.Generator) -> None:
    array = numbers(rng, (4, 4))
    for backend in BACKENDS.values():
        results = [
            *run(backend, BLEND, [array, array], "float64"),
            fold(backend, SUM, array, (), "float64", "float64"),
            product(backend, array, array)[0],
            backend.to_host(backend.rowwise(CENTRED, [array])),
            backend.to_host(backend.scan(DECAYED, [array, array], array.dtype, array.dtype)),
        ]
        assert not any(np.shares_memory(result, array) for result in results)


def test_unaligned_and_byte_swapped_memory_is_copied(rng: np.random.Generator) -> None:
    array = numbers(rng, (5, 7))
    unaligned = np.zeros(array.nbytes + 1, np.uint8)[1:].view(np.float64).reshape(5, 7)
    packed = np.zeros((5, 7), [("byte", "i1"), ("number", "f8")])["number"]
    foreign = np.zeros((5, 7), np.dtype(np.float64).newbyteorder())
    for backend in BACKENDS.values():
        for view in (unaligned, packed, foreign):
            view[...] = array
            buffer = backend.from_host(view)
            assert buffer.flags.aligned
            assert buffer.dtype == "float64"
            (blended,) = run(backend, BLEND, [buffer, buffer], "float64")
            np.testing.assert_allclose(blended, 2 * array + np.tanh(array), rtol=1e-14, atol=1e-14)
            np.testing.assert_allclose(product(backend, view, view.T)[0], array @ array.T, rtol=1e-12, atol=1e-12)


def test_update_accepts_a_gradient_that_is_a_view_of_the_weight() -> None:
    for backend in BACKENDS.values():
        for part in (slice(40_000), slice(40_000, 0, -1), slice(1, None), slice(3, 4)):
            memory = np.arange(40_001.0)
            weight, gradient = memory[:40_000], np.broadcast_to(memory[part], 40_000)
            expected = weight - 0.5 * gradient
            backend.update(of(_minus), [(weight, gradient)], [0.5])
            np.testing.assert_array_equal(weight, expected)


def _minus(w, g, rate):
    return w - rate * g
