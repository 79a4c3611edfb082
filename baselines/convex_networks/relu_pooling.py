"""The convex program over the patterns of trained networks: a certified step below all of them.

Gaussian-sampled patterns miss the narrow cones in which good neurons lie, so that the program over them can end far
above plain descent. The patterns of a few networks trained by descent are few and good, and each network is a
feasible point of the program over them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from optathlon.baselines.convex_networks import _checks
from optathlon.baselines.convex_networks.arrangements import pool_patterns
from optathlon.baselines.convex_networks.relu_patterns import first_layer
from optathlon.baselines.convex_networks.relu_program import ReluProgramResult, relu_program


def pooled_program(
    X: ArrayLike,
    y: ArrayLike,
    beta: float,
    *,
    first_layers: Sequence[ArrayLike] | None = None,
    n_networks: int = 5,
    n_neurons: int = 50,
    n_steps: int = 500,
    rng: int | np.random.Generator | None = None,
    solver: str = "ssnal",
    tol: float = 1e-7,
) -> ReluProgramResult:
    """Solve the two-layer ReLU program over the pooled patterns of several trained networks.

    Minimises ``1/2 |(X W1)_+ w2 - y|^2 + beta/2 (|W1|_F^2 + |w2|^2)`` over the networks whose neurons have one of the pooled
    patterns. All the pooled networks are among them: the result is below each, up to its own gap.

    Parameters
    ----------
    X, y
        Data, (n_samples, n_features) and (n_samples,).
    beta
        Weight decay, greater than 0.
    first_layers
        First layers W1, (n_features, n_neurons), of networks trained elsewhere; None trains ``n_networks`` here.
    n_networks, n_neurons, n_steps
        How many networks of how many neurons L-BFGS trains, and for how many iterations each.
    rng
        Source of their starting points; None means a fresh one.
    solver, tol
        As in :func:`relu_program`.

    Returns
    -------
    ReluProgramResult
        The network; ``pattern_index`` counts the columns of ``pool_patterns(X, first_layers)``.
    """
    X = _checks.samples(X)
    y = _checks.labels(y, X.shape[0])
    beta = _checks.positive(beta, "beta")
    if first_layers is None:
        rng = _checks.generator(rng)
        n_networks = _checks.positive_integer(n_networks, "n_networks")
        n_neurons = _checks.positive_integer(n_neurons, "n_neurons")
        n_steps = _checks.positive_integer(n_steps, "n_steps")
        first_layers = [first_layer(X, y, beta, n_neurons, n_steps, rng) for _ in range(n_networks)]
    return relu_program(X, y, beta, patterns=pool_patterns(X, first_layers), solver=solver, tol=tol)
