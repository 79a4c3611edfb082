"""How a trained model, its selections and its seconds are scored."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from optathlon.baselines.coresets import matching_error
from optathlon.spec import Metric, RunRecord
from optathlon.suites.coresets.convex import ConvexSum, convex_gap, distance_to_bound
from optathlon.suites.coresets.problem import Classification

if TYPE_CHECKING:
    from torch import Tensor, nn

    from optathlon.baselines.coresets import TrainedModel


def test_error(problem: Classification, answer: TrainedModel) -> float:
    """Return the share of test images in the wrong class."""
    logits = _logits(answer.model, problem.test_inputs)
    return float((logits.argmax(dim=1) != problem.test_labels).double().mean())


def train_loss(problem: Any, answer: Any) -> float:
    """Return the mean cross entropy over all training samples."""
    if isinstance(problem, ConvexSum):
        return float(np.logaddexp(0, -problem.y * (problem.X @ answer.weights)).mean())
    from torch.nn.functional import cross_entropy

    return float(cross_entropy(_logits(answer.model, problem.inputs).double(), problem.labels))


def train_error(problem: Classification, answer: TrainedModel) -> float:
    """Return the share of training images whose class differs from their label, wrong labels included: 1 - training accuracy."""
    logits = _logits(answer.model, problem.inputs)
    return float((logits.argmax(dim=1) != problem.labels).double().mean())


def unscaled_matching_error(problem: Classification, answer: TrainedModel) -> float:
    """Return the error of the last coreset's gradient at the network that selected it."""
    return _matching_error(problem, answer, scaled=False)


def scaled_matching_error(problem: Classification, answer: TrainedModel) -> float:
    """Return the same after the best common scaling of the weights."""
    return _matching_error(problem, answer, scaled=True)


def selection_seconds(run: RunRecord) -> float:
    """Return the seconds of all selections, features included."""
    return run.sections.get("selection", 0.0)


def training_seconds(run: RunRecord) -> float:
    """Return the seconds of everything else."""
    return float("nan") if run.seconds is None else run.seconds - selection_seconds(run)


def seconds_to_target(run: RunRecord) -> float:
    """Return the seconds at the first point of the trace that reaches the workload's target."""
    target = run.cell.target
    return next((seconds for _, seconds, error, *_ in run.trace if target is not None and error <= target), float("nan"))


def peak_memory(run: RunRecord) -> float:
    """Return the highest resident memory above that at the start."""
    return float("nan") if run.peak_memory is None else float(run.peak_memory)


def largest_rise(run: RunRecord) -> float:
    """Return the largest rise of the test error from one point of the trace to the next: 0 is stable training."""
    errors = [error for _, _, error, *_ in run.trace]
    rises = [later - earlier for earlier, later in pairwise(errors)]
    return max(0.0, *rises) if rises else float("nan")


def _logits(model: nn.Module, inputs: Tensor) -> Tensor:
    import torch

    from optathlon.baselines.coresets.layer_gradients import evaluating

    with torch.inference_mode(), evaluating(model):
        return torch.cat([model(batch) for batch in inputs.split(250)])


def norm_share(problem: Classification, answer: TrainedModel) -> float:
    """Return how much of the variance of the gradients' norms those of the last layer explain, where the selection was made."""
    from optathlon.baselines.coresets import all_layer_gradients, last_layer_gradients

    if answer.coreset is None or not problem.schedule.norms:
        return float("nan")
    selector = _selector(answer)
    parts = zip(problem.inputs.split(100), problem.labels.split(100), strict=True)
    everything = np.concatenate([np.linalg.norm(all_layer_gradients(selector, *part), axis=1) for part in parts])
    last = np.sqrt(last_layer_gradients(selector, problem.inputs, problem.labels).squared_norms())
    return float(np.corrcoef(last, everything)[0, 1] ** 2)


def _selector(answer: TrainedModel) -> nn.Module:
    """Return the network that made the last selection."""
    selector = deepcopy(answer.model)
    selector.load_state_dict(answer.selected_by)
    return selector


def _matching_error(problem: Classification, answer: TrainedModel, *, scaled: bool) -> float:
    from optathlon.baselines.coresets import last_layer_gradients

    if answer.coreset is None:
        return float("nan")
    gradients = last_layer_gradients(_selector(answer), problem.inputs, problem.labels)
    return matching_error(gradients, answer.coreset, scaled=scaled)


def of_pictures(evaluate: Callable[[Classification, TrainedModel], float]) -> Callable[[Any, Any], float]:
    """Return the metric that has nothing to say of other problems."""
    return lambda problem, answer: evaluate(problem, answer) if isinstance(problem, Classification) else float("nan")


METRICS = (
    Metric(name="test-error", unit="fraction", better="lower", evaluate=of_pictures(test_error), tolerance=0.002),
    Metric(name="train-loss", unit="nat", better="lower", evaluate=train_loss, traced=True),
    Metric(name="train-error", unit="fraction", better="lower", evaluate=of_pictures(train_error)),
    Metric(name="matching-error", unit="fraction", better="lower", evaluate=of_pictures(unscaled_matching_error)),
    Metric(name="scaled-matching-error", unit="fraction", better="lower", evaluate=of_pictures(scaled_matching_error)),
    Metric(name="selection-seconds", unit="s", better="lower", derive=selection_seconds),
    Metric(name="training-seconds", unit="s", better="lower", derive=training_seconds),
    Metric(name="seconds-to-target", unit="s", better="lower", derive=seconds_to_target),
    Metric(name="largest-rise", unit="fraction", better="lower", derive=largest_rise),
    Metric(name="peak-memory", unit="B", better="lower", derive=peak_memory),
    Metric(name="norm-share", unit="fraction", better="higher", evaluate=of_pictures(norm_share)),
    Metric(name="convex-gap", unit="1", better="lower", evaluate=convex_gap, tolerance=1e-6),
    Metric(name="distance-to-bound", unit="1", better="lower", evaluate=distance_to_bound),
)
