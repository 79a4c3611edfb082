"""The methods of the leaderboard: adapters around `optathlon.baselines.coresets`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from optathlon.baselines.coresets import (
    Coreset,
    craig,
    facility_location,
    full,
    glister,
    grad_match,
    per_batch,
    per_class,
    random_subset,
    weighted_glister,
)
from optathlon.spec import Context, Diverged, Method
from optathlon.suites.coresets.problem import Classification

if TYPE_CHECKING:
    from torch import nn

    from optathlon.baselines.coresets import TrainedModel

PAPER = "Yao, Ren, Zhang, Coreset Selection for Data-Efficient Training"

Choose = Callable[["nn.Module"], Coreset]
Select = Callable[..., Coreset]  # (gradients, k) -> Coreset


def run_random(problem: Classification, context: Context) -> TrainedModel:
    """Uniformly random points."""
    return _train(problem, context, lambda model: random_subset(len(problem.labels), problem.k, rng=context.rng))


def run_full(problem: Classification, context: Context) -> TrainedModel:
    """Everything."""
    return _train(problem, context, lambda model: full(len(problem.labels)))


def run_full_fifth(problem: Classification, context: Context) -> TrainedModel:
    """Everything, in a fifth of the epochs: about the seconds of a coreset with its selections."""
    epochs = max(1, problem.schedule.epochs // 5)
    return _train(problem, context, lambda model: full(len(problem.labels)), epochs=epochs)


def run_craig(problem: Classification, context: Context) -> TrainedModel:
    """CRAIG in every class."""
    return _train(problem, context, _last_layer(problem, _in_classes(problem, craig)))


def run_craig_sample(problem: Classification, context: Context) -> TrainedModel:
    """CRAIG on all points at once."""
    return _train(problem, context, _last_layer(problem, craig))


def run_craig_batch(problem: Classification, context: Context) -> TrainedModel:
    """CRAIG on batches."""
    return _train(problem, context, _last_layer(problem, _on_batches(problem, craig, context)))


def run_glister(problem: Classification, context: Context) -> TrainedModel:
    """GLISTER in ten rounds."""
    return _train(problem, context, _last_layer(problem, glister))


def run_glister_balanced(problem: Classification, context: Context) -> TrainedModel:
    """GLISTER in ten rounds, every class with its share."""
    return _train(problem, context, _last_layer(problem, partial(glister, labels=problem.labels.cpu().numpy())))


def run_glister_greedy(problem: Classification, context: Context) -> TrainedModel:
    """GLISTER one point at a time: the naive greedy of section 2.1."""
    return _train(problem, context, _last_layer(problem, partial(glister, rounds=problem.k)))


def run_grad_match(problem: Classification, context: Context) -> TrainedModel:
    """GRAD-MATCH in every class."""
    return _train(problem, context, _last_layer(problem, _in_classes(problem, grad_match)))


def run_grad_match_no_ridge(problem: Classification, context: Context) -> TrainedModel:
    """GRAD-MATCH in every class, without the ridge."""
    return _train(problem, context, _last_layer(problem, _in_classes(problem, partial(grad_match, ridge=0.0))))


def run_grad_match_sample(problem: Classification, context: Context) -> TrainedModel:
    """GRAD-MATCH on all points at once."""
    return _train(problem, context, _last_layer(problem, grad_match))


def run_grad_match_batch(problem: Classification, context: Context) -> TrainedModel:
    """GRAD-MATCH on batches."""
    return _train(problem, context, _last_layer(problem, _on_batches(problem, grad_match, context)))


def run_grad_match_warm(problem: Classification, context: Context) -> TrainedModel:
    """GRAD-MATCH in every class, after some epochs on everything."""
    choose = _last_layer(problem, _in_classes(problem, grad_match))
    return _train(problem, context, choose, warm_start=problem.schedule.warm_start)


def run_grad_match_all_layers(problem: Classification, context: Context) -> TrainedModel:
    """GRAD-MATCH in every class, on the gradients of all parameters."""
    return _train(problem, context, _all_layers(problem, _in_classes(problem, grad_match)))


def run_weighted_glister(problem: Classification, context: Context) -> TrainedModel:
    """Weighted GLISTER in every class, as the paper defines it."""
    return _train(problem, context, _last_layer(problem, _in_classes(problem, weighted_glister)))


def run_weighted_glister_cosine(problem: Classification, context: Context) -> TrainedModel:
    """Weighted GLISTER in every class, on cosines instead of inner products."""
    select = partial(weighted_glister, similarity="cosine")
    return _train(problem, context, _last_layer(problem, _in_classes(problem, select)))


def _in_classes(problem: Classification, select: Select) -> Select:
    return partial(per_class, select, labels=problem.labels.cpu().numpy())


def _on_batches(problem: Classification, select: Select, context: Context) -> Select:
    return partial(per_batch, select, batch_size=problem.schedule.batch_size, rng=context.rng)


def _last_layer(problem: Classification, select: Select) -> Choose:
    from optathlon.baselines.coresets import last_layer_gradients

    return lambda model: select(last_layer_gradients(model, problem.inputs, problem.labels), problem.k)


def _all_layers(problem: Classification, select: Select) -> Choose:
    from optathlon.baselines.coresets import all_layer_gradients

    return lambda model: select(all_layer_gradients(model, problem.inputs, problem.labels), problem.k)


def _train(
    problem: Classification, context: Context, choose: Choose, *, epochs: int | None = None, warm_start: int = 0
) -> TrainedModel:
    """Train by the problem's schedule on what `choose` chooses, its seconds booked as selection."""
    import torch

    from optathlon.baselines.coresets import TrainedModel, train_on_coresets

    schedule = problem.schedule

    def select(model: nn.Module) -> Coreset:
        if not all(bool(torch.isfinite(value).all()) for value in model.parameters()):
            raise Diverged("a parameter is no longer finite at a selection")
        with context.section("selection"):
            return choose(model)

    def observe(epoch: int, model: nn.Module) -> None:
        if epoch % schedule.observe_every == 0:
            context.observe(epoch, TrainedModel(model, None, {}))

    return train_on_coresets(
        problem.model,
        problem.inputs,
        problem.labels,
        select,
        epochs=epochs or schedule.epochs,
        batch_size=schedule.batch_size,
        reselect_every=schedule.reselect_every,
        warm_start=warm_start,
        learning_rate=schedule.learning_rate,
        rng=context.seed,
        callback=observe,
    )


def warm_up() -> None:
    """Compile the facility location, and let torch prepare a convolution."""
    import torch

    from optathlon.baselines.coresets import small_lenet, train_on_coresets

    facility_location(np.eye(4, dtype=np.float32), 2)
    inputs, labels = torch.zeros(20, 1, 8, 8), torch.zeros(20, dtype=torch.int64)
    train_on_coresets(small_lenet(), inputs, labels, lambda model: full(20), epochs=1)


def _method(name: str, run: Callable[[Classification, Context], object], reference: str, **settings: object) -> Method:
    return Method(
        name=name,
        run=run,
        settings=settings,
        reference=f"{PAPER}, {reference}",
        devices=("cpu", "cuda"),
        warm_up=warm_up,
    )


METHODS = (
    _method("random", run_random, "section 3.1 (Random)"),
    _method("full", run_full, "section 3.1 (Full)"),
    _method("full-fifth", run_full_fifth, "section 4 (Full for a fixed time)", epochs="a fifth"),
    _method("craig", run_craig, "section 2.2", unit="class", distance="euclidean"),
    _method("craig-sample", run_craig_sample, "section 2.2", unit="sample", distance="euclidean"),
    _method("craig-batch", run_craig_batch, "sections 2.2 and 2.4", unit="batch", distance="euclidean"),
    _method("glister", run_glister, "section 2.1", rounds=10, step=0.01),
    _method("glister-balanced", run_glister_balanced, "section 2.1", rounds=10, step=0.01, balanced=True),
    _method("glister-greedy", run_glister_greedy, "section 2.1", rounds="k", step=0.01),
    _method("grad-match", run_grad_match, "section 2.3", unit="class", ridge=0.5, tol=1e-3),
    _method("grad-match-no-ridge", run_grad_match_no_ridge, "section 2.3", unit="class", ridge=0.0, tol=1e-3),
    _method("grad-match-sample", run_grad_match_sample, "section 2.3", unit="sample", ridge=0.5, tol=1e-3),
    _method("grad-match-batch", run_grad_match_batch, "sections 2.3 and 2.4", unit="batch", ridge=0.5, tol=1e-3),
    _method("grad-match-warm", run_grad_match_warm, "section 2.4", unit="class", ridge=0.5, tol=1e-3, warm_start=True),
    _method("grad-match-all-layers", run_grad_match_all_layers, "section 2.4, Fig. 2", unit="class", ridge=0.5, layers="all"),
    _method("weighted-glister", run_weighted_glister, "section 3.2", unit="class", similarity="inner-product"),
    _method("weighted-glister-cosine", run_weighted_glister_cosine, "section 3.2, changed", unit="class", similarity="cosine"),
)
