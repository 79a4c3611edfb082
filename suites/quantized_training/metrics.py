"""How an answer is scored, and what is shown of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from optathlon.baselines.quantized_training import (
    cone_coordinates,
    sufficient_condition,
    time_shares,
    wrong_sign_shares,
)
from optathlon.spec import Metric, RunRecord
from optathlon.suites.quantized_training.methods import Projection, Run

if TYPE_CHECKING:
    from optathlon.baselines.quantized_training import TrainedNetwork

NOT_HERE = float("nan")


def _of_run(score: Callable[[Any, Run], float]) -> Callable[[Any, Any], float]:
    return lambda problem, answer: float(score(problem, answer)) if isinstance(answer, Run) else NOT_HERE


def _law_error(problem: Any, answer: Run) -> float:
    """Largest deviation of the time shares from the projection onto the hull, over runs and vertices or coordinates."""
    if answer.weights == "binary":
        return np.abs(answer.found.wrong_sign_shares - wrong_sign_shares(problem.w_star)).max()
    return np.abs(answer.found.cone_shares - time_shares(problem.w_star)).max()


def _naive_error(problem: Any, answer: Run) -> float:
    """Largest deviation from lambda_j / sum lambda, which the thesis suggests."""
    if answer.weights == "binary":
        return NOT_HERE
    coordinates = cone_coordinates(problem.w_star)
    return np.abs(answer.found.cone_shares - coordinates / coordinates.sum(axis=1, keepdims=True)).max()


def _visited(promised: bool) -> Callable[[Any, Run], float]:
    def share(problem: Any, answer: Run) -> float:
        """Share of the runs whose teacher satisfies (or not) the theorem's condition that visit the optimum."""
        chosen = sufficient_condition(problem.w_star, answer.weights) == promised
        return (answer.found.optimum_share[chosen] > 0).mean() if chosen.any() else NOT_HERE

    return share


def _constant(problem: Any, answer: Run) -> float:
    """Share of the runs that did not move in the second half of their steps."""
    return (answer.found.last_change <= problem.n_steps // 2).mean()


def _period_three(problem: Any, answer: Run) -> float:
    """Share of the recorded runs in which every iterate is that of three steps before."""
    signs = answer.found.signs
    if signs.shape[1] < 4:
        return NOT_HERE
    return np.all(signs[:, 3:] == signs[:, :-3], axis=(1, 2)).mean()


def _outside(problem: Any, answer: Run) -> float:
    """Share of the steps until the last iterate that is none of the z_j, in the run where it came last."""
    return NOT_HERE if answer.weights == "binary" else answer.found.last_outside.max() / problem.n_steps


def _in_cone(problem: Any, answer: Run) -> float:
    """Share of the runs whose last y has the teacher's signs, and its magnitudes in the teacher's order."""
    if answer.weights == "binary":
        return NOT_HERE
    order = np.argsort(-np.abs(problem.w_star), axis=1, kind="stable")
    y = np.take_along_axis(answer.found.auxiliary * np.sign(problem.w_star), order, axis=1)
    return ((np.diff(y, axis=1) <= 0).all(axis=1) & (y >= 0).all(axis=1)).mean()


def _alignment(problem: Any, answer: Run) -> float:
    """Smallest cosine, over the runs, of the angle between the last y and the teacher."""
    y, w_star = answer.found.auxiliary, problem.w_star
    return ((y * w_star).sum(axis=1) / np.linalg.norm(y, axis=1) / np.linalg.norm(w_star, axis=1)).min()


def least_kept(problem: Any, answer: Any) -> float:
    """Return the least magnitude that is kept, in units of the mean magnitude."""
    if not isinstance(answer, Projection):
        return NOT_HERE
    magnitudes = np.abs(problem.y.astype(np.float64))
    return float(magnitudes[answer.w != 0].min() / magnitudes.mean())


def distance(problem: Any, answer: Any) -> float:
    """Return |y - w|^2 / |y|^2."""
    if not isinstance(answer, Projection):
        return NOT_HERE
    y = problem.y.astype(np.float64)
    return float(((y - answer.w) ** 2).sum() / (y @ y))


def projection_seconds(run: RunRecord) -> float:
    """Return the seconds of the twenty projections."""
    return run.sections.get("projections", NOT_HERE)


def test_error(problem: Any, answer: Any) -> float:
    """Return the share of wrong labels on the test pictures."""
    if not _is_network(answer):
        return NOT_HERE
    from optathlon.baselines.coarse_gradients import accuracy

    return 1 - accuracy(answer.model, problem.X_test, problem.y_test)


def _is_network(answer: object) -> TypeGuard[TrainedNetwork]:
    from optathlon.baselines.quantized_training import TrainedNetwork  # with torch, which a declaration does without

    return isinstance(answer, TrainedNetwork)


def _of_network(score: Callable[[TrainedNetwork], float]) -> Callable[[Any, Any], float]:
    return lambda problem, answer: float(score(answer)) if _is_network(answer) else NOT_HERE


def _late_decay(network: TrainedNetwork) -> float:
    """Ratio of the last epoch's training loss to that of the one before."""
    return network.losses[-1] / network.losses[-2] if len(network.losses) > 1 else NOT_HERE


def exhibit(problem: Any, answer: Any) -> Mapping[str, str | Sequence[float]]:
    """Show the recorded signs of eight runs with their optima, or losses and the first filters' signs."""
    if isinstance(answer, Run) and answer.found.signs.shape[1:] == (100, 8):
        from optathlon.baselines.quantized_training import optimum

        best = np.sign(optimum(problem.w_star[:8], answer.weights)).astype(int)
        return {"signs": answer.found.signs[:8].ravel().tolist(), "optima": best.ravel().tolist()}
    if _is_network(answer):
        shown: dict[str, str | Sequence[float]] = {"losses": list(answer.losses), "norms": list(answer.norms)}
        if answer.signs.shape[1] == 150:  # LeNet's six filters of 5 x 5: the first three
            shown["signs"] = answer.signs[:, :75].ravel().tolist()
        return shown
    return {}


METRICS = (
    Metric(
        name="optimum-share", unit="fraction", better="higher", evaluate=_of_run(lambda _, run: run.found.optimum_share.mean())
    ),
    Metric(name="distance", unit="ratio", better="lower", evaluate=distance, tolerance=1e-7),
    Metric(name="test-error", unit="fraction", better="lower", evaluate=test_error),
    Metric(name="law-error", unit="share of time", better="lower", evaluate=_of_run(_law_error)),
    Metric(name="naive-law-error", unit="share of time", better="lower", evaluate=_of_run(_naive_error)),
    Metric(
        name="visited", unit="fraction", better="higher", evaluate=_of_run(lambda _, run: (run.found.optimum_share > 0).mean())
    ),
    Metric(name="visited-as-promised", unit="fraction", better="higher", evaluate=_of_run(_visited(True))),
    Metric(name="visited-without-promise", unit="fraction", better="higher", evaluate=_of_run(_visited(False))),
    Metric(name="constant", unit="fraction", better="lower", evaluate=_of_run(_constant)),
    Metric(name="changing", unit="fraction", better="lower", evaluate=_of_run(lambda _, run: run.found.changed.mean())),
    Metric(name="period-three", unit="fraction", better="higher", evaluate=_of_run(_period_three)),
    Metric(name="last-outside", unit="share of time", better="lower", evaluate=_of_run(_outside)),
    Metric(name="in-cone", unit="fraction", better="higher", evaluate=_of_run(_in_cone)),
    Metric(name="alignment", unit="cosine", better="higher", evaluate=_of_run(_alignment)),
    Metric(name="least-kept", unit="means", better="higher", evaluate=least_kept),
    Metric(name="projection-seconds", unit="s", better="lower", derive=projection_seconds),
    Metric(name="train-loss", unit="nats", better="lower", evaluate=_of_network(lambda network: network.losses[-1])),
    Metric(name="norm", unit="weights", better="lower", evaluate=_of_network(lambda network: network.norms[-1])),
    Metric(name="late-decay", unit="ratio", better="lower", evaluate=_of_network(_late_decay)),
    Metric(name="changing-signs", unit="fraction", better="lower", evaluate=_of_network(lambda network: network.changing_share)),
)
