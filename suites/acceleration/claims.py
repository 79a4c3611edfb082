"""What the report says happens, and how records decide it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from optathlon.judge.claims import Check, Evidence, MissingEvidence, all_of, every_run, judge_value, mean_within, ratio_within
from optathlon.spec import Claim, Ruling, Verdict
from optathlon.suites.acceleration.metrics import PENALTY

PROVED = ("carmon", "convex-until-guilty", "restarted-agd", "perturbed-agd")
RIVALS = ("gradient-descent", "heavy-ball-0.9", "heavy-ball-0.97-restart", "nesterov", "nesterov-restart", "adaptive", *PROVED)
RIVALS = (*RIVALS, "carmon-l2-0.1", "cubic-newton", "lbfgs", "newton-cg", "trust-krylov")


class _FewerCalls(NamedTuple):
    """Check of `fewer_calls`."""

    workload: str
    methods: tuple[str, ...]
    others: tuple[str, ...]
    at_most: float

    def __call__(self, evidence: Evidence) -> Verdict:
        top, bottom = (self._best(evidence, names) for names in (self.methods, self.others))
        seeds = sorted(set(top.calls) & set(bottom.calls))
        if not seeds:
            raise MissingEvidence(f"{top.name} and {bottom.name} share no seed on {self.workload}")
        ours, theirs = (np.array([side.calls[seed] for seed in seeds]) for side in (top, bottom))
        exact = evidence.runs(top.name, self.workload)[0].cell.exact
        value, low, high = _geometric(np.log(ours / theirs), exact)
        # A run that spent its budget says only that it needs more.
        low, high = (0.0 if bottom.short else low), (math.inf if top.short else high)
        ruling = Ruling.INCONCLUSIVE if top.short and bottom.short else judge_value(value, low, high, at_most=self.at_most)
        return Verdict(ruling=ruling, measured=f"{self.workload}: {top} over {bottom}: {value:.3g} [{low:.3g}, {high:.3g}]")

    def _best(self, evidence: Evidence, names: tuple[str, ...]) -> _Side:
        """Return the method with the fewest calls on the mean among those that take part here: every one must have been run."""
        invited = frozenset(names) if evidence.declared is None else evidence.declared.get(self.workload, frozenset())
        sides = []
        for name in (name for name in names if name in invited):
            calls = evidence.scores("calls", name, self.workload)
            held = evidence.scores("reached", name, self.workload)
            by_seed = {seed: value / (1 if held[key, seed] else PENALTY) for (key, seed), value in calls.items()}
            sides.append(_Side(name, by_seed, not all(held.values())))
        if not sides:
            raise MissingEvidence(f"no run of {' or '.join(names)} on {self.workload}")
        return min(sides, key=lambda side: (side.short, float(np.mean(list(side.calls.values())))))


def _geometric(logs: np.ndarray, exact: bool) -> tuple[float, float, float]:
    """Return the geometric mean and its 95 % interval: itself where it is exact, none for a single seed."""
    from scipy.stats import t

    middle, n = float(logs.mean()), len(logs)
    spread = float(t.ppf(0.975, n - 1) * logs.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan
    half = 0.0 if exact else spread
    return math.exp(middle), math.exp(middle - half), math.exp(middle + half)


class _Side(NamedTuple):
    """A method's calls by seed, the budget where it never held a second-order point, and whether that happened."""

    name: str
    calls: dict[int, float]
    short: bool

    def __str__(self) -> str:
        mean = float(np.mean(list(self.calls.values())))
        return f"{self.name} {'more than ' if self.short else ''}{mean:.4g} calls"


def fewer_calls(workloads: tuple[str, ...], methods: tuple[str, ...], others: tuple[str, ...], *, at_most: float = 1.0) -> Check:
    """Claim that the best of `methods` needs at most `at_most` times the calls of the best of `others`, on each workload.

    Judged by the geometric mean of the ratios on the seeds that both ran.
    """
    return all_of(*(_FewerCalls(name, methods, others, at_most) for name in workloads))


def steps_of_depth(deep: str, shallow: str, *, at_most: float) -> Check:
    """Claim that the deep network takes at most `at_most` times the steps of the shallow one: geometric mean over seeds."""

    def check(evidence: Evidence) -> Verdict:
        first, second = (np.log(list(evidence.scores("steps", "polyak-proved", name).values())) for name in (deep, shallow))
        middle = float(first.mean() - second.mean())
        n = min(len(first), len(second))
        if n > 1:
            from scipy.stats import t

            half = float(t.ppf(0.975, n - 1)) * math.sqrt(first.var(ddof=1) / len(first) + second.var(ddof=1) / len(second))
        else:
            half = math.nan
        value, low, high = (math.exp(x) for x in (middle, middle - half, middle + half))
        return Verdict(
            ruling=judge_value(value, low, high, at_most=at_most),
            measured=f"steps of polyak-proved, {deep} over {shallow}: {value:.3g} [{low:.3g}, {high:.3g}]",
        )

    return check


def undecidable(evidence: Evidence) -> Verdict:
    """Say that no run decides a worst case."""
    raise MissingEvidence("an exponent of a worst case over all functions is not decidable by a run")


THEOREMS = (
    Claim(
        id="theorem-2.5",
        source="Theorem 2.5",
        statement="Where Algorithm 4 ends, the gradient is within tol and the dense Hessian at least -2 sqrt(L2 tol)",
        check=all_of(
            every_run("gradient-over-tol", "carmon", at_most=1.0, workloads=("chain-*", "robust-*")),
            every_run("curvature-over-tol", "carmon", at_least=-1.0, workloads=("chain-*", "robust-*")),
        ),
    ),
    Claim(
        id="lemma-2.3",
        source="Lemma 2.3, eq. 2",
        statement="Algorithm 1 ends within 1 + 12 L2^2 (f(z_1) - f(z_j)) / alpha^3 iterations, on wells and near the saddle",
        check=every_run("steps-over-lemma", "curvature-descent", at_most=1.0, workloads="curvature-*"),
    ),
    Claim(
        id="curvature-descent-monotone",
        source="Section 2.1.1, Algorithm 1",
        statement="The objective falls at every step along negative curvature, on wells and near the saddle",
        check=every_run("largest-rise", "curvature-descent", at_most=0.0, workloads="curvature-*"),
    ),
    Claim(
        id="progress",
        source="Lemma 2.4, eq. 5",
        statement="Almost-Convex-AGD lowers f by min(gamma |z - z_1|^2, tol |z - z_1| / sqrt(10)) at least, on the chain",
        check=every_run("progress-over-bound", "almost-convex-agd", at_least=1.0, workloads="progress-*"),
    ),
)
CALLS = (
    Claim(
        id="acceleration-ill-conditioned",
        source="Section 2.2, Table 1",
        statement="Algorithm 4 needs fewer calls than gradient descent on the chain with d = 200 and mu = 1e-6",
        reported="an obvious acceleration compared to gradient descent",
        check=fewer_calls(("chain-200",), ("carmon",), ("gradient-descent",)),
    ),
    Claim(
        id="acceleration-moderate",
        source="Section 2.2, Table 1",
        statement="Algorithm 4 needs fewer calls than gradient descent at moderate accuracy: chain of 60, robust regression",
        reported="an obvious acceleration compared to gradient descent",
        check=fewer_calls(("chain-60", "robust-loose", "robust"), ("carmon",), ("gradient-descent",)),
    ),
    Claim(
        id="hessian-free",
        source="Section 2.2",
        statement="Algorithm 4 works with first-order information: no call at the saddle is a Hessian product",
        reported="Hessian free",
        check=mean_within("product-share", "carmon", at_most=0.0, workloads=("near-saddle", "at-saddle")),
    ),
    Claim(
        id="leaves-exact-saddles",
        source="Section 2.2",
        statement="From the exact saddle Algorithm 4 reaches a second-order point within 10,000 calls in every run",
        check=every_run("reached", "carmon", at_least=1.0, workloads="at-saddle"),
    ),
    Claim(
        id="gradients-stay-at-saddles",
        source="Section 2.2",
        statement="Gradient descent stays at the exact saddle, where its gradient test is met",
        check=every_run("reached", "gradient-descent", at_most=0.0, workloads="at-saddle"),
    ),
    Claim(
        id="proved-rates-pay",
        source="Table 1",
        statement="The best method with a proved eps^-7/4 rate needs no more calls than the better of L-BFGS and Newton-CG",
        check=fewer_calls(("chain-60", "chain-200", "robust", "phase", "cancer", "near-saddle"), PROVED, ("lbfgs", "newton-cg")),
    ),
    Claim(
        id="practical-answer",
        source="ours, not the report's",
        statement="Our practical answer holds a second-order point within twice the calls of the best rival on each workload",
        basis="fitted",
        check=fewer_calls(
            ("chain-60", "chain-200", "race-robust", "phase", "race-cancer", "digits", "near-saddle", "at-saddle"),
            ("second-order",),
            RIVALS,
            at_most=2.0,
        ),
    ),
    Claim(
        id="rates-of-table-1",
        source="Table 1",
        statement="Calls grow as eps^-7/4 for Algorithm 4 and as eps^-2 for gradient descent",
        check=undecidable,
    ),
)
NETWORKS = (
    Claim(
        id="theorem-3.1-bound",
        source="Theorem 3.1, eq. 8",
        statement="With the proved momentum the residual of the wide ReLU network stays below the bound at every step",
        check=every_run("bound-ratio", "polyak-proved", at_most=1.0, workloads="relu-*"),
    ),
    Claim(
        id="theorem-3.1-accelerates",
        source="Theorem 3.1",
        statement="The proved momentum takes fewer steps than gradient descent on the wide ReLU networks",
        reported="an accelerated linear rate 1 - Theta(1/sqrt(kappa))",
        check=ratio_within("steps", "polyak-proved", "descent", at_most=1.0, workloads="relu-*"),
    ),
    Claim(
        id="theorem-3.1-as-printed",
        source="Theorem 3.1, beta = (1 - 1/(2 kappa))^2",
        statement="The momentum as printed, without the square root, takes fewer steps than gradient descent",
        check=ratio_within("steps", "polyak-printed", "descent", at_most=1.0, workloads="relu-50x20"),
    ),
    Claim(
        id="theorem-3.2-bound",
        source="Theorem 3.2, eq. 10",
        statement="The residual of the deep linear networks with kappa = 100 stays below the bound at every step",
        check=every_run("bound-ratio", "polyak-proved", at_most=1.0, workloads="linear-*-100"),
    ),
    Claim(
        id="theorem-3.2-accelerates",
        source="Theorem 3.2",
        statement="The proved momentum takes a third of gradient descent's steps at most at kappa = 100, depths 2, 4 and 8",
        reported="an accelerated linear rate 1 - Theta(1/sqrt(kappa))",
        basis="fitted",
        check=ratio_within("steps", "polyak-proved", "descent", at_most=1 / 3, workloads="linear-*-100"),
    ),
    Claim(
        id="depth-does-not-hurt",
        source="Section 3.2",
        statement="Depth 8 takes at most 1.2 times the steps of depth 2 at kappa = 100, width 128",
        reported="depth does not hurt optimization",
        basis="fitted",
        check=steps_of_depth("linear-8-100", "linear-2-100", at_most=1.2),
    ),
)
CLAIMS = (*THEOREMS, *CALLS, *NETWORKS)
