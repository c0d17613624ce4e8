"""Every operation, under the array API standard's names, and the neural ones."""

from tensorlab.ops import methods  # noqa: F401  (puts the operators and methods of Tensor in place)
from tensorlab.ops.creation import (
    arange,
    empty,
    eye,
    full,
    full_like,
    linspace,
    ones,
    ones_like,
    zeros,
    zeros_like,
)
from tensorlab.ops.elementwise_functions import *  # noqa: F403  (its __all__ is the table of elementwise operations)
from tensorlab.ops.lift import Elementwise, astype, elementwise
from tensorlab.ops.linalg import dot, matmul, outer
from tensorlab.ops.nn import dense, log_softmax, one_hot, softmax, stop_gradient
from tensorlab.ops.reduction import all, all_finite, any, argmax, argmin, max, mean, min, prod, std, sum, var
from tensorlab.ops.shaping import (
    broadcast_to,
    concat,
    concatenate,
    expand_dims,
    flip,
    matrix_transpose,
    permute_dims,
    reshape,
    squeeze,
    stack,
    take,
    tile,
    transpose,
)
