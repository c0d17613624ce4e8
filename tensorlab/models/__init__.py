"""Models: layers that are trained together."""

from tensorlab.models.model import Model
from tensorlab.models.sequential import Sequential

__all__ = ["Model", "Sequential"]
