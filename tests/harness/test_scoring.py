from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from optathlon import store
from optathlon.judge import intervals, profiles, ranking, remembered
from optathlon.judge.remembered import RankCache, code_digest


def test_the_bootstrap_agrees_with_scipys_standard_error() -> None:
    values = np.random.default_rng(0).exponential(size=25)
    result = stats.bootstrap((values,), np.mean, n_resamples=9999, rng=np.random.default_rng(1))
    interval = intervals.mean_interval(values)
    reach = stats.t.ppf(0.975, 24) * np.sqrt(25 / 24) * result.standard_error
    assert interval.high - interval.mean == pytest.approx(reach, rel=0.05)
    assert interval.mean - interval.low == pytest.approx(reach, rel=0.05)


@pytest.mark.parametrize("n", [3, 5, 10, 30])
def test_intervals_cover_the_truth_as_often_as_a_t_interval(n: int) -> None:
    rng = np.random.default_rng(n)
    trials = 600
    hits = {"bootstrap": 0, "t": 0}
    for _ in range(trials):
        values = rng.normal(size=n)
        interval = intervals.mean_interval(values)
        hits["bootstrap"] += interval.low <= 0 <= interval.high
        low, high = stats.t.interval(0.95, n - 1, values.mean(), stats.sem(values))
        hits["t"] += low <= 0 <= high
    assert abs(hits["bootstrap"] - hits["t"]) / trials < 0.02
    assert hits["bootstrap"] / trials > 0.925


def test_one_value_has_no_interval_and_equal_values_have_none_to_spare() -> None:
    assert intervals.mean_interval([2.0]).mean == 2.0
    assert math.isnan(intervals.mean_interval([2.0]).low)
    assert intervals.mean_interval([2.0, 2.0, 2.0]) == (2.0, 2.0, 2.0)


@pytest.mark.parametrize("values", [[], [math.nan], [1.0, math.inf], [[1.0]]])
def test_values_that_cannot_be_averaged_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="values must be"):
        intervals.mean_interval(values)


def test_clear_differences_give_clear_ranks_in_either_direction() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(8, 1)) + np.array([[0.0, 1.0, 2.0]]) + 0.01 * rng.normal(size=(8, 3))
    assert ranking.rank(scores, "lower").rank.tolist() == [1, 2, 3]
    assert ranking.rank(scores, "higher").rank.tolist() == [3, 2, 1]
    ranks = ranking.rank(scores, "lower")
    assert ranks.low.tolist() == ranks.high.tolist() == [1, 2, 3]


def test_pairing_by_seed_tells_apart_what_the_means_alone_cannot() -> None:
    rng = np.random.default_rng(1)
    instance = 10 * rng.normal(size=20)
    scores = np.column_stack([instance, instance + 0.1])
    assert ranking.rank(scores, "lower").rank.tolist() == [1, 2]
    shuffled = np.column_stack([instance, rng.permutation(instance) + 0.1])
    assert ranking.rank(shuffled, "lower").rank.tolist() == [1, 1]


@pytest.mark.parametrize("n", [3, 5, 20])
def test_equal_methods_are_told_apart_in_few_cases(n: int) -> None:
    rng = np.random.default_rng(n)
    wrong = sum(ranking.rank(rng.normal(size=(n, 2)), "lower").rank.max() > 1 for _ in range(400))
    assert wrong / 400 < 0.09


def test_equal_methods_share_a_rank_with_its_interval_shown() -> None:
    rng = np.random.default_rng(2)
    scores = np.column_stack([rng.normal(size=10), rng.normal(size=10), rng.normal(size=10) + 50])
    ranks = ranking.rank(scores, "lower")
    assert ranks.rank.tolist() == [1, 1, 3]
    assert ranks.high.tolist() == [2, 2, 3]


def test_one_seed_separates_nothing_unless_the_score_is_exact() -> None:
    scores = np.array([[1.0, 2.0, 3.0]])
    assert ranking.rank(scores, "lower").rank.tolist() == [1, 1, 1]
    assert ranking.rank(scores, "lower").high.tolist() == [3, 3, 3]
    assert ranking.rank(scores, "lower", exact=True).rank.tolist() == [1, 2, 3]
    assert ranking.rank(scores, "lower", exact=True, tolerance=1.0).rank.tolist() == [1, 1, 3]


tables = hnp.arrays(
    np.float64, st.tuples(st.integers(1, 8), st.integers(1, 5)), elements=st.floats(-100, 100).map(lambda x: round(x, 2))
)


@given(tables)
@settings(max_examples=60, deadline=None)
def test_ranks_start_at_one_stay_in_their_interval_and_mirror_with_the_direction(scores: np.ndarray) -> None:
    ranks = ranking.rank(scores, "lower")
    n_methods = scores.shape[1]
    assert ranks.rank.min() == 1
    assert (ranks.rank <= ranks.high).all()
    assert (ranks.high <= n_methods).all()
    assert np.array_equal(ranks.rank, ranking.rank(-scores, "higher").rank)
    best = scores.mean(axis=0).argmin()
    assert ranks.rank[best] == 1


@given(tables)
@settings(max_examples=40, deadline=None)
def test_the_order_of_the_methods_does_not_matter(scores: np.ndarray) -> None:
    assert np.array_equal(ranking.rank(scores, "lower").rank[::-1], ranking.rank(scores[:, ::-1], "lower").rank)


def test_ranks_refuse_a_guessed_direction_and_nan() -> None:
    with pytest.raises(ValueError, match="better must be"):
        ranking.rank(np.ones((2, 2)), "smaller")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="finite"):
        ranking.rank(np.array([[np.nan, 1.0]]), "lower")


TRACE = [(0, 0.0, 5.0), (1, 1.0, 2.0), (2, 2.0, 0.5), (3, 3.0, 0.7)]


def test_time_to_target_is_the_first_hit() -> None:
    assert profiles.time_to_target(TRACE, 2.0, "lower") == 1.0
    assert profiles.time_to_target(TRACE, 0.1, "lower") is None
    assert profiles.time_to_target(TRACE, 4.0, "higher") == 0.0


def test_the_score_at_a_time_is_the_last_one_known_then() -> None:
    assert profiles.score_at(TRACE, 1.5) == 2.0
    assert profiles.score_at(TRACE, 99.0) == 0.7
    assert profiles.score_at(TRACE[1:], 0.5) is None


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=12))
@settings(max_examples=100, deadline=None)
def test_the_pareto_front_is_what_nobody_dominates(points: list[tuple[int, int]]) -> None:
    scores, seconds = zip(*points, strict=True)
    front = profiles.pareto_front(scores, seconds, "lower")
    for i, (score, time) in enumerate(points):
        dominated = any(s <= score and t <= time and (s, t) != (score, time) for s, t in points)
        assert front[i] == (not dominated)


def test_the_performance_profile_of_a_worked_example() -> None:
    costs = np.array([[1.0, 2.0, np.inf], [4.0, 1.0, np.inf], [np.inf, np.inf, np.inf]])
    shares = profiles.performance_profile(costs, np.array([1.0, 2.0, 4.0]))
    assert shares.tolist() == [[1 / 3, 1 / 3, 2 / 3], [1 / 3, 2 / 3, 2 / 3], [0.0, 0.0, 0.0]]
    with pytest.raises(ValueError, match="positive or inf"):
        profiles.performance_profile(np.array([[0.0]]), np.array([1.0]))


@pytest.mark.parametrize("huge", [1e13, 1e200])
def test_a_nearly_diverged_method_does_not_blur_the_others(huge: float) -> None:
    noise = 0.01 * np.random.default_rng(0).random((5, 1))
    scores = np.column_stack([1 + noise, 2 + noise, 3 + noise, np.full(5, huge)])
    assert ranking.rank(scores, "lower").rank.tolist() == [1, 2, 3, 4]
    assert math.isfinite(intervals.mean_interval([huge, 2 * huge]).high)


@pytest.mark.parametrize("exponent", [500, 1000, -500, -900])
def test_a_unit_of_any_size_changes_no_rank_and_scales_every_interval(exponent: int) -> None:
    """Squares of scores near 1e-200 vanished, and with them the spread: every difference was certain."""
    rng = np.random.default_rng(exponent % 97)
    for n_methods in range(2, 8):
        scores = rng.normal(size=(5, n_methods)) + rng.normal()
        scaled = np.ldexp(scores, exponent)
        for one, other in zip(ranking.rank(scores, "lower"), ranking.rank(scaled, "lower"), strict=True):
            assert one.tolist() == other.tolist()
        known, found = ranking.standing(scores, "lower"), ranking.standing(scaled, "lower")
        assert found._replace(resolution=0.0) == known._replace(resolution=0.0)
        intervals_of = intervals.mean_interval, intervals.difference_interval, intervals.ratio_interval
        for interval, unit in zip(intervals_of, (exponent, exponent, 0), strict=True):
            columns = scores.T[:1] if interval is intervals.mean_interval else scores.T[:2]
            there = interval(*np.ldexp(columns, exponent))
            assert np.ldexp(there, -unit) == pytest.approx(np.array(interval(*columns)), rel=1e-9)


@pytest.mark.parametrize("kind", ["plain", "binary", "twins", "exact", "tolerant", "huge"])
@pytest.mark.parametrize("shape", [(20, 6), (5, 3), (2, 4), (1, 3), (4, 1)])
def test_a_board_is_ranked_among_many_as_alone(kind: str, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(8)
    scores = rng.normal(size=(9, *shape)) + 0.4 * np.arange(shape[1])
    options: dict[str, Any] = {"exact": kind == "exact", "tolerance": 0.3 if kind == "tolerant" else 0.0}
    if kind == "binary":
        scores, options["unit"] = (scores > 0).astype(float), "fraction"
        scores[4] *= 0.5  # one board is none of zeros and ones
    if kind == "twins":
        scores[..., 0] = scores[..., -1]
    if kind == "huge":
        scores[3] *= 1e200
    ranks, standings = ranking.judge_boards(scores, "higher", **options)
    for board, one in enumerate(scores):
        assert [found[board].tolist() for found in ranks] == [found.tolist() for found in ranking.rank(one, "higher", **options)]
        alone = ranking.standing(one, "higher", **options)
        assert standings[board] == pytest.approx(alone, rel=1e-12, nan_ok=True)


def test_remembered_ranks_are_those_that_would_be_worked_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTATHLON_CACHE", str(tmp_path))
    scores = np.random.default_rng(8).normal(size=(6, 9, 4)) + 0.4 * np.arange(4)
    path = tmp_path / "ranks" / f"folder-{code_digest()[:32]}"
    first = RankCache(store.recall(path))
    expected = first.judge_boards(scores, "lower")
    store.remember(path, first.used)

    def again(table: np.ndarray, missed: int, **rule: Any) -> None:
        cache = RankCache(store.recall(path))
        ranks, standings = cache.judge_boards(table, "lower", **rule)
        fresh = ranking.judge_boards(table, "lower", **rule)
        assert [found.tolist() for found in ranks] == [found.tolist() for found in fresh[0]]
        assert np.array(standings) == pytest.approx(np.array(fresh[1]), rel=1e-12)
        assert cache.missed == missed

    assert [found.tolist() for found in expected[0]] == [found.tolist() for found in ranking.judge_boards(scores, "lower")[0]]
    again(scores, 0)
    again(scores, 6, tolerance=0.1)  # another rule
    again(np.nextafter(scores, 9, where=np.arange(6)[:, None, None] == 2, out=scores.copy()), 1)  # one changed board
    whole = path.read_bytes()
    for torn in (whole[:-3], whole[:40], b"", whole[:100] + b"\x07" + whole[101:], b"x" + whole):
        path.write_bytes(torn)
        again(scores, 6)
    key, value = next(iter(first.used.items()))
    forged = np.frombuffer(value, dtype="<i4").copy()
    forged[0] = 5  # of four methods
    store.remember(path, first.used | {key: forged.tobytes()})
    again(scores, 1)
    other = path.with_name("folder-" + "0" * 32)
    store.remember(other, first.used)
    assert not path.exists()  # of other code
    monkeypatch.setattr(Path, "mkdir", lambda *_, **__: (_ for _ in ()).throw(PermissionError()))
    store.remember(tmp_path / "closed" / "ranks", first.used)  # a folder that cannot be written costs nothing


def test_the_key_of_remembered_ranks_holds_the_code_that_ranks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = tmp_path / "judge"
    shutil.copytree(Path(remembered.__file__).parent, room, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(remembered, "__file__", str(room / "remembered.py"))
    before = code_digest.__wrapped__()
    assert before == code_digest.__wrapped__()
    for name in ("intervals.py", "ranking.py"):
        path = room / name
        path.write_text(path.read_text().replace("LEVEL = 0.05", "LEVEL = 0.06").replace("ddof=1", "ddof=0"))
        before, after = code_digest.__wrapped__(), before
        assert before != after


@pytest.mark.parametrize("draw", ["rates", "counts"])
@pytest.mark.parametrize("n_seeds", [2, 3, 5])
def test_a_few_equal_steps_of_a_lattice_tell_no_equal_methods_apart(draw: str, n_seeds: int) -> None:
    """Differences of counts and rates agree by chance on two or three seeds; their spread is not zero for that."""
    rng = np.random.default_rng(0)
    shape = (200, n_seeds, 12)
    scores = rng.binomial(50, 0.05, shape) / 50 if draw == "rates" else rng.poisson(2.0, shape).astype(float)
    ranks, _ = ranking.judge_boards(scores, "lower", unit="fraction" if draw == "rates" else "")
    assert (ranks.low.max(axis=1) > 1).mean() <= 0.1


def test_steps_far_beyond_the_lattice_still_count() -> None:
    counts = np.array([[3.0, 53.0, 4.0], [5.0, 55.0, 6.0], [9.0, 59.0, 8.0]])
    assert ranking.rank(counts, "lower").rank.tolist() == [1, 3, 1]


@pytest.mark.parametrize("n_seeds", [2, 3, 5])
def test_a_first_place_that_chance_gives_is_not_firm(n_seeds: int) -> None:
    scores = np.random.default_rng(0).normal(size=(500, n_seeds, 2))
    _, standings = ranking.judge_boards(scores, "lower")
    assert np.mean([one.word == "firm" for one in standings]) <= 0.08


def test_who_is_compared_with_nobody_is_unopposed() -> None:
    assert ranking.standing(np.array([[1.0], [2.0], [3.0]]), "lower").word == "unopposed"


def test_a_difference_of_fractions_that_are_none_is_not_cut() -> None:
    """A relative error may exceed 1, whatever its unit says: the interval of a difference holds the difference."""
    found = intervals.difference_interval(np.array([120.0, 130.0, 125.0]), np.array([1.0, 2.0, 1.5]), "fraction")
    assert found.low < found.mean < found.high
