"""The relaxations side by side with cvxpy, SCS and Clarabel, and against their own limits: CPU seconds of one thread, in one run.

``python -m pytest tests/peers/test_quantized_networks_sdp.py --benchmark-enable`` with one BLAS thread.
"""

import time
from statistics import median

import numpy as np
import pytest

from optathlon.baselines.quantized_networks import exact_optimum, sdp_bound

cp = pytest.importorskip("cvxpy")

pytestmark = pytest.mark.benchmark(timer=time.process_time)


@pytest.fixture(autouse=True, scope="module")
def _one_blas_thread():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    with threadpoolctl.threadpool_limits(1):
        for kind in ("noise", "hinge"):
            proved(*planted(60, 5, 0, kind))  # compilation
        yield


def planted(n, d, seed, kind):
    """Ten planted sign neurons with noise, beta a tenth of where the first neuron pays, or exactly with beta 1e-4."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    rng.standard_normal((n, d))  # the test samples
    U, V = rng.choice([-1.0, 1.0], (d, 10)), rng.choice([-1.0, 1.0], (d, 10))
    f = ((X @ U) * (X @ V)) @ np.abs(rng.standard_normal(10))
    if kind == "paper":
        return X, f, 1e-4, "squared"
    y = f / f.std() + 0.5 * rng.standard_normal(n)
    if kind == "hinge":
        y = np.where(y >= 0, 1.0, -1.0)
    v = 2 * y if kind == "noise" else y
    return X, y, 0.2 * np.linalg.norm(X.T @ (v[:, None] * X), 2), "hinge" if kind == "hinge" else "squared"


def proved(X, y, beta, loss, form="bilinear"):
    """Solve to a proved gap of 1e-6; return CPU seconds and the answer."""
    started = time.process_time()
    answer = sdp_bound(X, y, beta=beta, loss=loss, form=form)
    seconds = time.process_time() - started
    assert answer.converged
    assert answer.gap <= 1e-6
    return seconds, answer


def by_cvxpy(X, y, beta, loss, **options):
    """What a user of cvxpy would write for (22) with 2 beta d rho; CPU seconds and optimal value."""
    n, d = X.shape
    started = time.process_time()
    Q, rho, yhat = cp.Variable((2 * d, 2 * d), PSD=True), cp.Variable(), cp.Variable(n)
    cost = cp.sum_squares(yhat - y) if loss == "squared" else cp.sum(cp.pos(1 - cp.multiply(y, yhat)))
    fit = yhat == 2 * cp.sum(cp.multiply(X @ Q[:d, d:], X), axis=1)
    problem = cp.Problem(cp.Minimize(cost + 2 * beta * d * rho), [fit, cp.diag(Q) == rho])
    problem.solve(**options)
    return time.process_time() - started, problem.value


LIMITS = [
    *((kind, 100, d, limit) for kind in ("paper", "noise", "hinge") for d, limit in ((20, 0.04), (40, 0.08), (80, 0.2))),
    *(("noise", 1000, d, limit) for d, limit in ((20, 0.1), (40, 0.6), (80, 1.5))),
    *(("hinge", 1000, d, limit) for d, limit in ((20, 0.5), (40, 1.3), (80, 2.5))),
    *(("noise", 5000, d, limit) for d, limit in ((20, 0.15), (40, 0.7), (80, 5.0))),
    *(("paper", 5000, d, limit) for d, limit in ((20, 0.15), (40, 0.7))),  # exact fits: d = 80 takes 11 s
    *(("hinge", 5000, d, limit) for d, limit in ((20, 1.0), (40, 3.0), (80, 15.0))),
]


@pytest.mark.parametrize(("kind", "n", "d", "limit"), LIMITS)
def test_seconds_to_a_proved_gap(benchmark, kind, n, d, limit):
    problems = [planted(n, d, 10 + seed, kind) for seed in range(3)]
    seconds = [proved(*problem)[0] for problem in problems]
    benchmark.extra_info.update(n=n, d=d, kind=kind, limit=limit, median=median(seconds), worst=max(seconds))
    benchmark.pedantic(proved, args=problems[0], rounds=1)
    assert median(seconds) <= limit


@pytest.mark.parametrize(("kind", "n", "d"), [("noise", 1000, 40), ("hinge", 1000, 20), ("noise", 300, 80)])
def test_quadratic_networks_are_proved_too(benchmark, kind, n, d):
    problem = planted(n, d, 3, kind)
    seconds, _ = proved(*problem, form="quadratic")
    benchmark.extra_info.update(n=n, d=d, kind=kind, seconds=seconds)
    benchmark.pedantic(proved, args=(*problem, "quadratic"), rounds=1)


RATIOS = [
    ("noise", 100, 20, "SCS", 3),
    ("noise", 100, 40, "SCS", 5),
    ("noise", 1000, 80, "SCS", 12),
    ("hinge", 1000, 20, "SCS", 12),
    ("hinge", 5000, 20, "SCS", 30),
    ("noise", 100, 20, "CLARABEL", 8),
    ("noise", 100, 40, "CLARABEL", 25),
]


@pytest.mark.parametrize(("kind", "n", "d", "solver", "least_ratio"), RATIOS)
def test_ratio_to_cvxpy(benchmark, kind, n, d, solver, least_ratio):
    problem = planted(n, d, 1, kind)
    options = {"solver": solver, "eps": 1e-4} if solver == "SCS" else {"solver": solver}
    ours = [proved(*problem)[0] for _ in range(3)]
    theirs, value = by_cvxpy(*problem, **options)
    ours += [proved(*problem)[0] for _ in range(3)]
    ratio = theirs / median(ours)
    benchmark.extra_info.update(n=n, d=d, kind=kind, solver=solver, peer_seconds=theirs, seconds=median(ours), ratio=ratio)
    benchmark.pedantic(proved, args=problem, rounds=1)
    assert value == pytest.approx(proved(*problem)[1].objective, rel=1e-2 if solver == "SCS" else 1e-6)
    assert ratio >= least_ratio


def test_the_papers_exact_optimum(benchmark):
    X, y, beta, loss = planted(100, 20, 0, "paper")
    started = time.process_time()
    found = exact_optimum(X, y, beta=beta, loss=loss)
    seconds = time.process_time() - started
    benchmark.extra_info.update(seconds=seconds, objective=found.objective)
    benchmark.pedantic(lambda: None, rounds=1)
    assert found.objective == pytest.approx(0.01174593, abs=1e-7)
    assert seconds <= 30


def test_distance_to_the_limit(benchmark):
    """Flops of the Newton steps at 1000 x 80 against a matrix product's rate in the same run."""
    n, d = 1000, 80
    problem = planted(n, d, 1, "noise")
    A = np.random.default_rng(0).standard_normal((1000, 1000))
    rates = []
    for _ in range(5):
        started = time.process_time()
        A @ A
        rates.append(2e9 / (time.process_time() - started))
    seconds, answer = proved(*problem)
    flops = answer.n_steps * (4 * n * n * d + n**3 / 3)
    share = flops / seconds / median(rates)
    benchmark.extra_info.update(gemm_gflops=median(rates) / 1e9, gflop=flops / 1e9, seconds=seconds, share=share)
    benchmark.pedantic(proved, args=problem, rounds=1)
    assert share >= 0.1
