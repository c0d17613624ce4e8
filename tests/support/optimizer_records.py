"""Optimizers with their options, whose weights after some steps `record_optimizers.py` writes to a file."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

STEPS = 12
START = [np.array([[1.0, -0.5, 2.0], [0.3, -1.2, 0.8]], "f4"), np.array([0.7, -0.4], "f4")]


def gradients(name: str) -> list[list[Array]]:
    """Return the gradients of each step, which depend on a name only."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return [[rng.normal(size=start.shape).astype("f4") for start in START] for _ in range(STEPS)]


RULES: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", {"learning_rate": 0.1}),
    "momentum": ("SGD", {"learning_rate": 0.1, "momentum": 0.9}),
    "nesterov": ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    "rmsprop": ("RMSprop", {"learning_rate": 0.05}),
    "rmsprop momentum": ("RMSprop", {"learning_rate": 0.05, "momentum": 0.5, "rho": 0.8}),
    "rmsprop centered": ("RMSprop", {"learning_rate": 0.05, "centered": True, "epsilon": 1e-3}),
    "rmsprop centered momentum": (
        "RMSprop",
        {"learning_rate": 0.05, "momentum": 0.5, "centered": True, "epsilon": 1e-3},
    ),
    "adam": ("Adam", {"learning_rate": 0.05}),
    "amsgrad": ("Adam", {"learning_rate": 0.05, "amsgrad": True, "beta_2": 0.9}),
    "adamw": ("AdamW", {"learning_rate": 0.05, "weight_decay": 0.1}),
    "adamw amsgrad": ("AdamW", {"learning_rate": 0.05, "amsgrad": True}),
    "adagrad": ("Adagrad", {"learning_rate": 0.1, "initial_accumulator_value": 0.2}),
    "adadelta": ("Adadelta", {"learning_rate": 1.0, "rho": 0.9, "epsilon": 1e-4}),
    "adamax": ("Adamax", {"learning_rate": 0.05}),
    "nadam": ("Nadam", {"learning_rate": 0.05}),
    "ftrl": ("Ftrl", {"learning_rate": 0.1}),
    "adafactor": ("Adafactor", {"learning_rate": 0.5}),
    "adafactor options": (
        "Adafactor",
        {"learning_rate": 0.3, "beta_2_decay": -0.5, "epsilon_1": 1e-3, "epsilon_2": 0.9, "clip_threshold": 0.5},
    ),
    "muon": ("Muon", {"learning_rate": 0.05}),
    "muon options": (
        "Muon",
        {
            "learning_rate": 0.05,
            "weight_decay": None,
            "adam_weight_decay": 0.1,
            "adam_lr_ratio": 0.5,
            "momentum": 0.8,
            "nesterov": False,
            "ns_steps": 3,
            "rms_rate": None,
        },
    ),
    "ftrl penalties": (
        "Ftrl",
        {
            "learning_rate": 0.2,
            "l1_regularization_strength": 0.1,
            "l2_regularization_strength": 0.2,
            "l2_shrinkage_regularization_strength": 0.05,
            "beta": 0.1,
        },
    ),
}

OPTIONS: dict[str, dict[str, Any]] = {
    "": {},
    "decay": {"weight_decay": 0.2},
    "clipnorm": {"clipnorm": 0.8},
    "clipvalue": {"clipvalue": 0.5},
    "global_clipnorm": {"global_clipnorm": 1.1},
    "ema": {"use_ema": True, "ema_momentum": 0.8},
    "ema overwriting": {"use_ema": True, "ema_momentum": 0.6, "ema_overwrite_frequency": 5},
    "accumulating": {"gradient_accumulation_steps": 3},
    "accumulating, clipped": {"gradient_accumulation_steps": 5, "global_clipnorm": 0.6, "weight_decay": 0.1},
    "accumulating, averaged": {
        "gradient_accumulation_steps": 4,
        "use_ema": True,
        "ema_momentum": 0.7,
        "ema_overwrite_frequency": 2,
        "clipnorm": 0.5,
    },
}

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    f"{rule}, {option}".rstrip(", "): (kind, arguments | more)
    for rule, (kind, arguments) in RULES.items()
    for option, more in OPTIONS.items()
    if not (kind in ("AdamW", "Muon") and "weight_decay" in more)
}
