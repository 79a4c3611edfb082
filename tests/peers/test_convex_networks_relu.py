"""The two-layer ReLU program side by side with its peers, in CPU seconds of one thread, in one run.

The instances have ten planted neurons, 10 % noise, sampled patterns and beta at a hundredth of the largest gradient. Ours is
``relu_program`` as a caller gets it: set-up, certificate and recovery are inside the clock, compilation is not.
"""

import time
import warnings
from statistics import median
from types import SimpleNamespace

import numpy as np
import pytest

from optathlon.baselines.convex_networks import relu_program, verify_certificate
from optathlon.baselines.convex_networks.relu_certificate import ReluProblem, network_objective, recover_network
from optathlon.baselines.convex_networks.relu_feasible import feasible_answer, new_certifier

SMALL, MIDDLE = (200, 10, 100), (500, 10, 200)
#: CPU seconds for a certified gap of 1e-6, and the optimal value found by another implementation.
SIZES = {
    SMALL: (0.05, 42.73635850),
    MIDDLE: (0.08, 243.14100506),
    (1000, 20, 100): (0.2, 575.41845892),
    (1000, 20, 300): (0.6, 399.47128234),
    (2000, 50, 1000): (5.0, 4184.716200),
}

pytestmark = pytest.mark.benchmark(timer=time.process_time)


def planted(n, d, P):
    """X, y, beta and patterns of an instance; also the directions that gave the patterns, for the peer that wants them."""
    rng = np.random.default_rng(0)
    X, W, a = rng.standard_normal((n, d)), rng.standard_normal((d, 10)), rng.standard_normal(10)
    f = np.maximum(X @ W, 0) @ a / np.sqrt(10)
    y = f + 0.1 * f.std() * rng.standard_normal(n)
    G = np.random.default_rng(1).standard_normal((d, P))
    D, first = np.unique(X @ G >= 0, axis=1, return_index=True)
    beta = 0.01 * np.linalg.norm(X.T @ (D * y[:, None]), axis=0).max()
    return X, y, float(beta), D.astype(float), G[:, first]


def cpu_seconds(call):
    started = time.process_time()
    result = call()
    return time.process_time() - started, result


def ours(instance, tol=1e-6, n_turns=7):
    """Median CPU seconds of ours to a certified gap, warm, and its result."""
    X, y, beta, D, _ = instance
    relu_program(X, y, beta, patterns=D)
    turns = [cpu_seconds(lambda: relu_program(X, y, beta, patterns=D, tol=tol)) for _ in range(n_turns)]
    assert turns[0][1].gap <= tol
    return median(seconds for seconds, _ in turns), turns[0][1]


def compare(benchmark, instance, peer, least_ratio, at_its_gap=False):
    """Run the peer once and ours beside it, and hold the ratio to its threshold.

    Ours goes to a certified gap of 1e-6, or to what the peer reached.
    """
    _, optimum = ours(instance, n_turns=1)
    seconds, theirs = cpu_seconds(lambda: benchmark.pedantic(peer, rounds=1))
    gap = theirs.objective / optimum.dual_bound - 1.0
    own, _ = ours(instance, tol=gap if at_its_gap else 1e-6)
    ratio = seconds / own
    benchmark.extra_info.update(ours_cpu_s=own, peer_cpu_s=seconds, ratio=ratio, peer_gap=gap)
    print(f"\nours {own:.4f} s, peer {seconds:.3f} s to {gap:.1e} above the optimum: {ratio:.0f} x")
    assert theirs.objective >= optimum.dual_bound
    assert ratio >= least_ratio


@pytest.mark.parametrize("size", SIZES)
def test_certified_seconds(benchmark, size):
    instance = planted(*size)
    X, y, beta, D, _ = instance
    limit, value = SIZES[size]
    relu_program(X, y, beta, patterns=D)
    seconds, result = ours(instance, n_turns=3 if size[2] == 1000 else 7)
    benchmark.pedantic(lambda: relu_program(X, y, beta, patterns=D), rounds=1)
    benchmark.extra_info.update(cpu_s=seconds, gap=result.gap)
    print(f"\n{size}: {seconds:.4f} s, gap {result.gap:.1e}")
    assert result.objective == pytest.approx(value, rel=1e-7)
    assert seconds <= limit
    if size[2] <= 200:
        check = verify_certificate(X, y, beta, D, result)
        assert check.gap <= 1e-6
        assert check.cone_violation <= 1e-13


@pytest.mark.parametrize(("size", "least_ratio"), [(SMALL, 20), (MIDDLE, 250)])
def test_clarabel(benchmark, size, least_ratio):
    instance = planted(*size)
    X, y, beta, D, _ = instance
    compare(benchmark, instance, lambda: relu_program(X, y, beta, patterns=D, solver="clarabel"), least_ratio)


@pytest.mark.parametrize(("size", "least_ratio"), [(SMALL, 30), (MIDDLE, 600)])
def test_scs(benchmark, size, least_ratio):
    # Its own tolerance is 1e-4, which lands some 1e-4 above the optimum: a tighter one only makes the ratio larger.
    instance = planted(*size)
    X, y, beta, D, _ = instance
    compare(benchmark, instance, lambda: relu_program(X, y, beta, patterns=D, solver="scs", tol=1e-3), least_ratio)


@pytest.mark.parametrize(("size", "least_ratio"), [(SMALL, 10), (MIDDLE, 25)])
def test_admm(benchmark, size, least_ratio):
    instance = planted(*size)
    X, y, beta, D, _ = instance
    compare(benchmark, instance, lambda: relu_program(X, y, beta, patterns=D, solver="admm", tol=1e-3), least_ratio)


@pytest.mark.parametrize(("size", "least_ratio"), [(SMALL, 30), (MIDDLE, 300)])
def test_pyscnn(benchmark, size, least_ratio):
    pytest.importorskip("scnn")
    instance = planted(*size)
    compare(benchmark, instance, lambda: pyscnn(*instance), least_ratio, at_its_gap=True)


def pyscnn(X, y, beta, D, G):
    """Augmented Lagrangian of pyscnn on the same program: its loss has 1/n, and the columns of X stay as they are."""
    from scnn.metrics import Metrics
    from scnn.models import ConvexReLU
    from scnn.optimize import optimize_model
    from scnn.regularizers import NeuronGL1
    from scnn.solvers import AL

    model = ConvexReLU(G)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model, _ = optimize_model(
            model,
            AL(model, tol=1e-4, constraint_tol=1e-4),
            Metrics(),
            X,
            y,
            regularizer=NeuronGL1(beta / len(X)),
            return_convex=True,
            unitize_data=False,
        )
    # Project its blocks on their cones; this is a thousandth of its time.
    positive, negative = (np.asarray(block, dtype=float)[0].T for block in model.parameters)
    patterns = X @ model.G >= 0
    problem = ReluProblem(X, y, beta, patterns.astype(float))
    v = y - (patterns * (X @ (positive - negative))).sum(axis=1)
    answer = feasible_answer(new_certifier(problem), np.hstack([positive, negative]), v, 0, "")
    network = recover_network(answer.blocks, answer.sign)
    return SimpleNamespace(objective=network_objective(X, y, beta, *network))
