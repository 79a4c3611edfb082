"""The methods of the leaderboard: adapters around `optathlon.baselines.coresets`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from optathlon.baselines.coresets import (
    Coreset,
    craig,
    el2n,
    facility_location,
    full,
    glister,
    grad_match,
    grand,
    hardest,
    herding,
    importance_sampling,
    k_centre,
    moderate,
    per_batch,
    per_class,
    random_subset,
    repeated_subsets,
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


def run_rs2(problem: Classification, context: Context) -> TrainedModel:
    """Random points, others in every epoch, none again before all have been seen."""
    subsets = repeated_subsets(len(problem.labels), problem.k, rng=context.rng)
    return _train(problem, context, lambda model: next(subsets), reselect_every=1)


def run_full(problem: Classification, context: Context) -> TrainedModel:
    """Everything."""
    epochs = problem.schedule.epochs_for("full", share=1.0)
    return _train(problem, context, lambda model: full(len(problem.labels)), epochs=epochs)


def run_full_fifth(problem: Classification, context: Context) -> TrainedModel:
    """Everything, in a fifth of the epochs: about the seconds of a coreset with its selections."""
    epochs = max(1, problem.schedule.epochs // 5)
    return _train(problem, context, lambda model: full(len(problem.labels)), epochs=epochs)


def run_craig(problem: Classification, context: Context) -> TrainedModel:
    """CRAIG in every class."""
    return _train(problem, context, _last_layer(problem, _in_classes(problem, craig)), cost="craig")


def run_craig_sample(problem: Classification, context: Context) -> TrainedModel:
    """CRAIG on all points at once."""
    return _train(problem, context, _last_layer(problem, craig))


def run_craig_batch(problem: Classification, context: Context) -> TrainedModel:
    """CRAIG on batches."""
    return _train(problem, context, _last_layer(problem, _on_batches(problem, craig, context)))


def run_glister(problem: Classification, context: Context) -> TrainedModel:
    """GLISTER in ten rounds."""
    return _train(problem, context, _last_layer(problem, glister), cost="glister")


def run_glister_balanced(problem: Classification, context: Context) -> TrainedModel:
    """GLISTER in ten rounds, every class with its share."""
    return _train(
        problem, context, _last_layer(problem, partial(glister, labels=problem.labels.cpu().numpy())), cost="glister-balanced"
    )


def run_glister_greedy(problem: Classification, context: Context) -> TrainedModel:
    """GLISTER one point at a time: the naive greedy of section 2.1."""
    return _train(problem, context, _last_layer(problem, partial(glister, rounds=problem.k)))


def run_grad_match(problem: Classification, context: Context) -> TrainedModel:
    """GRAD-MATCH in every class."""
    return _train(problem, context, _last_layer(problem, _in_classes(problem, grad_match)), cost="grad-match")


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
    return _train(problem, context, choose, warm_start=problem.schedule.warm_start, cost="grad-match")


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


def run_craig_stochastic(problem: Classification, context: Context) -> TrainedModel:
    """CRAIG in every class, by stochastic greedy."""
    select = partial(craig, strategy="stochastic", rng=context.rng)
    return _train(problem, context, _last_layer(problem, _in_classes(problem, select)), cost="craig-stochastic")


def run_importance(problem: Classification, context: Context) -> TrainedModel:
    """Points drawn by the length of their gradients, and weighed for it."""
    select = partial(importance_sampling, rng=context.rng)
    return _train(problem, context, _last_layer(problem, select), cost="importance")


def run_k_centre(problem: Classification, context: Context) -> TrainedModel:
    """Farthest-first traversal of the gradients, in every class."""
    return _train(problem, context, _last_layer(problem, _in_classes(problem, k_centre)), cost="k-centre")


def run_herding(problem: Classification, context: Context) -> TrainedModel:
    """Herding of the gradients, in every class."""
    return _train(problem, context, _last_layer(problem, _in_classes(problem, herding)), cost="herding")


def run_moderate(problem: Classification, context: Context) -> TrainedModel:
    """Points at the median distance from their class's mean feature."""
    return _train(problem, context, _last_layer(problem, _in_classes(problem, moderate)), cost="moderate")


def run_el2n(problem: Classification, context: Context) -> TrainedModel:
    """The largest errors of every class, by the network as it stands."""
    select = _in_classes(problem, lambda gradients, k: hardest(el2n(gradients), k))
    return _train(problem, context, _last_layer(problem, select), cost="el2n")


def run_grand(problem: Classification, context: Context) -> TrainedModel:
    """The longest gradients of every class, by the network as it stands."""
    select = _in_classes(problem, lambda gradients, k: hardest(grand(gradients), k))
    return _train(problem, context, _last_layer(problem, select), cost="grand")


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
    problem: Classification,
    context: Context,
    choose: Choose,
    *,
    epochs: int | None = None,
    warm_start: int = 0,
    reselect_every: int | None = None,
    cost: str = "",
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

    trained = train_on_coresets(
        problem.model,
        problem.inputs,
        problem.labels,
        select,
        epochs=epochs or schedule.epochs_for(cost, warm_start=warm_start),
        batch_size=schedule.batch_size,
        reselect_every=reselect_every or schedule.reselect_every,
        warm_start=warm_start,
        learning_rate=schedule.learning_rate,
        rng=context.seed,
        callback=observe,
    )
    if trained.diverged_at is not None:
        raise Diverged(f"a weight is no longer finite after epoch {trained.diverged_at}")
    return trained


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
    _method("rs2", run_rs2, "section 3.1 (Random); Okanovic et al. 2024", reselect_every=1),
    _method(
        "craig-stochastic", run_craig_stochastic, "section 2.2; Mirzasoleiman et al. 2015", unit="class", greedy="stochastic"
    ),
    _method("importance", run_importance, "not in it; Katharopoulos and Fleuret 2018", unit="sample", uniform=0.1),
    _method("k-centre", run_k_centre, "not in it; Sener and Savarese 2018", unit="class"),
    _method("herding", run_herding, "not in it; Welling 2009", unit="class"),
    _method("moderate", run_moderate, "not in it; Xia et al. 2023", unit="class"),
    _method("el2n", run_el2n, "not in it; Paul et al. 2021, at the network as it stands", unit="class"),
    _method("grand", run_grand, "not in it; Paul et al. 2021, at the network as it stands", unit="class"),
    _method("grad-match-all-layers", run_grad_match_all_layers, "section 2.4, Fig. 2", unit="class", ridge=0.5, layers="all"),
    _method("weighted-glister", run_weighted_glister, "section 3.2", unit="class", similarity="inner-product"),
    _method("weighted-glister-cosine", run_weighted_glister_cosine, "section 3.2, changed", unit="class", similarity="cosine"),
)
