"""Slow-to-fast training of a hidden layer of ReLU neurons on linearly non-separable data."""
