"""The loop kinds on a CUDA device: source text around a scalar function, compiled at the first launch.

Every kernel loops over its work in strides of the grid, so the number of blocks does not change the result. The order
of accumulation depends only on shapes and strides, and no atomic operation is used, so results have the same bits in
every run.
"""
