"""Coarse gradients of quantised activations: Long's thesis, chapter 3."""
