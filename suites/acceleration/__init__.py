"""Acceleration of non-convex minimisation: oracle calls to a second-order point, and momentum on two provable networks."""
