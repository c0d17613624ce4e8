"""Matrix products with an epilogue, without a BLAS."""
