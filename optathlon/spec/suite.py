"""What is declared of an experiment: workloads, metrics, and the suite that holds them with methods and claims."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from optathlon.spec.claim import Claim
from optathlon.spec.method import Method
from optathlon.spec.names import require_name
from optathlon.spec.records import Better, RunRecord
from optathlon.spec.scale import Scale

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number that scores an answer, and knows its direction.

    Attributes
    ----------
    name, unit : str
        For example ``"bit-error-rate"`` and ``"fraction"``; seconds are ``"s"``, bytes ``"B"``.
    better : {"lower", "higher"}
        Which way is better; declared, never guessed.
    evaluate : callable, optional
        ``evaluate(problem, answer) -> float``, outside the clock.
    derive : callable, optional
        ``derive(run) -> float`` for numbers that come from the finished run itself (a section's seconds, the trace). Exactly one
        of the two is given; a suite's first metric has `evaluate`, for it also scores the trace. NaN means "does not apply here".
    tolerance : float
        Means that differ by no more than this tie.
    traced : bool
        Evaluated at every observed point too, beside the metric that ranks.
    timed : bool
        Depends on the clock, so that no run repeats it exactly; seconds (``"s"``) and bytes (``"B"``) do in any case.
    """

    name: str
    unit: str
    better: Better
    evaluate: Callable[[Any, Any], float] | None = None
    derive: Callable[[RunRecord], float] | None = None
    tolerance: float = 0.0
    traced: bool = False
    timed: bool = False

    def __post_init__(self) -> None:
        require_name("metric", self.name)
        if self.better not in ("lower", "higher"):
            raise ValueError(f"metric {self.name}: better must be 'lower' or 'higher', got {self.better!r}")
        if (self.evaluate is None) == (self.derive is None):
            raise ValueError(f"metric {self.name}: give exactly one of evaluate and derive")
        if self.traced and self.evaluate is None:
            raise ValueError(f"metric {self.name}: a traced metric must have evaluate")

    @property
    def repeatable(self) -> bool:
        """Whether the same cell gives the same value again."""
        return not self.timed and self.unit not in ("s", "B")

    @property
    def function(self) -> Callable[..., float]:
        """Whichever of `evaluate` and `derive` was given."""
        return self.evaluate or self.derive  # pyright: ignore[reportReturnType]


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A problem at a size.

    Attributes
    ----------
    name : str
        Unique in its suite, over all scales.
    make : callable
        ``make(rng, device) -> problem``; the seed is the instance. `optathlon.data` raises `NeedsData` where its data is absent.
    scale : Scale
        The scale whose runs include this workload.
    seeds : int
        How many instances (seeds 0, 1, ...) a run takes unless told otherwise.
    budget : float
        Seconds after which a method is stopped, scoring its answer included; making the instance is not its time.
    memory : int
        Bytes of private memory that a cell may allocate.
    metric : str
        Name of the metric that ranks here and scores the trace; the suite's first by default.
    target : float, optional
        The value of that metric that counts as solved.
    data : tuple of str
        Names of the data sets it needs (`optathlon data list`); their checksums go into the cache key.
    methods : tuple of str, optional
        Names, or glob patterns, of the methods that take part; all by default.
    trials : int
        How many independent trials one run averages, for the intervals of fractions.
    exact : bool
        Instance and methods are free of chance: one seed decides, and ranks go by value instead of by an interval.
    description : str
        One line for `optathlon list`.
    public : callable, optional
        ``public(problem) -> view``: what a method is handed, where the problem holds a truth that only metrics and yardsticks may
        know; the problem itself by default.
    """

    name: str
    make: Callable[[np.random.Generator, str], Any]
    scale: Scale
    seeds: int = 5
    budget: float = 60.0
    memory: int = 8 * 2**30
    metric: str = ""
    target: float | None = None
    data: tuple[str, ...] = ()
    methods: tuple[str, ...] = ("*",)
    trials: int = 1
    exact: bool = False
    description: str = ""
    public: Callable[[Any], Any] | None = None

    def __post_init__(self) -> None:
        require_name("workload", self.name)
        if self.seeds < 1 or self.trials < 1 or self.budget <= 0 or self.memory <= 0:
            raise ValueError(f"workload {self.name}: seeds, trials, budget and memory must be positive")

    def invites(self, method: Method) -> bool:
        """Return whether a method takes part: where it says so itself, else where the workload names it."""
        if method.workloads:
            return any(fnmatchcase(self.name, pattern) for pattern in method.workloads)
        return any(fnmatchcase(method.name, pattern) for pattern in self.methods)


@dataclass(frozen=True, kw_only=True)
class Suite:
    """One paper's experiment.

    Attributes
    ----------
    name : str
        The folder's name.
    version : str
        Raised when the meaning of a number changes; results of different versions are never mixed.
    title, source : str
        What is reproduced, for people.
    workloads, methods, metrics, claims : tuples
        The declaration. The first metric ranks, except on workloads that name another.
    reference_method : str
        The method to which seconds are shown as a ratio.
    exhibit : callable, optional
        ``exhibit(problem, answer) -> mapping`` of what people want to see of an answer besides its scores; see
        `RunRecord.exhibits`.
    datasets : tuple of optathlon.data.DataSet
        Data of its own, beside the catalogue's; its workloads name them like any other.
    """

    name: str
    version: str
    title: str
    source: str
    workloads: tuple[Workload, ...]
    methods: tuple[Method, ...]
    metrics: tuple[Metric, ...]
    claims: tuple[Claim, ...] = ()
    reference_method: str
    exhibit: Callable[[Any, Any], Mapping[str, str | Sequence[float]]] | None = None
    datasets: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        require_name("suite", self.name)
        for kind, names in (
            ("workload", [w.name for w in self.workloads]),
            ("method", [m.name for m in self.methods]),
            ("metric", [m.name for m in self.metrics]),
            ("claim", [c.id for c in self.claims]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"suite {self.name}: {kind} names must be unique, got {', '.join(twice)} twice")
        for workload in self.workloads:
            if not self.metrics or self.metrics_of(workload)[0].evaluate is None:
                raise ValueError(f"suite {self.name}: the metric that ranks {workload.name} must have evaluate")
        self.method(self.reference_method)

    def metrics_of(self, workload: Workload) -> tuple[Metric, ...]:
        """Return the metrics with the one that ranks the workload first."""
        if not workload.metric:
            return self.metrics
        first = self.metric(workload.metric)
        return (first, *(metric for metric in self.metrics if metric is not first))

    def workload(self, name: str) -> Workload:
        """Return the workload of that name."""
        return _find(self.workloads, "workload", name, self.name)

    def method(self, name: str) -> Method:
        """Return the method of that name."""
        return _find(self.methods, "method", name, self.name)

    def metric(self, name: str) -> Metric:
        """Return the metric of that name."""
        return _find(self.metrics, "metric", name, self.name)


@dataclass(frozen=True, kw_only=True)
class Extension:
    """Methods that a package adds to somebody else's suite.

    Attributes
    ----------
    suite : str
        The suite's name.
    methods : tuple of Method
        What is added; `Method.workloads` says where each takes part.
    """

    suite: str
    methods: tuple[Method, ...]


def _find(entries: Sequence[Any], kind: str, name: str, suite: str) -> Any:
    for entry in entries:
        if entry.name == name:
            return entry
    known = ", ".join(entry.name for entry in entries)
    raise KeyError(f"suite {suite} has no {kind} {name!r}; it has {known}")
