"""The tensor class, conversion to tensors, and in-place writes."""

from tensorlab.tensor.conversion import adopted, asarray, converted, is_plain
from tensorlab.tensor.core import TENSORS, SharedTensor, Tensor, from_buffer_of
from tensorlab.tensor.masks import attach_mask, mask_of
from tensorlab.tensor.writing import MutableTensor, lock, writing

__all__ = [
    "TENSORS",
    "MutableTensor",
    "SharedTensor",
    "Tensor",
    "adopted",
    "asarray",
    "attach_mask",
    "converted",
    "from_buffer_of",
    "is_plain",
    "lock",
    "mask_of",
    "writing",
]
