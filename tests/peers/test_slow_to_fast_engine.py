"""Descent on a plane by arcs beside the batched numpy loop, CPU seconds of one core, in one run.

``python -m pytest tests/peers/test_slow_to_fast_engine.py --benchmark-enable`` with one BLAS thread.
"""

import time

import numpy as np
import pytest

from optathlon.baselines.slow_to_fast import half_space_start, plane_grid, random_start, train_on_plane


def batched(W, n_positive, eta=0.1, max_steps=20_000):
    """Return each run's steps: all runs at once, those without loss retired, as one writes it in numpy."""
    X = plane_grid()
    W, signs = W.copy(), np.where(np.arange(W.shape[1]) < n_positive, 1.0, -1.0)
    steps, alive = np.zeros(len(W), int), np.arange(len(W))
    for step in range(max_steps + 1):
        hidden = W[alive] @ X.T
        pull = np.einsum("j,rjn->rn", signs, np.maximum(hidden, 0)) < 1
        done = ~pull.any(axis=1)
        steps[alive[done]] = step
        alive, hidden, pull = alive[~done], hidden[~done], pull[~done]
        if not len(alive):
            return steps
        W[alive] += eta / len(X) * signs[:, None] * (((hidden > 0) & pull[:, None]).astype(float) @ X)
    raise AssertionError


def seconds(work):
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


@pytest.mark.benchmark(timer=time.process_time)
@pytest.mark.parametrize(("n_neurons", "start"), [(8, random_start), (24, random_start), (24, half_space_start)])
def test_a_cell_against_batched_numpy(benchmark, n_neurons, start):
    starts = start(n_neurons, 100, rng=0)
    theirs, their_seconds = seconds(lambda: batched(starts, n_neurons // 2))
    ours = benchmark.pedantic(lambda: train_on_plane(starts), rounds=5, warmup_rounds=1)
    our_seconds = float(np.median([seconds(lambda: train_on_plane(starts))[1] for _ in range(5)]))
    benchmark.extra_info.update(cpu_seconds=our_seconds, peer_cpu_seconds=their_seconds, ratio=their_seconds / our_seconds)
    assert np.array_equal(ours.steps, theirs)
    assert their_seconds / our_seconds >= 30


@pytest.mark.benchmark(timer=time.process_time)
def test_the_whole_table(benchmark):
    starts = [start(width, 100, rng=width) for width in range(6, 25, 2) for start in (random_start, half_space_start)]

    def table():
        return [train_on_plane(cell) for cell in starts]

    cells = benchmark.pedantic(table, rounds=3, warmup_rounds=1)
    cpu = min(seconds(table)[1] for _ in range(3))
    benchmark.extra_info.update(cpu_seconds=cpu, steps=int(sum(cell.steps.sum() for cell in cells)))
    assert all(cell.converged.all() for cell in cells)
    assert cpu <= 1.0
