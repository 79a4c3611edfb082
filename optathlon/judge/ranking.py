"""Ranks over seeds, with tie groups, the ranks that remain possible, and how firm a first place is; pure functions of arrays."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from optathlon.judge.intervals import FRACTION, is_binary, lattice_step, spread, t_point, t_quantile
from optathlon.spec import Better

LEVEL = 0.05  # of the false discovery rate within a board
RESAMPLES = 1000
FIRM, LIKELY = 0.95, 0.8
_ROUNDING = 1e-12  # means closer than this, relative to the larger score, are equal
_AT_ONCE = 2**19  # differences of pairs that are worked on together


class Ranks(NamedTuple):
    """Ranks of the methods, each of shape (n_methods,) or, of many boards, (n_boards, n_methods), from 1.

    Attributes
    ----------
    rank : array of int
        Place by the mean; methods that the seeds cannot tell apart share the place of the first of them.
    low, high : array of int
        Best and worst rank that the data leave possible.
    """

    rank: np.ndarray
    low: np.ndarray
    high: np.ndarray


class Standing(NamedTuple):
    """How far a board can be believed.

    Attributes
    ----------
    leader : int
        Position of the method with the best mean.
    resolution : float
        The difference of two means that these seeds tell apart, in the metric's unit: the median over pairs.
    stability : float
        Share of paired resamples of the seeds in which the leader leads.
    halves : float
        Share of random splits of the seeds in which it leads in both halves.
    tied : int
        How many methods have that best mean.
    rivals : int
        How many methods the seeds do not tell apart from the leader.
    compared : int
        How many methods there are.
    """

    leader: int
    resolution: float
    stability: float
    halves: float
    tied: int = 1
    rivals: int = 0
    compared: int = 2

    @property
    def word(self) -> str:
        """Firm, likely or a coin flip; equal means are tied, one seed says nothing, and who is compared with nobody is unopposed.

        Every resample of two or three seeds may agree by chance: a first place is firm only where no other can hold it.
        """
        if self.compared == 1:
            return "unopposed"
        if self.tied > 1:
            return "tied"
        if math.isnan(self.stability):
            return "one seed"
        if self.stability >= FIRM and not self.rivals:
            return "firm"
        return "likely" if self.stability >= LIKELY else "coin flip"


def rank(scores: np.ndarray, better: Better, *, tolerance: float = 0.0, exact: bool = False, unit: str = "") -> Ranks:
    """Rank the methods of one board; see `judge_boards`.

    Parameters
    ----------
    scores : array of shape (n_seeds, n_methods)
        One row per seed, all methods on the same instance.
    better, tolerance, exact, unit
        Of `judge_boards`.
    """
    ranks, _ = judge_boards(np.asarray(scores, dtype=float)[None], better, tolerance=tolerance, exact=exact, unit=unit)
    return Ranks(*(found[0] for found in ranks))


def standing(scores: np.ndarray, better: Better, *, tolerance: float = 0.0, exact: bool = False, unit: str = "") -> Standing:
    """Return how much of a difference the seeds of one board resolve, and how stable its first place is; see `judge_boards`."""
    _, (found,) = judge_boards(np.asarray(scores, dtype=float)[None], better, tolerance=tolerance, exact=exact, unit=unit)
    return found


def judge_boards(
    scores: np.ndarray, better: Better, *, tolerance: float = 0.0, exact: bool = False, unit: str = ""
) -> tuple[Ranks, list[Standing]]:
    """Rank the methods of many boards of one shape by their means; those that the seeds cannot tell apart share a place.

    The best mean opens the first group, which ends before the first method that a member beats; that one opens the next group. So
    a worse mean never stands above a better one, and a wide interval alone wins no place. Two methods are told apart by a paired
    t test of their difference beyond `tolerance` (McNemar's exact test for scores of 0 and 1; no difference is known better than
    the lattice on which counts and rates lie), at a false discovery rate of `LEVEL` over all pairs of the board. The possible
    ranks count the methods that are told apart.

    Parameters
    ----------
    scores : array of shape (n_boards, n_seeds, n_methods)
        One row per seed, all methods of a board on the same instance.
    better : {"lower", "higher"}
        Direction of the score.
    tolerance : float
        Differences of means up to this tie.
    exact : bool
        Compare the means themselves: for scores free of chance.
    unit : str
        Of the metric.

    Returns
    -------
    Ranks
        Arrays of shape (n_boards, n_methods).
    list of Standing
        Of each board.
    """
    if better not in ("lower", "higher"):
        raise ValueError(f"better must be 'lower' or 'higher', got {better!r}")
    scores = np.asarray(scores, dtype=float)
    if scores.ndim != 3 or not scores.size or not np.isfinite(scores).all():
        raise ValueError(f"scores must be finite, of shape (n_boards, n_seeds, n_methods), got shape {scores.shape}")
    n_seeds, n_methods = scores.shape[1:]
    step = max(1, _AT_ONCE // (n_seeds * n_methods**2))
    parts = [_judge(scores[start : start + step], better, tolerance, exact, unit) for start in range(0, len(scores), step)]
    ranks = Ranks(*(np.concatenate(found) for found in zip(*(ranks for ranks, _ in parts), strict=True)))
    return ranks, [one for _, standings in parts for one in standings]


def false_discovery(p: np.ndarray) -> np.ndarray:
    """Return p values adjusted for the false discovery rate along the last axis, of the same shape.

    References
    ----------
    Benjamini and Hochberg, *Controlling the false discovery rate*, 1995.
    """
    n = p.shape[-1]
    if n == 0:
        return np.ones_like(p)
    order = np.argsort(p, axis=-1, kind="stable")
    scaled = np.take_along_axis(p, order, axis=-1) * n / np.arange(1, n + 1)
    adjusted = np.empty_like(p)
    least = np.minimum.accumulate(scaled[..., ::-1], axis=-1)[..., ::-1]
    np.put_along_axis(adjusted, order, np.minimum(1.0, least), axis=-1)
    return adjusted


def _judge(scores: np.ndarray, better: Better, tolerance: float, exact: bool, unit: str) -> tuple[Ranks, list[Standing]]:
    """Judge boards that fit into the cache together; everything over pairs is of shape (n_boards, n_pairs)."""
    cost = scores if better == "lower" else -scores
    n_methods = cost.shape[2]
    first, second = np.triu_indices(n_methods, 1)
    mean, size = cost.mean(axis=1), np.abs(cost).max(axis=1)
    better_by = mean[:, second] - mean[:, first]
    margin = np.maximum(tolerance, _ROUNDING * np.maximum(size[:, first], size[:, second]))
    apart = np.abs(better_by) > margin
    errors = np.empty(0)
    if not exact and len(cost[0]) > 1:
        differences = np.take(cost, first, axis=2) - np.take(cost, second, axis=2)
        coarse = lattice_step(cost.reshape(len(cost), -1)) / math.sqrt(12)
        errors = np.maximum(spread(differences, axis=1), coarse[:, None]) / math.sqrt(cost.shape[1])
        apart &= _discovered(cost, better_by, margin, errors, unit)
    elif not exact:
        apart[:] = False
    beats = np.zeros((len(cost), n_methods, n_methods), dtype=bool)
    beats[:, first, second] = apart & (better_by > 0)
    beats[:, second, first] = apart & (better_by < 0)
    ranks = _places(beats, mean)
    return ranks, _standings(cost, mean, size, errors, ranks.high, tolerance, exact)


def _places(beats: np.ndarray, mean: np.ndarray) -> Ranks:
    """Return the ranks of boards from who beats whom, (n_boards, n_methods, n_methods), and the means."""
    n_methods = mean.shape[1]
    low = 1 + beats.sum(axis=1)
    order = np.lexsort((low, mean))
    sorted_beats = np.take_along_axis(np.take_along_axis(beats, order[:, :, None], 1), order[:, None, :], 2)
    start = np.zeros(len(mean), dtype=int)
    sorted_places = np.empty_like(order)
    for position in range(n_methods):
        members = np.arange(position) >= start[:, None]
        start = np.where((sorted_beats[:, :position, position] & members).any(axis=1), position, start)
        sorted_places[:, position] = start + 1
    places = np.empty_like(order)
    np.put_along_axis(places, order, sorted_places, axis=1)
    return Ranks(places, low, n_methods - beats.sum(axis=2))


def _standings(
    cost: np.ndarray, mean: np.ndarray, size: np.ndarray, errors: np.ndarray, high: np.ndarray, tolerance: float, exact: bool
) -> list[Standing]:
    """Return how far each board can be believed; `errors` are the standard errors over pairs, empty where there are none.

    The worst ranks that remain possible are `high`.
    """
    n_boards, n_seeds, n_methods = cost.shape
    leader = mean.argmin(axis=1)
    at = np.arange(n_boards)
    margin = np.maximum(tolerance, _ROUNDING * np.maximum(size, size[at, leader, None]))
    tied = (np.abs(mean - mean[at, leader, None]) <= margin).sum(axis=1)
    rivals, compared = high[at, leader] - 1, np.full(n_boards, n_methods)
    if exact or n_seeds == 1:
        resolution, share = (float(tolerance), 1.0) if exact else (math.nan, math.nan)
        numbers = (one.tolist() for one in (leader, tied, rivals, compared))
        return [Standing(one, resolution, share, share, *counts) for one, *counts in zip(*numbers, strict=True)]
    with np.errstate(over="ignore"):
        reach = errors * t_quantile(n_seeds, 1 - LEVEL / max(1, n_methods * (n_methods - 1) // 2))
    resolution = np.median(reach, axis=1) if n_methods > 1 else np.full(n_boards, math.nan)
    stable, halves = _leads(cost - cost[at, :, leader][:, :, None], margin.max(axis=1))
    numbers = (one.tolist() for one in (leader, resolution, stable, halves, tied, rivals, compared))
    return [Standing(*one) for one in zip(*numbers, strict=True)]


def _leads(behind: np.ndarray, slack: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return in which share of resamples, and of both halves of splits, the leader leads; `behind` is each cost less its own."""
    weights, light = _weights(behind.shape[1])
    doubt = (len(weights) + 4) * np.finfo(np.float32).eps  # of a weighted mean of numbers up to 1, in single precision
    shares = np.ones((2, len(behind)))
    rivals = behind.min(axis=1) < -slack[:, None]  # no weights put the others before the leader
    sizes = np.abs(behind).max(axis=(1, 2))
    for board in np.flatnonzero(rivals.any(axis=1)):  # one at a time: its (n_methods, 3 * RESAMPLES) means stay in the cache
        others, size = behind[board].T[rivals[board]], sizes[board]
        ahead = np.matmul((others / size).astype(np.float32), light).min(axis=1) + np.float32(slack[board] / size)
        if not np.abs(ahead).min() > doubt:  # too close, or not a number
            ahead = (others @ weights).min(axis=0) + slack[board]
        resampled, half, other = ahead.reshape(3, RESAMPLES) >= 0
        shares[:, board] = np.count_nonzero(resampled), np.count_nonzero(half & other)
        shares[:, board] /= RESAMPLES
    return shares[0], shares[1]


def _discovered(cost: np.ndarray, better_by: np.ndarray, margin: np.ndarray, errors: np.ndarray, unit: str) -> np.ndarray:
    """Return which pairs, (n_boards, n_pairs), differ by more than the margin at the false discovery rate.

    The p values fall with t, so t values are held against those of the rates that Benjamini and Hochberg allow the k most
    distinct pairs; p values are worked out where the two might disagree by rounding.
    """
    excess, freedom = np.maximum(np.abs(better_by) - margin, 0.0), cost.shape[1] - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.nan_to_num(excess / errors, nan=0.0, posinf=np.inf)
    limits, falling = _limits(t.shape[1], freedom), np.sort(t, axis=1)[:, ::-1]
    least = np.where(falling >= limits, falling, np.inf).min(axis=1, initial=np.inf)
    found = t >= least[:, None]
    close = (np.abs(falling - limits) <= 1e-6 * limits).any(axis=1)
    binary = np.array([is_binary(costs) for costs in np.abs(cost)]) if unit == FRACTION else np.zeros(len(cost), dtype=bool)
    for board in np.flatnonzero(close | binary):
        p = _sign_test(cost[board]) if binary[board] else _p_values(t[board], freedom)
        found[board] = false_discovery(p) <= LEVEL
    return found


@lru_cache(maxsize=256)
def _limits(n_pairs: int, freedom: int) -> np.ndarray:
    """Return the t values of two-sided p values of LEVEL times 1 / n_pairs, 2 / n_pairs, ..., 1."""
    return np.array([-t_point(freedom, LEVEL * k / (2 * n_pairs)) for k in range(1, n_pairs + 1)])


def _p_values(t: np.ndarray, freedom: int) -> np.ndarray:
    """Return the two-sided p values of t values."""
    from scipy.special import stdtr

    return 2 * stdtr(freedom, -t)


def _sign_test(cost: np.ndarray) -> np.ndarray:
    """Return the exact two-sided p values, (n_pairs,), of the discordant seeds of one board (McNemar)."""
    from scipy.special import bdtr

    first, second = np.triu_indices(cost.shape[1], 1)
    less, more = ((cost[:, a] < cost[:, b]).sum(axis=0) for a, b in ((first, second), (second, first)))
    discordant = less + more
    return np.where(discordant == 0, 1.0, np.minimum(1.0, 2 * bdtr(np.minimum(less, more), discordant, 0.5)))


@lru_cache(maxsize=64)
def _weights(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (n, 3 * RESAMPLES) weights of resamples, random halves and the other halves, and the same in single precision.

    Those have shape (3, n, RESAMPLES): three small products take less time than a wide one. Every call returns the same.
    """
    rng = np.random.default_rng(20211)
    resampled = rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES) / n
    half = rng.permuted(np.tile(np.arange(n) < n // 2, (RESAMPLES, 1)), axis=1)
    weights = np.ascontiguousarray(np.concatenate([resampled, half / (n // 2), ~half / (n - n // 2)]).T)
    return weights, np.ascontiguousarray(weights.astype(np.float32).reshape(n, 3, RESAMPLES).transpose(1, 0, 2))
