"""Selection by a network other than the one that is trained, and by what a network forgets: methods, workload and claims."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from optathlon.baselines.coresets import Coreset, el2n, grad_match, hardest, per_class, random_subset
from optathlon.judge.claims import decided_on, difference_within
from optathlon.spec import Claim, Context, Diverged, Method, Scale, Workload
from optathlon.suites.coresets.methods import train, warm_up
from optathlon.suites.coresets.problem import Classification, Make, Schedule, digits

if TYPE_CHECKING:
    from torch import nn

    from optathlon.baselines.coresets import TrainedModel


def wide_lenet(seed: int) -> nn.Module:
    """Return the small LeNet with four times its channels and features: about 15 times its parameters."""
    import torch
    from torch import nn

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = nn.Sequential(
            *(nn.Conv2d(1, 32, 3, padding=1), nn.MaxPool2d(2), nn.ReLU()),
            *(nn.Conv2d(32, 64, 3, padding=1), nn.MaxPool2d(2), nn.ReLU()),
            nn.Flatten(),
            *(nn.Linear(64 * 2 * 2, 128), nn.ReLU()),
            nn.Linear(128, 10),
        )
    return model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] (absent from torch's stubs)


def wide(make: Make) -> Make:
    """Return the generator of the same with the wide LeNet."""

    def make_wide(rng: np.random.Generator, device: str) -> Classification:
        return replace(make(rng, device), model=wide_lenet(int(rng.integers(2**31))).to(device))

    return make_wide


def _settings(problem: Classification, n_epochs: int) -> dict[str, Any]:
    return {"n_epochs": n_epochs, "batch_size": problem.schedule.batch_size, "learning_rate": problem.schedule.learning_rate}


def run_forgetting(problem: Classification, context: Context, *, n_epochs: int) -> TrainedModel:
    """Train the network on everything, and anew on what it forgot most often, in every class."""
    from optathlon.baselines.coresets import train_proxy

    def choose(_: nn.Module) -> Coreset:
        proxy = train_proxy(problem.model, problem.inputs, problem.labels, rng=context.seed, **_settings(problem, n_epochs))
        scores = np.minimum(proxy.forgetting, n_epochs)[:, None]  # never learnt counts as forgotten every time
        return per_class(lambda rows, k: hardest(el2n(rows), k), scores, problem.k, labels=_labels(problem))

    return train(problem, context, choose, reselect_every=problem.schedule.epochs)


def run_random_once(problem: Classification, context: Context) -> TrainedModel:
    """Random points, the same throughout: what a subset that is chosen once is to be held against."""
    chosen = random_subset(len(problem.labels), problem.k, rng=context.rng)
    return train(problem, context, lambda model: chosen, reselect_every=problem.schedule.epochs)


def run_proxy_grad_match(
    problem: Classification, context: Context, *, proxy: Literal["small", "own"], n_epochs: int, ridge: float, tol: float
) -> TrainedModel:
    """Match, once, the gradients of a small LeNet or of the network itself after some epochs on everything."""
    from optathlon.baselines.coresets import last_layer_gradients, small_lenet, train_proxy

    def choose(_: nn.Module) -> Coreset:
        start = problem.model if proxy == "own" else small_lenet(context.seed).to(problem.inputs.device)
        trained = train_proxy(start, problem.inputs, problem.labels, rng=context.seed, **_settings(problem, n_epochs))
        if trained.diverged_at is not None:
            raise Diverged(f"a weight of the proxy is no longer finite after epoch {trained.diverged_at}")
        gradients = last_layer_gradients(trained.model, problem.inputs, problem.labels)
        return per_class(partial(grad_match, ridge=ridge, tol=tol), gradients, problem.k, labels=_labels(problem))

    return train(problem, context, choose, reselect_every=problem.schedule.epochs)


def _labels(problem: Classification) -> np.ndarray:
    return problem.labels.cpu().numpy()


_DEVICES = ("cpu", "cuda")

PROXY_METHODS = (
    Method(
        name="forgetting",
        run=run_forgetting,
        settings={"n_epochs": 10},
        devices=_DEVICES,
        description="10 epochs on everything come first, inside the clock; chosen once",
        reference="not in the paper; Toneva et al. 2019, algorithm 1",
        warm_up=warm_up,
    ),
    *(
        Method(
            name=name,
            run=run_proxy_grad_match,
            settings={"proxy": proxy, "n_epochs": 5, "ridge": 0.5, "tol": 1e-3},
            devices=_DEVICES,
            description=f"by {what} after 5 epochs on everything, inside the clock; chosen once",
            reference="not in the paper; Coleman et al., Selection via proxy, 2020, with section 2.3",
            warm_up=warm_up,
        )
        for name, proxy, what in (
            ("proxy-grad-match", "small", "a small LeNet"),
            ("own-grad-match", "own", "the network itself"),
        )
    ),
    Method(
        name="random-once",
        run=run_random_once,
        devices=_DEVICES,
        description="chosen once",
        reference="not in the paper; section 3.1 (Random) renews them",
        warm_up=warm_up,
    ),
)

PROXIES = tuple(method.name for method in PROXY_METHODS)

PROXY_WORKLOADS = (
    Workload(
        name="digits-wide",
        make=wide(digits(1437, 360, Schedule(learning_rate=0.05, observe_every=10))),
        scale=Scale.MEDIUM,
        seeds=6,
        budget=60.0,
        target=0.2,
        data=("digits",),
        methods=("random", "grad-match", *PROXIES),
        description="1,437 digits of 8 x 8, a LeNet of 15 times the small one's parameters, 40 epochs at rate 0.05",
    ),
)

PROXY_CLAIMS = (
    *decided_on(
        "1,437 digits, wide LeNet, 40 epochs at rate 0.05, 5 epochs on everything before it, chosen once, 6 seeds, scale medium",
        Claim(
            id="proxy-selects-as-well",
            source="Coleman et al. 2020, section 4",
            statement="Gradients of a small network select for a larger one as well as its own: the test errors of GRAD-MATCH "
            "differ by at most 0.01",
            check=difference_within(
                "test-error", "proxy-grad-match", "own-grad-match", at_least=-0.01, at_most=0.01, workloads="digits-wide"
            ),
            scale=Scale.MEDIUM,
        ),
        Claim(
            id="proxy-selects-better-than-chance",
            source="Coleman et al. 2020, section 4",
            statement="Points chosen by a small network's gradients train a larger one better than random points",
            check=difference_within("test-error", "proxy-grad-match", "random-once", at_most=0.0, workloads="digits-wide"),
            scale=Scale.MEDIUM,
        ),
    ),
    *decided_on(
        "1,437 digits, 40 epochs at rate 0.05, 10 epochs on everything before it, chosen once, 6 seeds, scale medium",
        Claim(
            id="forgotten-fail-at-a-tenth",
            source="Toneva et al. 2019, section 5.3",
            statement="At a tenth of the data the points that were forgotten most often train a wide LeNet worse than random "
            "points",
            check=difference_within("test-error", "random-once", "forgetting", at_most=0.0, workloads="digits-wide"),
            scale=Scale.MEDIUM,
        ),
        Claim(
            id="forgotten-fail-under-noise",
            source="Toneva et al. 2019, section 5.1",
            statement="With a fifth of the labels wrong, the points that were forgotten most often train worse than random ones",
            check=difference_within("test-error", "random-once", "forgetting", at_most=0.0, workloads="digits-noisy"),
            scale=Scale.MEDIUM,
        ),
    ),
)
