"""A method and what it is told besides the problem."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from optathlon.spec.names import require_name

if TYPE_CHECKING:
    import numpy as np


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
class Method:
    """One row of the leaderboard: one full configuration. One name means one setting for ever.

    Attributes
    ----------
    name : str
        For example ``"maximin-adam"``.
    run : callable
        ``run(problem, context, **settings) -> answer``: an adapter of a few lines around a call of `baselines`.
    settings : mapping
        What `run` is called with, as JSON values: a record that says ``n_steps: 200`` was made with 200 steps.
    description : str
        What else a reader wants to know in one line.
    reference : str
        Where it comes from, with equation or algorithm number.
    devices : tuple of str
        Devices it can run on.
    workloads : tuple of str
        Names, or glob patterns, of the workloads it takes part in; by default those that invite it.
    yardstick : bool
        Knows more than the others (the truth, the whole data, the exact answer): shown on the board, not ranked.
    warm_up : callable, optional
        ``warm_up()`` pays first-use costs (a compilation) once, outside every clock. Modules that the adapter imports are
        imported beforehand in any case.
    """

    name: str
    run: Callable[..., Any]
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)
    description: str = ""
    reference: str = ""
    devices: tuple[str, ...] = ("cpu",)
    workloads: tuple[str, ...] = ()
    yardstick: bool = False
    warm_up: Callable[[], None] | None = None

    def __post_init__(self) -> None:
        require_name("method", self.name)
        settings = dict(self.settings)
        try:
            plain = json.loads(json.dumps(settings, allow_nan=False)) == settings
        except (TypeError, ValueError):
            plain = False
        if not plain:
            raise ValueError(f"method {self.name}: settings must be JSON values with text as keys, got {settings!r}")
        object.__setattr__(self, "settings", settings)

    @classmethod
    def grid(cls, name: str, run: Callable[..., Any], **options: Any) -> tuple[Method, ...]:
        """Return one method per setting, named after it: a sweep in a line.

        Parameters
        ----------
        name : str
            Stem of the names: ``Method.grid("adam", run, grid={"lr": (0.01, 0.1)})`` gives ``adam-lr0.01`` and ``adam-lr0.1``.
        run : callable
            Of every method.
        **options
            ``grid``: a mapping from setting to its values, of which every combination is taken. The rest goes to `Method`.
        """
        settings, grid = dict(options.pop("settings", {})), options.pop("grid")
        if not grid or not all(len(values) for values in grid.values()):
            raise ValueError(f"method {name}: grid must map at least one setting to at least one value, got {grid!r}")
        return tuple(
            cls(
                name="-".join([name, *(_label(key, value) for key, value in zip(grid, values, strict=True))]),
                run=run,
                settings=settings | dict(zip(grid, values, strict=True)),
                **options,
            )
            for values in itertools.product(*grid.values())
        )


def _label(key: str, value: Any) -> str:
    """Return setting and value as a part of a name: ``lr0.01``, ``play-alternating``."""
    text = f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else f"-{value}"
    return re.sub(r"[^a-z0-9.+-]", "-", f"{key}{text}".lower())
