"""The engine of reverse-mode automatic differentiation.

It knows no operations. The public interface is `tensorlab.gradients`.
"""

from tensorlab.autodiff.nested import flatten, pack_as
from tensorlab.autodiff.stopping import no_grad
from tensorlab.autodiff.tape import (
    Differentiable,
    Tape,
    Vjp,
    interchangeable,
    keys,
    new_key,
    record,
    recording,
    recording_anywhere,
    watching,
)

__all__ = [
    "Differentiable",
    "Tape",
    "Vjp",
    "flatten",
    "interchangeable",
    "keys",
    "new_key",
    "no_grad",
    "pack_as",
    "record",
    "recording",
    "recording_anywhere",
    "watching",
]
