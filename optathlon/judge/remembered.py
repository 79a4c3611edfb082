"""Ranks that were worked out before, by a digest of the scores and of the rule; pure: whoever has a file fills `known`."""

from __future__ import annotations

import hashlib
import math
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np

from optathlon.judge import ranking
from optathlon.judge.ranking import Ranks, Standing
from optathlon.spec import Better


@cache
def code_digest() -> str:
    """Return the digest of all that decides a rank besides scores: every file of this room, and the libraries.

    The digest of a cell's code stops at the harness; this one must not, so it takes the whole room as it stands.
    """
    told = hashlib.sha256(f"{platform.python_version()} {version('numpy')} {version('scipy')}".encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        told.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return told.hexdigest()


class RankCache:
    """Ranks boards, and remembers how.

    Attributes
    ----------
    used : dict
        What was asked for, found or worked out, by digest: what is worth keeping.
    missed : int
        How many boards had to be worked out.
    """

    def __init__(self, known: Mapping[bytes, bytes] | None = None) -> None:
        self._known = dict(known or {})
        self.used: dict[bytes, bytes] = {}
        self.missed = 0

    def judge_boards(
        self, scores: np.ndarray, better: Better, *, tolerance: float = 0.0, exact: bool = False, unit: str = ""
    ) -> tuple[Ranks, list[Standing]]:
        """Return what `ranking.judge_boards` returns."""
        n_methods = scores.shape[2]
        rule = repr((scores.shape[1:], better, float(tolerance), bool(exact), unit)).encode()
        keys = [hashlib.blake2b(rule + table.tobytes(), digest_size=32).digest() for table in np.ascontiguousarray(scores)]
        found = [_decoded(self._known.get(key), n_methods) for key in keys]
        missing = [index for index, one in enumerate(found) if one is None]
        if missing:
            self.missed += len(missing)
            fresh, standings = ranking.judge_boards(scores[missing], better, tolerance=tolerance, exact=exact, unit=unit)
            for place, index in enumerate(missing):
                one = np.stack([ranks[place] for ranks in fresh]), standings[place]
                found[index] = one
                self._known[keys[index]] = _encoded(*one)
        self.used.update((key, self._known[key]) for key in keys)
        whole = np.stack([one[0] for one in found if one is not None], axis=1)
        return Ranks(*whole), [one[1] for one in found if one is not None]


def _encoded(ranks: np.ndarray, standing: Standing) -> bytes:
    return ranks.astype("<i4").tobytes() + np.array(standing, dtype="<f8").tobytes()


def _decoded(value: bytes | None, n_methods: int) -> tuple[np.ndarray, Standing] | None:
    """Return ranks, (3, n_methods), and standing; None where they are not there or cannot be true."""
    if value is None or len(value) != 12 * n_methods + 8 * len(Standing._fields):
        return None
    ranks = np.frombuffer(value, dtype="<i4", count=3 * n_methods).reshape(3, n_methods).astype(int)
    leader, resolution, stability, halves, *counts = np.frombuffer(value, dtype="<f8", offset=12 * n_methods).tolist()
    if leader not in range(n_methods) or ranks[0, int(leader)] != 1:
        return None
    tied, rivals, compared = counts
    if tied not in range(1, n_methods + 1) or compared != n_methods or rivals != ranks[2, int(leader)] - 1:
        return None
    if ranks.min() < 1 or ranks.max() > n_methods or (ranks[1] > ranks[2]).any():
        return None
    if any(not (math.isnan(share) or 0 <= share <= 1) for share in (stability, halves)):
        return None
    return ranks, Standing(int(leader), resolution, stability, halves, *map(int, counts))
