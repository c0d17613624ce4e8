"""What kernels stand on: compiling, the cache, memory by address, and the thread pool."""
