"""How often intervals, ranks and the gate err, by simulation: `python tests/campaigns/calibration.py` writes docs/calibration.md.

Each interval that is printed is drawn many times from a law whose mean is known; ranks and gates are drawn where nothing differs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from optathlon.judge import ranking
from optathlon.judge.comparing import Thresholds, Verdict, compare_groups
from optathlon.judge.intervals import difference_interval, mean_interval, proportion_interval, ratio_interval
from optathlon.spec import Cell, Environment, MetricInfo, Scale
from optathlon.store import Group

Draw = Callable[[np.random.Generator, int], np.ndarray]
SEEDS = (3, 5, 10, 20)

# Name, unit, law of one value per seed, its mean.
LAWS: dict[str, tuple[str, Draw, float]] = {
    "normal": ("1", lambda rng, n: rng.normal(size=n), 0.0),
    "binomial (0 or 1, p = .8)": ("fraction", lambda rng, n: (rng.random(n) < 0.8).astype(float), 0.8),
    "rate of 50 trials, p = .9": ("fraction", lambda rng, n: rng.binomial(50, 0.9, n) / 50, 0.9),
    "heavy tails (t with 3 degrees)": ("1", lambda rng, n: rng.standard_t(3, size=n), 0.0),
    "heavy tails, 20 % of seeds failed": ("1", lambda rng, n: rng.standard_t(3, size=n)[rng.random(n) > 0.2], 0.0),
    "counts (Poisson, mean 2)": ("1", lambda rng, n: rng.poisson(2.0, n).astype(float), 2.0),
    "skewed (lognormal)": ("1", lambda rng, n: rng.lognormal(size=n), float(np.exp(0.5))),
}
BOARDS = (
    "normal",
    "binomial (0 or 1, p = .8)",
    "rate of 50 trials, p = .9",
    "counts (Poisson, mean 2)",
    "heavy tails (t with 3 degrees)",
)


def coverage_of_means(law: str, n: int, trials: int, seed: int = 0) -> float:
    """Return the share of intervals of a mean that hold the true one; a sample of one value prints none and does not count."""
    unit, draw, truth = LAWS[law]
    rng = np.random.default_rng([seed, n])
    hits = printed = 0
    for _ in range(trials):
        values = draw(rng, n)
        if len(values) > 1:
            interval = mean_interval(values, unit)
            printed += 1
            hits += interval.low <= truth <= interval.high
    return hits / printed


def coverage_of_differences(n: int, trials: int, seed: int = 0) -> float:
    """Return the share for a paired difference of 0 between 0/1 metrics."""
    rng = np.random.default_rng([seed, n, 1])
    hits = 0
    for _ in range(trials):
        interval = difference_interval(*(rng.random((2, n)) < 0.8).astype(float), unit="fraction")
        hits += interval.low <= 0 <= interval.high
    return hits / trials


def coverage_of_ratios(n: int, trials: int, seed: int = 0) -> float:
    """Return the share for a ratio of paired means, 1.5, over instances of unlike difficulty."""
    rng = np.random.default_rng([seed, n, 2])
    hits = 0
    for _ in range(trials):
        bottom = 2 + 0.5 * rng.normal(size=n)
        top = 1.5 * bottom + 0.3 * rng.normal(size=n)
        interval = ratio_interval(top, bottom)
        hits += interval.low <= 1.5 <= interval.high
    return hits / trials


def coverage_of_proportions(n: int, trials: int, seed: int = 0) -> float:
    """Return the share for a probability of .95."""
    hits = np.random.default_rng([seed, n, 3]).binomial(n, 0.95, trials)
    return float(np.mean([(found := proportion_interval(int(h), n)).low <= 0.95 <= found.high for h in hits]))


def false_ranks(law: str, n: int, n_methods: int, trials: int, seed: int = 0) -> float:
    """Return the share of boards of equal methods on which any two are told apart."""
    unit, draw, _ = LAWS[law]
    rng = np.random.default_rng([seed, n, n_methods])
    wrong = 0
    for _ in range(trials):
        scores = draw(rng, n * n_methods).reshape(n, n_methods)
        ranks = ranking.rank(scores, "lower", unit=unit)
        wrong += bool((ranks.low > 1).any())
    return wrong / trials


def false_firmness(law: str, n: int, n_methods: int, trials: int, seed: int = 0) -> float:
    """Return the share of boards of equal methods whose first place is called firm."""
    unit, draw, _ = LAWS[law]
    scores = draw(np.random.default_rng([seed, n, n_methods]), trials * n * n_methods).reshape(trials, n, n_methods)
    _, standings = ranking.judge_boards(scores, "lower", unit=unit)
    return float(np.mean([one.word == "firm" for one in standings]))


def red_gates(cells: int, n: int, trials: int, seed: int = 0, *, rates: bool = False) -> float:
    """Return the share of A/A gates, each with fresh noise in every cell, that report a change for the worse.

    The noise is normal, or that of rates of 50 trials, which may agree on all of a few seeds.
    """
    rng = np.random.default_rng([seed, cells, n])
    red = 0
    for _ in range(trials):
        difficulty = rng.uniform(0.2, 0.8, (cells, n))
        base, head = (
            [
                _group(k, row)
                for k, row in enumerate(
                    rng.binomial(50, difficulty / 8) / 50 if rates else difficulty + 0.01 * rng.standard_normal(difficulty.shape)
                )
            ]
            for _ in "ab"
        )
        red += any(one.verdict is Verdict.REGRESSED for one in compare_groups(base, head, Thresholds()))
    return red / trials


def _group(number: int, values: np.ndarray) -> Group:
    metric = MetricInfo(name="error", unit="1", better="lower")
    here = Environment(machine="here", cpu="", gpu="", os="", python="", versions={}, threads=1)
    cell = Cell(
        suite="toy", suite_version="1", workload="w", scale=Scale.SMOKE, method=f"m{number}", metrics=(metric,), environment=here
    )
    return Group(cell, [{"seed": k, "status": "ok", "scores": {"error": float(v)}} for k, v in enumerate(values)])


def report(trials: int) -> str:
    """Return the figures as Markdown."""
    sizes = " | ".join(f"n = {n}" for n in SEEDS) + " |"
    lines = [
        "# Calibration",
        "",
        f"Written by `python tests/campaigns/calibration.py {trials}`: as many draws of each line, a fifth for boards and",
        "a quarter for gates; the test of the same name asks the same of fewer. 95 % intervals should hold the truth in 95 %",
        "of draws, boards of equal methods should tell two apart in at most 5 %, A/A gates should fail in at most 1 %.",
        "",
        "## Share of 95 % intervals that hold the truth",
        "",
        "| what | " + sizes,
        "| --- |" + " ---: |" * len(SEEDS),
    ]
    rows = {f"mean, {law}": [coverage_of_means(law, n, trials) for n in SEEDS] for law in LAWS}
    rows["paired difference of 0/1 metrics"] = [coverage_of_differences(n, trials) for n in SEEDS]
    rows["ratio of paired means (Fieller)"] = [coverage_of_ratios(n, trials) for n in SEEDS]
    rows["probability of .95 (exact)"] = [coverage_of_proportions(n, trials) for n in SEEDS]
    lines += [f"| {name} | " + " | ".join(f"{share:.3f}" for share in shares) + " |" for name, shares in rows.items()]
    lines += [
        "",
        "## Share of boards of equal methods that tell any two apart",
        "",
        "| law | methods | " + lines[8].split(" | ", 1)[1],
    ]
    lines += ["| --- | ---: |" + " ---: |" * len(SEEDS)]
    for law in BOARDS:
        for methods in (2, 5, 20):
            shares = [false_ranks(law, n, methods, trials // 5) for n in SEEDS]
            lines.append(f"| {law} | {methods} | " + " | ".join(f"{share:.3f}" for share in shares) + " |")
    firm = [false_firmness("normal", n, 2, trials) for n in SEEDS]
    told = ", ".join(f"{share:.1%} of {n} seeds" for share, n in zip(firm, SEEDS, strict=True))
    lines += ["", f"Of boards of two equal methods with normal scores the first place is called firm on {told}."]
    normal, rates = red_gates(300, 5, trials // 4), red_gates(300, 3, trials // 4, rates=True)
    lines += [
        "",
        "## The gate",
        "",
        f"Of A/A gates of 300 cells with 5 seeds and fresh normal noise in each, {normal:.1%} failed;",
    ]
    lines += [f"of those with 3 seeds of rates of 50 trials, {rates:.1%}.", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    target = Path(__file__).parents[2] / "docs" / "calibration.md"
    target.write_text(report(int(sys.argv[1]) if len(sys.argv) > 1 else 4000), encoding="utf-8")
    print(f"wrote {target}")
