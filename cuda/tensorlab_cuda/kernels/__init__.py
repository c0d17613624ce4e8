"""The loop kinds on a CUDA device: source text around a scalar function, compiled at the first launch.

Every kernel goes through its work in strides of the grid, so that any number of blocks computes the same. Which
elements are folded with which depends on shapes and strides alone, and no atomic operation is used, so results are the
same bit for bit from run to run.
"""
