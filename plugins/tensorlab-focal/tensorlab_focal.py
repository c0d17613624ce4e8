"""The binary focal loss for tensorlab: ``model.compile(loss="focal")``."""

import math

from tensorlab import LossRule, hookimpl


def focal(y_true, y_pred, gamma=2.0, alpha=0.25):
    """Compute ``-α (1 - p)^γ log p`` for a target of 1 and an output ``p``, ``-(1 - α) p^γ log(1 - p)`` for 0.

    Samples of which the network is certain have little weight, so many easy samples do not hide a few hard ones.

    Args:
        y_true: 0 or 1, or a number between them.
        y_pred: a probability, for example from a sigmoid; clipped to 1e-7 and 1 - 1e-7.
        gamma: how strongly certain outputs lose weight; 0 gives the weighted crossentropy.
        alpha: the weight of targets that are 1; targets that are 0 have the weight 1 - alpha.

    Source: T.-Y. Lin et al., "Focal Loss for Dense Object Detection", arXiv:1708.02002.
    """
    p = min(max(y_pred, 1e-7), 1.0 - 1e-7)
    weight = y_true * alpha + (1.0 - y_true) * (1.0 - alpha)
    wrong = y_true * (1.0 - p) + (1.0 - y_true) * p
    crossentropy = -y_true * math.log(p) - (1.0 - y_true) * math.log(1.0 - p)
    return weight * math.pow(wrong, gamma) * crossentropy


@hookimpl
def tensorlab_register_losses():
    """Return what the plugin adds, by name. tensorlab calls this at the first look-up of any name."""
    return {"focal": LossRule(focal)}
