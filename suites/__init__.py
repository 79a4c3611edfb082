"""The suites, one folder per paper's experiment; `pyproject.toml` lists them as entry points, like anybody's."""
