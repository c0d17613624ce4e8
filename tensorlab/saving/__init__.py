"""Saving and loading: files with models, weights and checkpoints, which contain no code."""

from tensorlab.saving.json_text import model_from_json, model_to_json
from tensorlab.saving.model import load_model, read_weights, save_model
from tensorlab.saving.weights import load_weights, save_weights

__all__ = [
    "load_model",
    "load_weights",
    "model_from_json",
    "model_to_json",
    "read_weights",
    "save_model",
    "save_weights",
]
