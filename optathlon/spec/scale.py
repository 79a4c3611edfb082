"""Scale and status: how large a workload is, and how a cell ended."""

from __future__ import annotations

from enum import StrEnum


class Scale(StrEnum):
    """How large a workload is; ordered from the quickest to the published size."""

    SMOKE = "smoke"  # seconds; what CI and the contract tests run
    SMALL = "small"  # minutes on two cores, embedded data only; what `make leaderboard` runs
    MEDIUM = "medium"  # real data, reduced until two cores do it in tens of minutes
    PAPER = "paper"  # the published sizes and data

    @property
    def order(self) -> int:
        """Position of the scale, 0 for the smallest."""
        return list(Scale).index(self)


class Status(StrEnum):
    """How a cell ended. A failure is a value with the same address as a result."""

    OK = "ok"
    DIVERGED = "diverged"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out-of-memory"
    CRASHED = "crashed"
    ERROR = "error"
    NEEDS_DATA = "needs-data"
    NEEDS_DEVICE = "needs-device"


class NeedsData(Exception):
    """A data set is absent; the message says which, and the command that gets it."""


class Diverged(Exception):
    """A method left the finite numbers; the message says at which step. A method may raise it, or return a non-finite answer."""
