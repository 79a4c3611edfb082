"""The harness of Optathlon: one function measures, one format stores, one function renders. It knows no paper and no method."""

__version__ = "0.1.0"
