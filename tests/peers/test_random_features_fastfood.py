"""Fastfood beside the dense product and scikit-learn's sampler, CPU seconds of one core, in one run.

``python -m pytest tests/peers/test_random_features_fastfood.py --benchmark-enable`` with one BLAS thread.
"""

import time

import numpy as np
import pytest
from sklearn.kernel_approximation import RBFSampler

from optathlon.baselines.random_features import Fastfood, fast_walsh_hadamard

N, D = 500, 16384
ROUNDS = 9


@pytest.fixture(autouse=True, scope="module")
def _one_blas_thread():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    with threadpoolctl.threadpool_limits(1):
        yield


def cpu_seconds(work):
    """Median over the rounds, after one call to warm up."""
    work()
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return float(np.median(times))


def compare(benchmark, ours, peer):
    """Benchmark ours, and return how many times more CPU the peer takes."""
    theirs = cpu_seconds(peer)
    benchmark.pedantic(ours, rounds=ROUNDS, warmup_rounds=1)
    seconds = cpu_seconds(ours)
    benchmark.extra_info.update(cpu_seconds=seconds, peer_cpu_seconds=theirs, ratio=theirs / seconds)
    return seconds, theirs / seconds


@pytest.mark.benchmark(timer=time.process_time, group="projection")
@pytest.mark.parametrize(("d", "times_faster"), [(64, 1.0), (256, 2.0), (1024, 8.0), (4096, 25.0)])
def test_projection_against_the_dense_product(benchmark, d, times_faster):
    rng = np.random.default_rng(0)
    X, W = rng.standard_normal((N, d), np.float32), rng.standard_normal((d, D), np.float32)
    fitted = Fastfood(D, gamma=1 / d, random_state=0).fit(X)
    parameters = sum(array.nbytes for array in vars(fitted).values() if isinstance(array, np.ndarray))
    seconds, ratio = compare(benchmark, lambda: fitted.project(X), lambda: X @ W)
    benchmark.extra_info.update(parameter_bytes=parameters, dense_bytes=W.nbytes)
    assert ratio >= times_faster
    assert seconds <= 0.03
    assert parameters <= 2**20


@pytest.mark.benchmark(timer=time.process_time, group="transform")
def test_transform_against_scikit_learn(benchmark):
    X = np.random.default_rng(0).standard_normal((N, 1024), np.float32)
    fitted = Fastfood(D, gamma=1e-3, random_state=0).fit(X)
    sampler = RBFSampler(n_components=D, gamma=1e-3, random_state=0).fit(X)
    assert fitted.transform(X).dtype == np.float32
    seconds, ratio = compare(benchmark, lambda: fitted.transform(X), lambda: sampler.transform(X))
    assert ratio >= 7.0
    assert seconds <= 0.05


@pytest.mark.benchmark(timer=time.process_time, group="hadamard")
@pytest.mark.parametrize("d", [64, 1024, 4096])
def test_hadamard_against_butterflies_on_columns(benchmark, d):
    """The fastest layout for numpy: the transformed index first, so that each stage adds long contiguous rows."""
    X = np.random.default_rng(0).standard_normal((2**21 // d, d), np.float32)
    columns = np.ascontiguousarray(X.T)

    def butterflies():
        Y = columns
        half = 1
        while half < d:
            pairs = Y.reshape(d // (2 * half), 2, half, -1)
            Y = np.stack([pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]], axis=1)
            half *= 2
        return Y.reshape(d, -1)

    np.testing.assert_allclose(fast_walsh_hadamard(X), butterflies().T, atol=1e-2)
    _, ratio = compare(benchmark, lambda: fast_walsh_hadamard(X), butterflies)
    assert ratio >= 1.0
