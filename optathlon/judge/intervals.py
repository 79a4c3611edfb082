"""Confidence intervals of means, fractions, differences and ratios over seeds; pure functions of arrays.

Every interval inverts a test, so that interval and ruling never disagree: Student's t over seeds for means and paired
differences, Fieller's for ratios of paired means, Clopper and Pearson's for what is 0 or 1 on each seed. `docs/verdicts.md` has
their coverage by simulation.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

CONFIDENCE = 0.95
FRACTION = "fraction"  # the unit of metrics that lie in [0, 1]
_SQUARES_VANISH = 1e-140  # of deviations this small, and with them the last digits of their sum


class Interval(NamedTuple):
    """An estimate and its confidence interval; the bounds are NaN where one value gives no spread."""

    mean: float
    low: float
    high: float


T_POINTS: dict[tuple[int, float], float] = {}  # of `t_point`; who remembers them between commands spares the import of scipy


def t_point(freedom: int, probability: float) -> float:
    """Return what Student's t with some degrees of freedom stays below with a probability."""
    found = T_POINTS.get((freedom, probability))
    if found is None:
        from scipy.special import stdtrit

        found = T_POINTS[freedom, probability] = float(stdtrit(freedom, probability))
    return found


def t_quantile(n: int, confidence: float = CONFIDENCE) -> float:
    """Return how many standard errors the two-sided interval of a mean of n values reaches."""
    return t_point(n - 1, (1 + confidence) / 2)


@lru_cache(maxsize=4096)
def proportion_interval(hits: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Return the exact interval of a probability after `hits` of `n`.

    References
    ----------
    Clopper and Pearson, *The use of confidence or fiducial limits illustrated in the case of the binomial*, 1934.
    """
    from scipy.special import betaincinv

    if not 0 <= hits <= n or n < 1:
        raise ValueError(f"hits must be between 0 and n, and n at least 1, got {hits} of {n}")
    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else float(betaincinv(hits, n - hits + 1, tail))
    high = 1.0 if hits == n else float(betaincinv(hits + 1, n - hits, 1 - tail))
    return Interval(hits / n, low, high)


def seeds_needed(bound: float, confidence: float = CONFIDENCE) -> int:
    """Return how many seeds, hits all of them, prove a probability of at least `bound`: what to plan for such a claim."""
    if not 0 < bound < 1:
        raise ValueError(f"bound must lie between 0 and 1, got {bound}")
    return math.ceil(math.log((1 - confidence) / 2) / math.log(bound))


def mean_interval(
    values: Sequence[float] | np.ndarray, unit: str = "", trials: int = 1, confidence: float = CONFIDENCE
) -> Interval:
    """Return the mean of `values` (one per seed) with its interval.

    Parameters
    ----------
    values : sequence of float
        Finite, at least one.
    unit : str
        Of a ``"fraction"`` the interval stays in [0, 1], is exact where each value is 0 or 1, and never shrinks to a point at
        0 or 1, which a handful of seeds cannot prove.
    trials : int
        How many independent trials each value of a fraction averages.
    confidence : float
        Coverage.

    Raises
    ------
    ValueError
        If there is no value, or one is not finite.
    """
    array = np.asarray(values, dtype=float)
    if array.ndim != 1 or array.size == 0 or not np.isfinite(array).all():
        raise ValueError(f"values must be a non-empty sequence of finite numbers, got shape {array.shape}")
    return Interval(*mean_intervals(array[None], unit, trials, confidence)[0].tolist())


def mean_intervals(values: np.ndarray, unit: str = "", trials: int = 1, confidence: float = CONFIDENCE) -> np.ndarray:
    """Return the mean and interval of each row of finite values, (n_rows, n), as (n_rows, 3); see `mean_interval`."""
    values = np.ascontiguousarray(values)  # so that a row is summed as it is alone
    n, mean, least, most = values.shape[1], values.mean(axis=1), values.min(axis=1), values.max(axis=1)
    if n == 1:
        return np.stack([mean, np.full_like(mean, math.nan), np.full_like(mean, math.nan)], axis=1)
    with np.errstate(over="ignore"):
        reach = t_quantile(n, confidence) * spread(values, axis=1) / math.sqrt(n)
    found = np.stack([mean, mean - reach, mean + reach], axis=1)
    bounded = (least >= 0) & (most <= 1) if unit == FRACTION else np.zeros(len(values), dtype=bool)
    found[bounded, 1:] = found[bounded, 1:].clip(0.0, 1.0)
    same = least == most
    found[same] = values[same, :1]
    for row in np.flatnonzero(bounded):
        if is_binary(values[row]) and (trials == 1 or same[row]):
            hits = round(float(values[row].sum()) * trials)
            found[row] = mean[row], *proportion_interval(hits, n * trials, confidence)[1:]
    return found


def unit_of(unit: str, scores: Iterable[np.ndarray]) -> str:
    """Return the unit by which intervals of these scores are made: a fraction that somewhere leaves [0, 1] is none."""
    return "" if unit == FRACTION and any((part < 0).any() or (part > 1).any() for part in scores) else unit


def difference_interval(
    first: np.ndarray, second: np.ndarray, unit: str = "", trials: int = 1, confidence: float = CONFIDENCE
) -> Interval:
    """Return mean(first - second) over the same seeds with its interval; fractions as in `mean_interval`.

    Where both are 0 or 1 on each seed and never differ, the interval reaches as far as the share of seeds on which they might.
    """
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    difference = first - second
    if unit == FRACTION and difference.size > 1 and is_binary(first) and is_binary(second) and np.ptp(difference) == 0:
        centre = float(difference[0])
        reach = proportion_interval(0, difference.size * trials, confidence).high
        return Interval(centre, max(-1.0, centre - reach), min(1.0, centre + reach))
    mean, low, high = mean_interval(difference, confidence=confidence)
    bounded = unit == FRACTION and min(first.min(), second.min()) >= 0 and max(first.max(), second.max()) <= 1
    return Interval(mean, max(low, -1.0), min(high, 1.0)) if bounded and not math.isnan(low) else Interval(mean, low, high)


def ratio_interval(top: np.ndarray, bottom: np.ndarray, confidence: float = CONFIDENCE) -> Interval:
    """Return mean(top) / mean(bottom) over the same seeds with its interval; infinite bounds where `bottom` may be zero.

    The ratio r is accepted where Student's test does not tell the mean of ``top - r bottom`` from zero.

    References
    ----------
    Fieller, *Some problems in interval estimation*, 1954.
    """
    top, bottom = np.asarray(top, dtype=float), np.asarray(bottom, dtype=float)
    n, (a, b) = top.size, (float(top.mean()), float(bottom.mean()))
    estimate = a / b if b else math.nan
    if n == 1 or b == 0:
        return Interval(estimate, math.nan, math.nan)
    scale = max(float(np.abs(top).max()), float(np.abs(bottom).max()))
    (vaa, vab), (_, vbb) = np.cov(top / scale, bottom / scale) * (t_quantile(n, confidence) ** 2 / n)
    a, b = a / scale, b / scale
    # The accepted r are the roots' interval of (b² - vbb) r² - 2 (ab - vab) r + (a² - vaa) <= 0.
    square, linear, constant = b * b - vbb, a * b - vab, a * a - vaa
    if square <= 0:
        return Interval(estimate, -math.inf, math.inf)
    root = math.sqrt(max(0.0, linear * linear - square * constant))
    return Interval(estimate, (linear - root) / square, (linear + root) / square)


def independent_ratio_interval(top: np.ndarray, bottom: np.ndarray, confidence: float = CONFIDENCE) -> Interval:
    """Return the ratio of the geometric means of two independent samples of positive numbers, with Welch's interval."""
    from scipy.stats import t

    logs = [np.log(np.asarray(values, dtype=float)) for values in (top, bottom)]
    middle = float(logs[0].mean() - logs[1].mean())
    if min(map(len, logs)) < 2:
        return Interval(math.exp(middle), math.nan, math.nan)
    parts = [float(values.var(ddof=1)) / len(values) for values in logs]
    if not (variance := sum(parts)):
        return Interval(*[math.exp(middle)] * 3)
    freedom = variance**2 / sum(part**2 / (len(values) - 1) for part, values in zip(parts, logs, strict=True))
    half = float(t.ppf(0.5 + confidence / 2, freedom)) * math.sqrt(variance)
    return Interval(*(math.exp(x) for x in (middle, middle - half, middle + half)))


def is_binary(values: np.ndarray) -> bool:
    """Return whether every value is 0 or 1."""
    return bool(((values == 0) | (values == 1)).all())


def spread(values: np.ndarray, axis: int = 0) -> np.ndarray:
    """Return the sample standard deviation along an axis; values whose squares overflow or vanish are scaled."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = np.asarray(values.std(axis=axis, ddof=1))
    lost = ~(np.isfinite(found) & (found > _SQUARES_VANISH))
    if lost.any():
        rows = np.moveaxis(values, axis, -1)[lost]
        size = np.maximum(np.abs(rows).max(axis=-1, keepdims=True), np.finfo(float).tiny)
        with np.errstate(over="ignore", invalid="ignore"):
            found[lost] = (rows / size).std(axis=-1, ddof=1) * size[:, 0]
    return found


def lattice_step(values: np.ndarray) -> np.ndarray:
    """Return the smallest distance, along the last axis, between values that differ by more than rounding; 0 where none do.

    Counts and rates lie on a lattice of this step. A handful of them may agree by chance, so that no spread is seen; it is known
    no better than that of what was rounded to the lattice, step / sqrt(12).
    """
    ordered = np.sort(values, axis=-1)
    with np.errstate(over="ignore"):
        gaps = np.diff(ordered, axis=-1)
    rounding = 1e-9 * np.maximum(np.abs(ordered[..., 1:]), np.abs(ordered[..., :-1]))
    step = np.where(gaps > rounding, gaps, np.inf).min(axis=-1, initial=np.inf)
    return np.where(np.isfinite(step), step, 0.0)
