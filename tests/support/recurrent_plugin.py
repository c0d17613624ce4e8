"""The plugin tensorlab-recurrent, imported from the repository, which is not installed."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import tensorlab as tl

FOLDER = Path(__file__).parents[2] / "plugins" / "tensorlab-recurrent"
sys.path.insert(0, str(FOLDER))

import tensorlab_recurrent as recurrent  # noqa: E402

layers = SimpleNamespace(
    **{name: getattr(tl.layers, name) for name in tl.layers.__all__},
    **{name: getattr(recurrent, name) for name in recurrent.__all__},
)
"""The layers of tensorlab and of the plugin, as in ``keras.layers``."""

like_keras: Any = SimpleNamespace(layers=layers, Sequential=tl.Sequential, Input=tl.Input)
"""What scripts use of ``keras``."""

__all__ = ["FOLDER", "layers", "like_keras", "recurrent"]
