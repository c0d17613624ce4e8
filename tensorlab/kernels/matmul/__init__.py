"""Matrix products with a fused epilogue, without BLAS."""
