"""Convex formulations of neural networks against back-propagation."""
