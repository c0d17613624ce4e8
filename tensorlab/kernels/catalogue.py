"""Lazy references to every function that returns kernels; importing them neither imports Numba nor compiles.

A call returns the kernel for its arguments. It looks in this process first, then in the kernel cache on disk. If both
miss, it imports the module that defines the function of the same name and compiles the kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tensorlab.forks import guard

__all__ = [
    "Maker",
    "arg_reduce_kernel",
    "call_kernel",
    "convolve_images_kernel",
    "convolve_kernel",
    "convolve_weights_kernel",
    "epilogue_kernel",
    "gather_kernel",
    "gather_map_kernel",
    "map_driver",
    "map_kernel",
    "matmul_kernel",
    "outer_update_kernel",
    "product_kernel",
    "reduce_kernel",
    "reduction_kernel",
    "replay_kernel",
    "rowwise_kernel",
    "run_driver",
    "scan_kernel",
    "stop_kernel",
    "task_kernel",
    "update_kernel",
    "window_max_kernel",
    "window_spread_kernel",
    "window_sum_kernel",
    "winograd_kernel",
    "winograd_weights_kernel",
    "worker_kernel",
]


class Maker:
    """A lazy reference to a function that compiles kernels.

    The function's module, and Numba, are imported only when a kernel has to be compiled.

    Args:
        name: the dotted name of the function, relative to `tensorlab.kernels`.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, *arguments: Any) -> Callable[..., Any]:
        """Return the kernel for these arguments."""
        with guard:
            from tensorlab.kernels.runtime import library

        return library.find(self.name, arguments)


if TYPE_CHECKING:
    from tensorlab.kernels.loops.arg_reduce import arg_reduce_kernel
    from tensorlab.kernels.loops.gather import gather_kernel
    from tensorlab.kernels.loops.gather_map import gather_map_kernel
    from tensorlab.kernels.loops.map import map_driver, map_kernel
    from tensorlab.kernels.loops.outer_update import outer_update_kernel
    from tensorlab.kernels.loops.reduce import reduce_kernel
    from tensorlab.kernels.loops.rowwise import rowwise_kernel
    from tensorlab.kernels.loops.scan import scan_kernel
    from tensorlab.kernels.loops.update import update_kernel
    from tensorlab.kernels.matmul.product import task_kernel
    from tensorlab.kernels.matmul.stacked import epilogue_kernel, matmul_kernel
    from tensorlab.kernels.runtime.compiled_call import call_kernel
    from tensorlab.kernels.runtime.compiled_functions import product_kernel, reduction_kernel
    from tensorlab.kernels.runtime.replay import replay_kernel
    from tensorlab.kernels.runtime.threads import run_driver, stop_kernel, worker_kernel
    from tensorlab.kernels.windows.convolve import convolve_images_kernel, convolve_kernel, convolve_weights_kernel
    from tensorlab.kernels.windows.pool import window_max_kernel, window_spread_kernel, window_sum_kernel
    from tensorlab.kernels.windows.winograd import winograd_kernel
    from tensorlab.kernels.windows.winograd_weights import winograd_weights_kernel
else:
    arg_reduce_kernel = Maker("loops.arg_reduce.arg_reduce_kernel")
    call_kernel = Maker("runtime.compiled_call.call_kernel")
    convolve_images_kernel = Maker("windows.convolve.convolve_images_kernel")
    convolve_kernel = Maker("windows.convolve.convolve_kernel")
    convolve_weights_kernel = Maker("windows.convolve.convolve_weights_kernel")
    epilogue_kernel = Maker("matmul.stacked.epilogue_kernel")
    gather_kernel = Maker("loops.gather.gather_kernel")
    gather_map_kernel = Maker("loops.gather_map.gather_map_kernel")
    map_driver = Maker("loops.map.map_driver")
    map_kernel = Maker("loops.map.map_kernel")
    matmul_kernel = Maker("matmul.stacked.matmul_kernel")
    outer_update_kernel = Maker("loops.outer_update.outer_update_kernel")
    product_kernel = Maker("runtime.compiled_functions.product_kernel")
    reduce_kernel = Maker("loops.reduce.reduce_kernel")
    reduction_kernel = Maker("runtime.compiled_functions.reduction_kernel")
    replay_kernel = Maker("runtime.replay.replay_kernel")
    rowwise_kernel = Maker("loops.rowwise.rowwise_kernel")
    run_driver = Maker("runtime.threads.run_driver")
    scan_kernel = Maker("loops.scan.scan_kernel")
    stop_kernel = Maker("runtime.threads.stop_kernel")
    task_kernel = Maker("matmul.product.task_kernel")
    update_kernel = Maker("loops.update.update_kernel")
    window_max_kernel = Maker("windows.pool.window_max_kernel")
    window_spread_kernel = Maker("windows.pool.window_spread_kernel")
    window_sum_kernel = Maker("windows.pool.window_sum_kernel")
    winograd_kernel = Maker("windows.winograd.winograd_kernel")
    winograd_weights_kernel = Maker("windows.winograd_weights.winograd_weights_kernel")
    worker_kernel = Maker("runtime.threads.worker_kernel")
