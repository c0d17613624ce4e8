"""Kernels over the windows of images: convolutions, their gradients, and pooling."""
