"""Training with quantised weights: QUANT, its exact law, and its rivals."""
