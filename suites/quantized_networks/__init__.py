"""Two-layer networks of signs, trained through semidefinite programs."""
