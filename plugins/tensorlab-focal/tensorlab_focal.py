"""The binary focal loss for tensorlab: ``model.compile(loss="focal")``."""

import math

from tensorlab import LossRule, hookimpl


def focal(y_true, y_pred, gamma=2.0, alpha=0.25):
    """``-α (1 - p)^γ log p`` for a target of 1 and an output ``p``, ``-(1 - α) p^γ log(1 - p)`` for a target of 0.

    What the network is sure of already counts little, so that a few hard samples are not outvoted by many easy ones.

    Args:
        y_true: 0 or 1, or a number between them.
        y_pred: a probability, as from a sigmoid; kept 1e-7 from 0 and 1.
        gamma: how much less sure outputs count; 0 is the weighted cross-entropy.
        alpha: the weight of the targets that are 1; the others weigh 1 - alpha.

    Source: T.-Y. Lin et al., "Focal Loss for Dense Object Detection", arXiv:1708.02002.
    """
    p = min(max(y_pred, 1e-7), 1.0 - 1e-7)
    weight = y_true * alpha + (1.0 - y_true) * (1.0 - alpha)
    wrong = y_true * (1.0 - p) + (1.0 - y_true) * p
    crossentropy = -y_true * math.log(p) - (1.0 - y_true) * math.log(1.0 - p)
    return weight * math.pow(wrong, gamma) * crossentropy


@hookimpl
def tensorlab_register_losses():
    """Called by tensorlab the first time that a program looks any name up."""
    return {"focal": LossRule(focal)}
