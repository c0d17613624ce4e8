"""The tensor class, conversion to tensors, and in-place writes."""

from tensorlab.tensor.conversion import adopted, asarray, converted, is_plain
from tensorlab.tensor.core import TENSORS, SharedTensor, Tensor, from_buffer_of
from tensorlab.tensor.masks import attach_mask, mask_of
from tensorlab.tensor.rows import Rows, can_defer, gather
from tensorlab.tensor.writing import MutableTensor, lock, writing

__all__ = [
    "TENSORS",
    "MutableTensor",
    "Rows",
    "SharedTensor",
    "Tensor",
    "adopted",
    "asarray",
    "attach_mask",
    "can_defer",
    "converted",
    "from_buffer_of",
    "gather",
    "is_plain",
    "lock",
    "mask_of",
    "writing",
]
