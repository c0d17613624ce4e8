"""Checks of products on tensor cores. See `test_cuda_checks`.

The simulator multiplies according to NVIDIA's definition of the instruction, so the assignment of elements to lanes is
tested. Expected values are NumPy's products in float64 of operands that are rounded here.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from test_cuda_checks import check, on, real, same

import tensorlab as tl
from tensorlab.errors import ArgumentError, DeviceError

ROUNDED = ("tf32", "float16", "bfloat16")


def rounded(x: np.ndarray, precision: str) -> np.ndarray:
    """Return numbers rounded to a format of tensor cores, in float64."""
    if precision == "float16":
        return x.astype(np.float16).astype(float)
    fraction, exponent = np.frexp(x.astype(float))  # in [0.5, 1)
    if precision == "tf32":  # 11 bits with the leading one, ties away from zero
        whole = np.sign(fraction) * np.floor(np.abs(fraction) * 2**11 + 0.5)
        return np.ldexp(whole, exponent - 11)
    return np.ldexp(np.rint(fraction * 2**8), exponent - 8)  # 8 bits, ties to even


def near(tensor: tl.Tensor, expected: np.ndarray) -> None:
    same(tensor, expected.astype(np.float32), 4e-6)


@check
def layouts_match_the_ptx_isa(rng):
    from tensorlab_cuda.kernels import mma

    for lane in range(32):
        group, member = lane >> 2, lane % 4  # groupID and threadID_in_group
        # mma.m16n8k8 of .tf32
        a = [(group, member), (group + 8, member), (group, member + 4), (group + 8, member + 4)]
        assert [mma.a_place(lane, register) for register in range(4)] == a
        assert [mma.b_place(lane, register) for register in range(2)] == [(member, group), (member + 4, group)]
        # mma.m16n8k16 of .f16 and .bf16, two elements in a register
        for i in range(8):
            row = group if 0 <= i < 2 or 4 <= i < 6 else group + 8
            column = member * 2 + (i & 1) if i < 4 else member * 2 + (i & 1) + 8
            down, word = mma.a_place(lane, i // 2)
            assert (down, 2 * word + i % 2) == (row, column)
        for i in range(4):
            row = member * 2 + (i & 1) if i < 2 else member * 2 + (i & 1) + 8
            word, across = mma.b_place(lane, i // 2)
            assert (2 * word + i % 2, across) == (row, group)
        # the accumulators of both
        sums = [(group if i < 2 else group + 8, member * 2 + (i & 1)) for i in range(4)]
        assert [mma.sum_place(lane, i) for i in range(4)] == sums
    # positions of some elements in the figures
    assert mma.a_place(0, 3) == (8, 4)
    assert mma.a_place(31, 0) == (7, 3)
    assert mma.b_place(31, 1) == (7, 7)
    assert mma.sum_place(5, 2) == (9, 2)


@check
def products_round_their_factors(rng):
    from tensorlab_cuda import matmul_precision

    for precision in ROUNDED:
        for m, k, n in [(1, 1, 1), (33, 19, 17), (2, 0, 3)]:
            a, b = real(rng, m, k), real(rng, k, n)
            expected = rounded(a, precision) @ rounded(b, precision)
            with matmul_precision(precision):
                near(on(a) @ on(b), expected)
                near(tl.matrix_transpose(on(a.T.copy())) @ tl.matrix_transpose(on(b.T.copy())), expected)
            if m > 1 and k:
                assert np.abs(expected - a.astype(float) @ b).max() > 1e-4  # far from the product in full precision


@check
def rounding_matches_the_hardware(rng):
    from tensorlab_cuda import matmul_precision

    steps = {"tf32": 2.0**-10, "float16": 2.0**-10, "bfloat16": 2.0**-7}
    for precision, step in steps.items():
        ties = np.float32([1 + step / 2, 1 + 3 * step / 2, -1 - step / 2, 1 + 0.51 * step, 1 + 0.49 * step])
        numbers = np.float32([*ties, *real(rng, 6) * 10.0 ** rng.integers(-4, 5, 6), 0.0, np.inf, -np.inf, np.nan])
        if precision == "float16":
            numbers = np.append(numbers, np.float32([7e4, 6e-8, 1e-9]))  # too large, subnormal, too small
        with matmul_precision(precision), np.errstate(over="ignore"):
            received = on(numbers[:, None]) @ on(np.float32([[1]]))
            same(received, np.float32(rounded(numbers, precision))[:, None], 0)
    assert np.array_equal(rounded(np.float32([1 + 2.0**-11]), "tf32"), [1 + 2.0**-10])


@check
def stacks_strides_and_epilogues_use_tensor_cores(rng):
    from tensorlab_cuda import matmul_precision

    a, b = real(rng, 2, 1, 3, 10), real(rng, 3, 5, 4)
    x, kernel, bias, seed = real(rng, 18, 9), real(rng, 9, 7), real(rng, 7), real(rng, 18, 7)
    for precision in ("tf32", "bfloat16"):

        def product(left: np.ndarray, right: np.ndarray, precision: str = precision) -> np.ndarray:
            return rounded(left, precision) @ rounded(right, precision)

        with matmul_precision(precision), tl.device("cuda"):
            near(on(a)[..., ::-1, ::2] @ on(b), product(a[..., ::-1, ::2], b))
            with tl.GradientTape() as tape:
                weight, offset = tl.Variable(kernel), tl.Variable(bias)
                y = tl.dense(tl.asarray(x), weight, offset, tl.relu)
            to_weight, to_offset = tape.gradient(y, [weight, offset], on(seed))
        total = product(x, kernel) + bias
        near(y, np.maximum(total, 0))
        flowing = np.float32(seed * (total > 0))
        near(to_weight, product(x.T, flowing))
        near(to_offset, flowing.sum(0))


@contextlib.contextmanager
def variable(value: str) -> Iterator[None]:
    os.environ["TENSORLAB_CUDA_MATMUL"] = value
    try:
        yield
    finally:
        del os.environ["TENSORLAB_CUDA_MATMUL"]


@check
def precision_is_selected_by_block_and_variable(rng):
    from tensorlab_cuda import matmul_precision

    tie = np.float32([[1 + 2.0**-11]])
    x, one = on(tie), on(np.float32([[1]]))
    found: list[float] = []

    def see() -> None:
        found.append(float((x @ one)[0, 0]) - 1)

    see()
    with matmul_precision("tf32"):
        see()
        with matmul_precision("float32"):
            see()
        see()
        other = threading.Thread(target=see)  # the block applies to this thread only
        other.start()
        other.join()
        assert float((x.astype("float64") @ one.astype("float64"))[0, 0]) == tie
        same(on([[4097]]) @ on([[4097]]), np.array([[4097**2]]), 0)
    with variable("tf32"):
        see()
        with matmul_precision("float32"):
            see()
    see()
    full, less = 2.0**-11, 2.0**-10
    assert found == [full, less, full, less, full, less, full, full]


@check
def unknown_and_unsupported_precisions_are_rejected(rng):
    from tensorlab_cuda import matmul_precision
    from tensorlab_cuda.precision import current

    x = on(real(rng, 2, 2))
    one_of = "expected one of 'float32', 'tf32', 'float16', 'bfloat16', received 'tf64'$"
    with pytest.raises(ArgumentError, match=f"^matmul_precision: {one_of}"), matmul_precision("tf64"):
        pass
    with variable("tf64"), pytest.raises(ArgumentError, match=f"^TENSORLAB_CUDA_MATMUL: {one_of}"):
        x @ x
    assert current((7, 5)) == "float32"
    with (
        matmul_precision("bfloat16"),
        pytest.raises(
            DeviceError,
            match=r"^products in bfloat16: expected a GPU of compute capability 8\.0 or newer, received 7\.5; leave it "
            r"at 'float32': unset TENSORLAB_CUDA_MATMUL, or use no matmul_precision$",
        ),
    ):
        current((7, 5))
