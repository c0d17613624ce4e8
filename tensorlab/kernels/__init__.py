"""CPU kernels compiled by Numba: map, reduction, row-wise, scan, matrix product and optimizer update.

Importing this package compiles nothing and starts no thread.
"""
