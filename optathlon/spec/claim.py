"""A statement of a paper, and what records say of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from optathlon.spec.names import require_name
from optathlon.spec.scale import Scale


class Ruling(StrEnum):
    """What a run says about a claim."""

    REPRODUCED = "reproduced"
    CONTRADICTED = "contradicted"
    INCONCLUSIVE = "inconclusive"
    REDUCED = "not tested at the paper's budget"  # a reduced run was made; its figure is shown beside
    NOT_TESTED = "not tested"


@dataclass(frozen=True)
class Figure:
    """One measured number of a verdict, for a picture of it: where it lies, and where the claim says that it should.

    Attributes
    ----------
    what : str
        ``"bit-error-rate"``, ``"ratio of bit-error-rate"``.
    methods, workloads : tuple of str
        Whose runs it was taken from.
    value, low, high : float
        The number and its interval; NaN bounds where there is none.
    at_least, at_most : float
        The claim's bounds, infinite where there is none.
    """

    what: str
    methods: tuple[str, ...]
    workloads: tuple[str, ...]
    value: float
    low: float
    high: float
    at_least: float
    at_most: float


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A ruling with the figures that decided it.

    Attributes
    ----------
    ruling : Ruling
        The outcome.
    measured : str
        The measured figures in a few words, with their uncertainty, or why nothing was tested.
    figures : tuple of Figure
        The same as numbers, where the check is one of `optathlon.judge.claims`.
    """

    ruling: Ruling
    measured: str
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A statement of a paper, and how records decide it.

    Attributes
    ----------
    id : str
        Unique in its suite.
    source : str
        Where it stands: ``"Table I, column 2"``.
    statement : str
        What is claimed, in our words.
    check : callable
        ``check(evidence) -> Verdict`` over an `optathlon.judge.claims.Evidence`, the records of one scale on one machine; the
        builders beside it make most of them.
    reported : str
        The paper's number, where there is one.
    basis : {"stated", "fitted"}
        Whether bound and settings stand in the paper, or were chosen after a look at results; the ledger counts them apart.
    reduced : str
        What the runs have less of than the paper (``"3.8 epochs instead of 100"``); the ruling is then `Ruling.REDUCED`, with
        the figure that was measured.
    scale : Scale
        The smallest scale at which it can be tested.
    """

    id: str
    source: str
    statement: str
    check: Callable[[Any], Verdict]
    reported: str = ""
    basis: Literal["stated", "fitted"] = "stated"
    reduced: str = ""
    scale: Scale = Scale.SMALL

    def __post_init__(self) -> None:
        require_name("claim", self.id)
        if self.basis not in ("stated", "fitted"):
            raise ValueError(f"claim {self.id}: basis must be 'stated' or 'fitted', got {self.basis!r}")
