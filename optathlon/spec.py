"""The nouns of a benchmark suite, as frozen dataclasses: what is declared, what is measured, what is concluded."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np

    from optathlon.claims import Evidence

Better = Literal["lower", "higher"]
TracePoint = tuple[float, ...]  # step, seconds, score of the ranking metric, scores of further traced metrics

_NAME = re.compile(r"[a-z0-9]+([._+-][a-z0-9]+)*")


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


def _require_name(kind: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{kind} name must be lower-case letters and digits joined by single '-', '.', '_' or '+', got {name!r}")


def _observe_nothing(step: int, answer: Any) -> None:
    """Ignore an intermediate answer: what a method gets when nobody watches."""


def _section_untimed(name: str) -> AbstractContextManager[None]:
    """Time nothing: what a method gets when nobody watches."""
    return nullcontext()


@dataclass(frozen=True)
class Context:
    """What a method may know besides the problem.

    Attributes
    ----------
    rng : numpy.random.Generator
        The only source of randomness.
    seed : int
        The same randomness as one integer below 2**31, for libraries that take a seed (torch generators, scikit-learn).
    device : str
        ``"cpu"`` or ``"cuda"``.
    observe : callable
        ``observe(step, answer)`` adds a point to the trace. The clock stands still inside it, and points beyond 200 are thinned.
    section : callable
        ``with context.section("selection"): ...`` books the method's own seconds in the block under that name.
    """

    rng: np.random.Generator
    seed: int = 0
    device: str = "cpu"
    observe: Callable[[int, Any], None] = _observe_nothing
    section: Callable[[str], AbstractContextManager[None]] = _section_untimed


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
        _require_name("metric", self.name)
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
        Seconds after which a cell of this workload is stopped, making the instance and scoring the answer included.
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
    exact : bool
        Instance and methods are free of chance: one seed decides, and ranks go by value instead of by an interval.
    description : str
        One line for `optathlon list`.
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
    exact: bool = False
    description: str = ""

    def __post_init__(self) -> None:
        _require_name("workload", self.name)
        if self.seeds < 1 or self.budget <= 0 or self.memory <= 0:
            raise ValueError(f"workload {self.name}: seeds, budget and memory must be positive")


@dataclass(frozen=True, kw_only=True)
class Method:
    """One row of the leaderboard: one full configuration. One name means one setting for ever.

    Attributes
    ----------
    name : str
        For example ``"maximin-adam"``.
    run : callable
        ``run(problem, context) -> answer``: an adapter of a few lines around a call of `baselines`.
    settings : mapping
        The numbers and words that configure it, as JSON values.
    reference : str
        Where it comes from, with equation or algorithm number.
    devices : tuple of str
        Devices it can run on.
    warm_up : callable, optional
        ``warm_up()`` pays first-use costs (a compilation) once, outside every clock. Modules that the adapter imports are
        imported beforehand in any case.
    """

    name: str
    run: Callable[[Any, Context], Any]
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)
    reference: str = ""
    devices: tuple[str, ...] = ("cpu",)
    warm_up: Callable[[], None] | None = None

    def __post_init__(self) -> None:
        _require_name("method", self.name)
        settings = dict(self.settings)
        try:
            plain = json.loads(json.dumps(settings, allow_nan=False)) == settings
        except (TypeError, ValueError):
            plain = False
        if not plain:
            raise ValueError(f"method {self.name}: settings must be JSON values with text as keys, got {settings!r}")
        object.__setattr__(self, "settings", settings)


class Ruling(StrEnum):
    """What a run says about a claim."""

    REPRODUCED = "reproduced"
    CONTRADICTED = "contradicted"
    INCONCLUSIVE = "inconclusive"
    NOT_TESTED = "not tested"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A ruling with the figures that decided it.

    Attributes
    ----------
    ruling : Ruling
        The outcome.
    measured : str
        The measured figures in a few words, with their uncertainty, or why nothing was tested.
    """

    ruling: Ruling
    measured: str


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
        ``check(evidence) -> Verdict`` over the records of one scale; the builders in `optathlon.claims` make most of them.
    reported : str
        The paper's number, where there is one.
    scale : Scale
        The smallest scale at which it can be tested.
    """

    id: str
    source: str
    statement: str
    check: Callable[[Evidence], Verdict]
    reported: str = ""
    scale: Scale = Scale.SMALL

    def __post_init__(self) -> None:
        _require_name("claim", self.id)


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

    def __post_init__(self) -> None:
        _require_name("suite", self.name)
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


def _find(entries: Sequence[Any], kind: str, name: str, suite: str) -> Any:
    for entry in entries:
        if entry.name == name:
            return entry
    known = ", ".join(entry.name for entry in entries)
    raise KeyError(f"suite {suite} has no {kind} {name!r}; it has {known}")


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Where and with what a run was made.

    Attributes
    ----------
    machine, cpu, gpu, os, python : str
        Stable machine name, processor and GPU model (GPU empty on the CPU), operating system, interpreter.
    versions : mapping
        Installed versions of the numerical libraries.
    threads : int
        BLAS and torch threads of a cell.
    """

    machine: str
    cpu: str
    gpu: str
    os: str
    python: str
    versions: Mapping[str, str] = field(hash=False)
    threads: int


@dataclass(frozen=True, kw_only=True)
class MetricInfo:
    """What a record keeps of a metric, so that tables need nothing but records."""

    name: str
    unit: str
    better: Better
    tolerance: float = 0.0
    traced: bool = False


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What a group of runs shares: everything but the seed.

    Attributes
    ----------
    suite, suite_version, workload, scale, method, settings, device
        The address, and the declaration at that address.
    metrics : tuple of MetricInfo
        The suite's metrics in order; the first ranks.
    reference_method : str
        The suite's yardstick for seconds.
    target : float or None
        Value of the first metric that counts as solved.
    exact : bool
        Free of chance: ranked by value.
    code : str
        Digest of the method's code, comments and docstrings aside.
    data : mapping
        Name of each data set to its checksum.
    environment : Environment
        Machine, versions and threads.
    key : str
        Digest of all that decides the result but the seed; equal keys and seeds are the same measurement.
    """

    suite: str
    suite_version: str
    workload: str
    scale: Scale
    method: str
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)
    device: str = "cpu"
    metrics: tuple[MetricInfo, ...]
    reference_method: str = ""
    target: float | None = None
    exact: bool = False
    code: str = ""
    data: Mapping[str, str] = field(default_factory=dict, hash=False)
    environment: Environment
    key: str = ""

    def __post_init__(self) -> None:
        for kind in ("suite", "workload", "method", "device"):
            _require_name(kind, getattr(self, kind))
        _require_name("machine", self.environment.machine)
        for metric in self.metrics:
            _require_name("metric", metric.name)

    @property
    def traced(self) -> tuple[str, ...]:
        """Names of the metrics along a trace, the ranking one first."""
        return (self.metrics[0].name, *(metric.name for metric in self.metrics[1:] if metric.traced))


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """What one cell gave with one seed.

    Attributes
    ----------
    cell : Cell
        The address and the conditions.
    seed : int
        The instance.
    status : Status
        How it ended.
    scores : mapping
        Metric name to value; finite, a metric that does not apply is left out. Empty unless `status` is ok.
    seconds, cpu_seconds : float or None
        The method's own wall and CPU seconds, `observe` excluded; None where it never finished.
    peak_memory, gpu_memory : int or None
        Highest resident memory above the start, and highest allocation on the GPU, in bytes.
    sections : mapping
        Seconds per named section of the method.
    trace : tuple of (step, seconds, score, ...)
        At most 200 points along the run, on the method's clock: the first metric, then the cell's traced metrics in their order.
    exhibits : mapping
        What people want to see besides scores, at most 64 KiB as JSON: a curve as a list of numbers, a picture as the base64
        text of a PNG under a name that ends in ``.png``.
    reason : str
        Why it failed, last lines of stderr included.
    limit : float or None
        The limit, in seconds or bytes, that ended it.
    commit, dirty, finished : str, bool, str
        Commit of the working tree, whether it had changes, and when the cell ended (UTC, ISO 8601).
    """

    cell: Cell
    seed: int
    status: Status
    scores: Mapping[str, float] = field(default_factory=dict, hash=False)
    seconds: float | None = None
    cpu_seconds: float | None = None
    peak_memory: int | None = None
    gpu_memory: int | None = None
    sections: Mapping[str, float] = field(default_factory=dict, hash=False)
    trace: tuple[TracePoint, ...] = ()
    exhibits: Mapping[str, str | Sequence[float]] = field(default_factory=dict, hash=False)
    reason: str = ""
    limit: float | None = None
    commit: str = ""
    dirty: bool = False
    finished: str = ""
