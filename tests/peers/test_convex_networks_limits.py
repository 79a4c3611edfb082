"""How far ``ssnal`` is from the machine's limit: its arithmetic at the speed of a large matrix product.

The counts are those of the algorithm (a multiplication and an addition are two operations), taken by wrapping its parts:
gradients, row scans and faces of the projections, Newton matrices, their factors, outputs, prices. Pivots of projections beyond
the last face, memory traffic and Python are what the distance is made of.
"""

import time
from collections import defaultdict
from collections.abc import Callable

import numpy as np
import pytest

from optathlon.baselines.convex_networks import relu_program, ssnal
from optathlon.baselines.convex_networks.relu_newton import NewtonMatrix

pytestmark = pytest.mark.benchmark(timer=time.process_time)
SIZES = [(200, 10, 100), (500, 10, 200), (1000, 20, 100), (1000, 20, 300), (2000, 50, 1000)]


@pytest.fixture
def counted(monkeypatch):
    """Operations and CPU seconds by part of the algorithm."""
    operations, seconds, steps = defaultdict(float), defaultdict(float), defaultdict(int)

    def wrap(name: str, count: Callable[..., float], place: object = ssnal) -> None:
        original = getattr(place, name)

        def call(*arguments):
            started = time.process_time()
            answer = original(*arguments)
            seconds[name] += time.process_time() - started
            operations[name] += count(arguments, answer)
            steps[name] += 1
            return answer

        monkeypatch.setattr(place, name, call)

    def projections(arguments, _):
        Z, threshold, which, cones, states, _, lengths = arguments
        scans = 2.0 * np.count_nonzero(lengths > threshold) * cones.rows.size
        return scans + 4.0 * Z.shape[1] * states.n_active[which].sum()

    def rows(arguments, _):
        matrix = arguments[0]  # all its rows, though those whose face stays are kept
        return matrix.n_rows * (2.0 * matrix.columns.size + matrix.n_rows * matrix.columns.shape[1])

    wrap("_evaluate", lambda a, _: 2.0 * len(a[2].D) * a[0].X.size)
    wrap("project_columns", projections)
    wrap("move_to", rows, NewtonMatrix)
    wrap("solve", lambda a, _: a[0].n_rows ** 3 / 3.0 + 4.0 * a[0].n_rows * len(a[3]), NewtonMatrix)
    wrap("_outputs", lambda a, _: 2.0 * np.count_nonzero(a[2].any(axis=1)) * a[0].X.size)
    wrap("_price", lambda a, _: 2.0 * len(a[0].D) * a[0].X.size + 4.0 * a[0].X.shape[1] * a[1].n_active.sum())
    return operations, seconds, steps


def matrix_product_speed(n=1200):
    """Operations per CPU second of a large matrix product; the best of a few."""
    A, seconds = np.ones((n, n)), []
    for _ in range(4):
        started = time.process_time()
        A @ A
        seconds.append(time.process_time() - started)
    return 2.0 * n**3 / min(seconds)


@pytest.mark.parametrize("size", SIZES)
def test_distance_to_the_arithmetic(benchmark, counted, size):
    n, d, P = size
    rng = np.random.default_rng(0)
    X, W, a = rng.standard_normal((n, d)), rng.standard_normal((d, 10)), rng.standard_normal(10)
    f = np.maximum(X @ W, 0) @ a / np.sqrt(10)
    y = f + 0.1 * f.std() * rng.standard_normal(n)
    D = np.unique(X @ np.random.default_rng(1).standard_normal((d, P)) >= 0, axis=1)
    beta = 0.01 * np.linalg.norm(X.T @ (D * y[:, None]), axis=0).max()

    relu_program(X, y, beta, patterns=D)
    operations, seconds, steps = counted
    for part in (operations, seconds, steps):
        part.clear()
    started = time.process_time()
    result = benchmark.pedantic(lambda: relu_program(X, y, beta, patterns=D), rounds=1)
    total = time.process_time() - started

    speed = matrix_product_speed()
    floor = sum(operations.values()) / speed
    seconds["_evaluate"] -= seconds["project_columns"]
    benchmark.extra_info.update(
        mega_operations=sum(operations.values()) / 1e6, cpu_s=total, floor_s=floor, distance=total / floor
    )
    print(
        f"\n{size}: {sum(operations.values()) / 1e6:.0f} M operations, floor {1e3 * floor:.1f} ms at {speed / 1e9:.0f} G/s, "
        f"measured {1e3 * total:.1f} ms, {total / floor:.0f} x; {result.n_steps} outer steps, "
        f"{steps['move_to']} Newton matrices, {steps['_evaluate']} evaluations; ms: "
        + ", ".join(f"{k} {1e3 * v:.1f}" for k, v in seconds.items())
    )
    assert result.converged
    assert total <= 50 * floor
