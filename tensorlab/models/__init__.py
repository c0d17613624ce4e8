"""Models: layers that are trained together."""

from tensorlab.models.model import Model
from tensorlab.models.sequential import Sequential
from tensorlab.saving import load_model, save_model

__all__ = ["Model", "Sequential", "load_model", "save_model"]
