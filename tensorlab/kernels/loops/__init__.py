"""The loop kinds over arrays: map, reduction, argmax and argmin, row-wise, scan, and the optimizer update."""
