"""Helpers with Keras's names."""

from typing import TYPE_CHECKING

from tensorlab import absent
from tensorlab.utils.arrays import normalize, pad_sequences, to_categorical
from tensorlab.utils.data import PyDataset, Sequence, split_dataset
from tensorlab.utils.drawing import plot_model
from tensorlab.utils.images import image_dataset_from_directory
from tensorlab.utils.naming import clear_session, set_random_seed, snake_case, unique_name

__all__ = [
    "PyDataset",
    "Sequence",
    "clear_session",
    "image_dataset_from_directory",
    "normalize",
    "pad_sequences",
    "plot_model",
    "set_random_seed",
    "snake_case",
    "split_dataset",
    "to_categorical",
    "unique_name",
]


if not TYPE_CHECKING:  # a type checker would accept every name
    __getattr__ = absent.lookup(globals())
