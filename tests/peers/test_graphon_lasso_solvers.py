"""The graphical lasso on Laplacians beside its rivals, CPU seconds of one core, in one run.

gglasso's solver is of the ordinary graphical lasso, and so is scikit-learn's: they estimate another matrix from the same data,
so seconds and errors are both recorded.
"""

import time

import numpy as np
import pytest

from optathlon.baselines.graphon_lasso import (
    certify,
    graphon_lasso,
    graphon_spectrum,
    laplacian,
    mean_of_squares,
    sample_graph,
    sample_signals,
)


@pytest.fixture(autouse=True, scope="module")
def _one_blas_thread():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    with threadpoolctl.threadpool_limits(1):
        yield


def timed(work, rounds=1):
    """Return the answer and the least CPU seconds."""
    seconds, answer = [], None
    for _ in range(rounds):
        start = time.process_time()
        answer = work()
        seconds.append(time.process_time() - start)
    return answer, min(seconds)


def instance(p, n, seed=3):
    rng = np.random.default_rng(seed)
    w = sample_graph(mean_of_squares(), p, rng).w
    X = sample_signals(w, n, rng)
    return X.T @ X / n, w


def error(precision, w):
    return float(np.linalg.norm(precision - laplacian(w)) / np.linalg.norm(laplacian(w)))


@pytest.mark.benchmark(timer=time.process_time)
@pytest.mark.parametrize("samples", [0.5, 2.0], ids=["half", "twice"])
@pytest.mark.parametrize(("p", "limit"), [(30, 0.03), (100, 0.2), (200, 1.0), (500, 12.0)])
def test_certified_to_1e_6(benchmark, p, limit, samples):
    S, _ = instance(p, int(samples * p))
    rounds = 1 if p == 500 else 5
    result = benchmark.pedantic(lambda: graphon_lasso(S), rounds=rounds, warmup_rounds=int(p < 500))
    _, ours = timed(lambda: graphon_lasso(S), rounds)
    benchmark.extra_info.update(cpu_seconds=ours, gap=result.gap, n_eigh=result.n_eigh)
    assert result.gap <= 1e-6
    assert ours <= limit


@pytest.mark.benchmark(timer=time.process_time)
@pytest.mark.parametrize("p", [30, 100, 200])
def test_half_again_as_fast_as_l_bfgs_to_an_equal_certified_gap(benchmark, p):
    ours = theirs = 0.0
    for seed in range(4):
        S, _ = instance(p, 2 * p, seed)
        mine, seconds = timed(lambda S=S: graphon_lasso(S), 2)
        other, peer = timed(lambda S=S: graphon_lasso(S, solver="lbfgs"), 2)
        assert mine.converged
        assert other.converged
        ours, theirs = ours + seconds, theirs + peer
    benchmark.pedantic(lambda: graphon_lasso(S), rounds=3)
    benchmark.extra_info.update(cpu_seconds=ours / 4, peer_cpu_seconds=theirs / 4, ratio=theirs / ours)
    assert theirs / ours >= 1.5


@pytest.mark.benchmark(timer=time.process_time)
def test_a_hundred_times_as_fast_as_block_mm_at_an_equal_objective(benchmark):
    S, _ = instance(30, 60)
    result, ours = timed(lambda: graphon_lasso(S), 5)
    benchmark.pedantic(lambda: graphon_lasso(S), rounds=5)
    # The published method gets 120 times our seconds, and must not have come as low.
    sweeps = 1000
    _, per_thousand = timed(lambda: graphon_lasso(S, solver="block-mm", max_steps=sweeps, tol=1e-300))
    sweeps = int(120 * ours / per_thousand * sweeps)
    mm, theirs = timed(lambda: graphon_lasso(S, solver="block-mm", max_steps=sweeps, tol=1e-300))
    benchmark.extra_info.update(
        cpu_seconds=ours, peer_cpu_seconds=theirs, ratio=theirs / ours, sweeps=sweeps, excess=mm.objective - result.objective
    )
    assert theirs / ours >= 100
    assert mm.objective > result.objective + 0.1


@pytest.mark.benchmark(timer=time.process_time)
@pytest.mark.parametrize("gamma", [0.1, 1.0])
def test_with_a_prior_certified_at_a_hundred_nodes_faster_than_l_bfgs(benchmark, gamma):
    S, _ = instance(100, 200)
    mu = graphon_spectrum(mean_of_squares(), 100)
    result, ours = timed(lambda: graphon_lasso(S, mu, gamma=gamma))
    benchmark.pedantic(lambda: graphon_lasso(S, mu, gamma=gamma), rounds=1)
    other, theirs = timed(lambda: graphon_lasso(S, mu, gamma=gamma, solver="lbfgs", certify=False))
    benchmark.extra_info.update(
        cpu_seconds=ours,
        peer_cpu_seconds=theirs,
        ratio=theirs / ours,
        gap=result.gap,
        difference=other.objective - result.objective,
    )
    assert result.gap <= 1e-4
    assert result.objective <= other.objective + 1e-3 * abs(other.objective)
    assert theirs / ours >= 1.0  # ours with the certificate, theirs without


@pytest.mark.benchmark(timer=time.process_time)
def test_two_hundred_nodes_with_a_strong_prior(benchmark):
    S, _ = instance(200, 400)
    mu = graphon_spectrum(mean_of_squares(), 200)
    result, ours = timed(lambda: graphon_lasso(S, mu, gamma=1.0))
    benchmark.pedantic(lambda: graphon_lasso(S, mu, gamma=1.0), rounds=1)
    benchmark.extra_info.update(cpu_seconds=ours, gap=result.gap, n_eigh=result.n_eigh)
    assert result.gap <= 1e-4
    assert ours <= 8.0


@pytest.mark.benchmark(timer=time.process_time)
@pytest.mark.parametrize("n", [60, 1000])
def test_beside_scikit_learn(benchmark, n):
    from sklearn.covariance import graphical_lasso

    S, w = instance(30, n)
    result, ours = timed(lambda: graphon_lasso(S), 3)
    benchmark.pedantic(lambda: graphon_lasso(S), rounds=3)
    alpha = 0.03 if n == 60 else 0.003
    (_, precision), theirs = timed(lambda: graphical_lasso(S + 1 / 30, alpha), 3)
    peer_error = error(precision - 1 / 30, w)
    benchmark.extra_info.update(
        cpu_seconds=ours, peer_cpu_seconds=theirs, error=error(result.precision, w), peer_error=peer_error
    )
    assert result.converged
    assert certify(S, None, result.w).bound <= result.objective
    assert error(result.precision, w) <= peer_error + 0.2


@pytest.mark.benchmark(timer=time.process_time)
@pytest.mark.parametrize("p", [100, 200])
def test_beside_gglasso(benchmark, p):
    solver = pytest.importorskip("gglasso.solver.single_admm_solver")
    S, w = instance(p, 10 * p)
    result, ours = timed(lambda: graphon_lasso(S), 2)
    benchmark.pedantic(lambda: graphon_lasso(S), rounds=2)
    (solution, _), theirs = timed(
        lambda: solver.ADMM_SGL(S + 1 / p, 0.003, np.eye(p), tol=1e-7, rtol=1e-6, max_iter=2000, verbose=False)
    )
    peer_error = error(solution["Theta"] - 1 / p, w)
    benchmark.extra_info.update(
        cpu_seconds=ours, peer_cpu_seconds=theirs, ratio=theirs / ours, error=error(result.precision, w), peer_error=peer_error
    )
    assert result.converged
    assert error(result.precision, w) <= peer_error + 0.05
    assert theirs / ours >= 2.0
