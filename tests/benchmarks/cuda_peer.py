"""PyTorch for comparisons in `bench_cuda`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Peer:
    """PyTorch and its device."""

    torch: Any
    device: str

    def array(self, array: np.ndarray[Any, Any]) -> Any:
        """Return a tensor of PyTorch."""
        return self.torch.from_numpy(array).to(self.device)

    def synchronize(self) -> None:
        """Wait until all kernels have finished."""
        if self.device == "cuda":
            self.torch.cuda.synchronize()


def pytorch(small: bool) -> Peer | None:
    """Return PyTorch with a GPU and in full float32, or None; with ``small`` the CPU suffices."""
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed: no comparison with it")
        return None
    print(f"PyTorch {torch.__version__}")
    if not torch.cuda.is_available():
        if small:
            return Peer(torch, "cpu")
        print("It finds no GPU: no comparison with it")
        return None
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    return Peer(torch, "cuda")
