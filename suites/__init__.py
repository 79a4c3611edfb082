"""The suites, one folder per paper's experiment; a suite's name is its folder's name."""

from importlib import import_module

from optathlon.spec import Suite

SUITES: tuple[str, ...] = ("binary_regression", "random_features", "gans", "convex_networks", "coresets")


def load(name: str) -> Suite:
    """Return the declaration of the suite called `name`."""
    return import_module(f"optathlon.suites.{name}.suite").SUITE
