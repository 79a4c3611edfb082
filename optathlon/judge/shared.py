"""What is compared together: as many methods as share enough seeds, or enough workloads; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

T = TypeVar("T", int, str)
_STARTS = 32


def share_most(sets: Mapping[str, frozenset[T]], enough: Callable[[int], bool]) -> tuple[set[str], frozenset[T]]:
    """Return as many names as share enough, and what all of them share; of as many, those that share most.

    Parameters
    ----------
    sets : mapping
        Name to what it has.
    enough : callable
        Whether so many in common are enough.

    Notes
    -----
    Names whose sets are equal stay together. From each of the most frequent sets on, the others join in the order of their
    overlap with it: no name comes first by its spelling, and none because it has much that nobody else has.
    """
    alike: dict[frozenset[T], list[str]] = {}
    for name, own in sets.items():
        alike.setdefault(own, []).append(name)
    order = sorted(alike, key=lambda own: (-len(alike[own]), -len(own), sorted(own)))
    best: tuple[list[str], frozenset[T]] = [], frozenset()
    for first in (own for own in order[:_STARTS] if enough(len(own))):
        kept, shared = list(alike[first]), first
        for own in sorted((one for one in order if one != first), key=lambda one: -len(one & first)):
            if enough(len(shared & own)):
                kept, shared = kept + alike[own], shared & own
        if (len(kept), len(shared)) > (len(best[0]), len(best[1])):
            best = kept, shared
    return set(best[0]), best[1]
