"""Loop shapes for the CPU, compiled by Numba: map, reduce, rowwise, matmul and update.

Nothing here is compiled, or started, before the first kernel is asked for.
"""
