"""What every certified answer of this package says of itself."""

from __future__ import annotations


class Certified:
    """A result with an objective and a proved lower bound of the optimum, which rounding may put a last bit above it."""

    objective: float
    dual_bound: float

    @property
    def bound(self) -> float:
        """The proved lower bound of the optimum, ``dual_bound``."""
        return self.dual_bound

    @property
    def gap(self) -> float:
        """Certified relative gap ``(objective - dual_bound) / objective``; 0 where the objective is 0."""
        return relative_gap(self.objective, self.dual_bound)


def relative_gap(objective: float, dual_bound: float) -> float:
    """Relative gap ``(objective - dual_bound) / objective``; 0 where the objective is 0."""
    return (objective - dual_bound) / objective if objective > 0 else 0.0


def within(objective: float, dual_bound: float, tol: float) -> bool:
    """Whether the relative gap is at most ``tol``, which a bound far above the objective, a false one, is not."""
    return abs(relative_gap(objective, dual_bound)) <= max(tol, 0.0)
