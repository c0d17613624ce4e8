"""CPU kernels compiled by Numba: map, reduction, row-wise, scan, matrix product and optimizer update.

Importing this package compiles nothing and starts no thread.
"""

CHUNK = 1 << 14
"""The number of elements in a chunk, enough to justify another thread. Smaller arrays are computed by the caller."""
