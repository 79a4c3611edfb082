"""The ternary projection beside sorts of numpy and torch, brevitas's quantiser, and the recurrence, CPU seconds, in one run.

``python -m pytest tests/peers/test_quantized_training_projection.py --benchmark-enable`` with one thread.
"""

import math
import time

import numpy as np
import pytest
import torch

from optathlon.baselines.quantized_training import project_ternary, quant_recurrence, time_shares

N = 1_000_000


def by_numpy(y):
    magnitudes = np.sort(np.abs(y))[::-1]
    sums = np.cumsum(magnitudes, dtype=np.float64)
    best = int(np.argmax(sums * sums / np.arange(1, len(y) + 1)))
    scale = y.dtype.type(sums[best] / (best + 1))
    return np.where(np.abs(y) >= magnitudes[best], np.copysign(scale, y), y.dtype.type(0))


def by_torch(y):
    magnitudes = y.abs().sort(descending=True).values
    sums = magnitudes.double().cumsum(0)
    best = (sums.square() / torch.arange(1, len(y) + 1)).argmax()
    return torch.where(y.abs() >= magnitudes[best], y.sign() * (sums[best] / (best + 1)).float(), 0.0)


def cpu_seconds(work, rounds=7):
    """Least over the rounds, after one call to warm up: what a busy machine adds is not the work's."""
    work()
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return float(min(times))


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    torch.set_num_threads(1)


@pytest.mark.benchmark(timer=time.process_time, group="projection")
@pytest.mark.parametrize("kind", ["normal", "laplace", "cauchy"])
def test_a_million_numbers_against_sorts(benchmark, kind):
    rng = np.random.default_rng(0)
    y = {"normal": rng.standard_normal, "laplace": lambda n: rng.laplace(size=n), "cauchy": rng.standard_cauchy}[kind](N)
    y = y.astype(np.float32)
    tensor = torch.from_numpy(y)
    benchmark.pedantic(lambda: project_ternary(y), rounds=7, warmup_rounds=1)
    ours, numpy_, torch_ = (
        cpu_seconds(work) for work in (lambda: project_ternary(y), lambda: by_numpy(y), lambda: by_torch(tensor))
    )
    benchmark.extra_info.update(cpu_seconds=ours, numpy_seconds=numpy_, torch_seconds=torch_, ratio=numpy_ / ours)
    np.testing.assert_allclose(project_ternary(y), by_numpy(y), rtol=1e-6)
    if kind == "normal":
        assert ours <= 8e-3
    # Where numpy sorts by AVX-512, 7.5 to 13 were measured on normal numbers and 6 to 9 on the others; more where it does not.
    assert numpy_ / ours >= (7 if kind == "normal" else 5)
    assert torch_ / ours >= 15


@pytest.mark.benchmark(timer=time.process_time, group="projection")
def test_a_million_numbers_against_brevitas(benchmark):
    """Brevitas rounds at a scale that is given; ours finds the best one besides, in no more time."""
    pytest.importorskip("brevitas")
    from brevitas.core.quant import TernaryQuant
    from brevitas.core.scaling import ConstScaling

    y = np.random.default_rng(0).standard_normal(N).astype(np.float32)
    tensor, quantizer = torch.from_numpy(y), TernaryQuant(ConstScaling(1.2), threshold=0.5)
    benchmark.pedantic(lambda: project_ternary(y), rounds=7, warmup_rounds=1)
    ours, theirs = cpu_seconds(lambda: project_ternary(y)), cpu_seconds(lambda: quantizer(tensor))
    benchmark.extra_info.update(cpu_seconds=ours, peer_cpu_seconds=theirs, ratio=theirs / ours)
    assert theirs / ours >= 1.0


@pytest.mark.benchmark(timer=time.process_time, group="recurrence")
def test_sixteen_million_steps(benchmark):
    w_star, start = np.random.default_rng(0).standard_normal((2, 800, 8))

    def run():
        return quant_recurrence(w_star, start, weights="ternary", n_steps=20_000, eta=2 * math.sqrt(2 * math.pi))

    found = benchmark.pedantic(run, rounds=1, warmup_rounds=1)
    cpu = cpu_seconds(run, rounds=2)
    benchmark.extra_info.update(cpu_seconds=cpu)
    assert np.abs(found.cone_shares - time_shares(w_star)).max() <= 3e-3
    assert cpu <= 2.0
