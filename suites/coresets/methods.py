"""The methods of the leaderboard: adapters around `optathlon.baselines.coresets`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from optathlon.baselines.coresets import (
    Coreset,
    craig,
    el2n,
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
from optathlon.suites.coresets.convex import CONVEX_METHODS
from optathlon.suites.coresets.problem import Classification

if TYPE_CHECKING:
    from torch import nn

    from optathlon.baselines.coresets import TrainedModel
    from optathlon.baselines.coresets.facility_location import Strategy
    from optathlon.baselines.coresets.weighted_glister import Similarity

PAPER = "Yao, Ren, Zhang, Coreset Selection for Data-Efficient Training"

Choose = Callable[["nn.Module"], Coreset]
Select = Callable[..., Coreset]  # (gradients, k) -> Coreset
Group = Literal["all", "class", "batch"]  # whose gradients a selection matches: all at once, class by class, those of batches
Layers = Literal["last", "all"]

BY_CLASS: dict[str, Select] = {
    "k-centre": k_centre,
    "herding": herding,
    "moderate": moderate,
    "el2n": lambda gradients, k: hardest(el2n(gradients), k),
    "grand": lambda gradients, k: hardest(grand(gradients), k),
}


def run_random(problem: Classification, context: Context) -> TrainedModel:
    """Uniformly random points."""
    return train(problem, context, lambda model: random_subset(len(problem.labels), problem.k, rng=context.rng))


def run_rs2(problem: Classification, context: Context, *, reselect_every: int) -> TrainedModel:
    """Random points, others at every selection, none again before all have been seen."""
    subsets = repeated_subsets(len(problem.labels), problem.k, rng=context.rng)
    return train(problem, context, lambda model: next(subsets), reselect_every=reselect_every)


def run_full(problem: Classification, context: Context, *, share: float) -> TrainedModel:
    """Everything, in a share of the epochs."""
    n_epochs = max(1, round(share * problem.schedule.epochs_for(share=1.0)))
    return train(problem, context, lambda model: full(len(problem.labels)), n_epochs=n_epochs)


def run_craig(problem: Classification, context: Context, *, group: Group, strategy: Strategy) -> TrainedModel:
    """CRAIG."""
    select = partial(craig, strategy=strategy, rng=context.rng)
    return train(problem, context, _choose(problem, context, select, group), cost="craig")


def run_glister(
    problem: Classification, context: Context, *, rounds: int | Literal["k"], step: float, balanced: bool
) -> TrainedModel:
    """GLISTER in rounds, in k of them one point at a time: the naive greedy of section 2.1."""
    labels = problem.labels.cpu().numpy() if balanced else None
    select = partial(glister, rounds=problem.k if rounds == "k" else rounds, step=step, labels=labels)
    return train(problem, context, _choose(problem, context, select, "all"), cost="glister")


def run_grad_match(
    problem: Classification,
    context: Context,
    *,
    group: Group,
    ridge: float,
    tol: float,
    layers: Layers = "last",
    warm_start: bool = False,
) -> TrainedModel:
    """GRAD-MATCH; warm after the schedule's epochs on everything."""
    choose = _choose(problem, context, partial(grad_match, ridge=ridge, tol=tol), group, layers)
    cost = {"last": "grad-match", "all": "grad-match-all-layers"}[layers]
    return train(problem, context, choose, warm_start=problem.schedule.warm_start if warm_start else 0, cost=cost)


def run_weighted_glister(problem: Classification, context: Context, *, similarity: Similarity) -> TrainedModel:
    """Weighted GLISTER in every class."""
    choose = _choose(problem, context, partial(weighted_glister, similarity=similarity), "class")
    return train(problem, context, choose, cost="weighted-glister")


def run_importance(problem: Classification, context: Context, *, uniform: float) -> TrainedModel:
    """Points drawn by the length of their gradients, and weighed for it."""
    select = partial(importance_sampling, uniform=uniform, rng=context.rng)
    return train(problem, context, _choose(problem, context, select, "all"), cost="importance")


def run_by_class(problem: Classification, context: Context, *, selector: str) -> TrainedModel:
    """Another selector of `BY_CLASS`, in every class, by the network as it stands."""
    return train(problem, context, _choose(problem, context, BY_CLASS[selector], "class"), cost=selector)


def _choose(problem: Classification, context: Context, select: Select, group: Group, layers: Layers = "last") -> Choose:
    """Return what selects by a network's gradients."""
    from optathlon.baselines.coresets import all_layer_gradients, last_layer_gradients

    gradients = {"last": last_layer_gradients, "all": all_layer_gradients}[layers]
    if group == "class":
        select = partial(per_class, select, labels=problem.labels.cpu().numpy())
    elif group == "batch":
        select = partial(per_batch, select, batch_size=problem.schedule.batch_size, rng=context.rng)
    return lambda model: select(gradients(model, problem.inputs, problem.labels), problem.k)


def train(
    problem: Classification,
    context: Context,
    choose: Choose,
    *,
    n_epochs: int | None = None,
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
        n_epochs=n_epochs or schedule.epochs_for(cost, warm_start=warm_start),
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
    """Compile the distances and the facility location, and let torch prepare a convolution."""
    import torch

    from optathlon.baselines.coresets import small_lenet, train_on_coresets

    craig(np.eye(4, dtype=np.float32), 2)
    inputs, labels = torch.zeros(20, 1, 8, 8), torch.zeros(20, dtype=torch.int64)
    train_on_coresets(small_lenet(), inputs, labels, lambda model: full(20), n_epochs=1)


def _method(name: str, run: Callable[..., object], reference: str, *, yardstick: bool = False, **settings: object) -> Method:
    return Method(
        name=name,
        run=run,
        settings=settings,
        reference=reference if reference.startswith("not in the paper") else f"{PAPER}, {reference}",
        devices=("cpu", "cuda"),
        yardstick=yardstick,
        warm_up=warm_up,
    )


def _craig(name: str, group: Group, reference: str = "section 2.2", strategy: Strategy = "lazy") -> Method:
    return _method(name, run_craig, reference, group=group, strategy=strategy)


def _glister(name: str, rounds: int | Literal["k"] = 10, balanced: bool = False) -> Method:
    return _method(name, run_glister, "section 2.1", rounds=rounds, step=0.01, balanced=balanced)


def _grad_match(name: str, group: Group, reference: str = "section 2.3", ridge: float = 0.5, **settings: Any) -> Method:
    return _method(name, run_grad_match, reference, group=group, ridge=ridge, tol=1e-3, **settings)


RIVALS = {
    "k-centre": "Sener and Savarese 2018",
    "herding": "Welling 2009",
    "moderate": "Xia et al. 2023",
    "el2n": "Paul et al. 2021",
    "grand": "Paul et al. 2021",
}

METHODS = (
    _method("random", run_random, "section 3.1 (Random)"),
    _method("full", run_full, "section 3.1 (Full)", share=1.0, yardstick=True),
    _method("full-fifth", run_full, "section 4 (Full for a fixed time)", share=0.2),
    _craig("craig", "class"),
    _craig("craig-sample", "all"),
    _craig("craig-batch", "batch", "sections 2.2 and 2.4"),
    _glister("glister"),
    _glister("glister-balanced", balanced=True),
    _glister("glister-greedy", rounds="k"),
    _grad_match("grad-match", "class"),
    _grad_match("grad-match-no-ridge", "class", ridge=0.0),
    _grad_match("grad-match-sample", "all"),
    _grad_match("grad-match-batch", "batch", "sections 2.3 and 2.4"),
    _grad_match("grad-match-warm", "class", "section 2.4", warm_start=True),
    _method("rs2", run_rs2, "section 3.1 (Random); Okanovic et al. 2024", reselect_every=1),
    _craig("craig-stochastic", "class", "section 2.2; Mirzasoleiman et al. 2015", strategy="stochastic"),
    _method("importance", run_importance, "not in the paper; Katharopoulos and Fleuret 2018", uniform=0.1),
    *(_method(name, run_by_class, f"not in the paper; {source}", selector=name) for name, source in RIVALS.items()),
    _grad_match("grad-match-all-layers", "class", "section 2.4, Fig. 2", layers="all"),
    _method("weighted-glister", run_weighted_glister, "section 3.2", similarity="inner-product"),
    _method("weighted-glister-cosine", run_weighted_glister, "section 3.2, changed", similarity="cosine"),
    *CONVEX_METHODS,
)
