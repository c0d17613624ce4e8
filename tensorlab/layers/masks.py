"""How masks travel from layer to layer, see `tensorlab.tensor.masks`."""

from __future__ import annotations

import warnings
from typing import Any

from tensorlab.errors import levels_to_the_user
from tensorlab.tensor import Tensor, attach_mask, mask_of


def pass_mask(layer: Any, inputs: Any, mask: Tensor | None, outputs: Any) -> None:
    """Attach the mask of the outputs of a layer to them; of several outputs, to the first.

    Args:
        layer: the layer.
        inputs: the inputs of its call.
        mask: their mask.
        outputs: what the call returned.

    Warns if the layer does not support masks, because later layers then compute with padding.

    Source: Keras, ``keras.layers.Layer.__call__``.
    """
    first = outputs[0] if isinstance(outputs, (list, tuple)) and outputs else outputs
    if layer.supports_masking is None or not isinstance(first, Tensor):
        return
    if layer.supports_masking:
        found = layer.compute_mask(inputs, mask)
        if found is not None:
            attach_mask(first, found)
    elif mask_of(first) is None and not layer._call_takes_mask():
        warnings.warn(
            f"{layer._who}: expected inputs without a mask, as the layer does not support masks, received inputs with "
            "one; the layers after it compute with the padding too",
            stacklevel=levels_to_the_user(),
        )
