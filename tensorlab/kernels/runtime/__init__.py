"""The runtime of kernels: compilation, the cache on disk, memory access by address, and the thread pool."""
