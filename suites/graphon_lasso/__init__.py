"""Graphon-aided graphical lasso: does a prior on the spectrum help, and when."""
