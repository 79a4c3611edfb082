"""Coreset selection for training image classifiers."""
