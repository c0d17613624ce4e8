"""Models: layers that are trained together."""

from tensorlab.models.cloning import clone_model
from tensorlab.models.model import Model
from tensorlab.models.sequential import Sequential
from tensorlab.saving import load_model, model_from_json, save_model

__all__ = ["Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]
