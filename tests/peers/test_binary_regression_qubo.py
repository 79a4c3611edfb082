"""Least squares over signs is a QUBO: ours against what people who solve those would take, at equal CPU seconds.

X is 2n x n with entries N(0, 1/n), y = Xw + e, e of standard deviation 1: beyond the noise that relaxations round away. A
solver is called with one seed after another until the seconds are spent; a call that has begun is let to its end. Theirs get the
couplings ready made; ours start from X and y. One thread each.
"""

import time
from functools import partial

import numpy as np
import pytest

from optathlon.baselines.binary_regression import annealing, box_relaxation, exact, flip_descent, message_passing, tabu_search

samplers = pytest.importorskip("dwave.samplers")
bifurcation = pytest.importorskip("simulated_bifurcation")
openjij = pytest.importorskip("openjij")
torch = pytest.importorskip("torch")

pytestmark = pytest.mark.benchmark(timer=time.process_time)


def instance(n, seed, sigma=1.0):
    rng = np.random.default_rng(seed)
    X, w = rng.standard_normal((2 * n, n)) / np.sqrt(n), rng.choice([-1.0, 1.0], n)
    return X, X @ w + sigma * rng.standard_normal(2 * n)


def objective(X, y, w):
    return float(np.sum((X @ w - y) ** 2))


def couplings(X, y):
    """Fields and couplings of the spins, whose energy is |Xw - y|^2 less a constant."""
    gram = X.T @ X
    fields = dict(enumerate((-2 * X.T @ y).tolist()))
    pairs = {(i, j): float(2 * gram[i, j]) for i in range(len(gram)) for j in range(i)}
    return fields, pairs


def spins(answer):
    sample = answer.first.sample
    return np.array([sample[i] for i in range(len(sample))], dtype=float)


def theirs(X, y, seconds):
    fields, pairs = couplings(X, y)
    matrix, vector = torch.tensor(X.T @ X, dtype=torch.float32), torch.tensor(-2 * X.T @ y, dtype=torch.float32)
    anneal = {"num_reads": 1, "num_sweeps": 200}

    def bifurcate(seed):
        torch.manual_seed(seed)
        options = {"domain": "spin", "agents": 32, "max_steps": 2000, "verbose": False, "dtype": torch.float32}
        return flip_descent(X, y, bifurcation.minimize(matrix, vector, 0.0, **options)[0].numpy().astype(float)).w

    def tabu(seed):  # its clock is the wall's, which no other call shares here
        sampler = samplers.TabuSampler()
        return spins(sampler.sample_ising(fields, pairs, num_reads=1, timeout=int(1000 * seconds / 4), seed=seed))

    return {
        "dwave tabu": tabu,
        "dwave annealing": lambda seed: spins(
            samplers.SimulatedAnnealingSampler().sample_ising(fields, pairs, **anneal, seed=seed)
        ),
        "openjij annealing": lambda seed: spins(openjij.SASampler().sample_ising(fields, pairs, **anneal, seed=seed)),
        "openjij quantum annealing": lambda seed: spins(openjij.SQASampler().sample_ising(fields, pairs, **anneal, seed=seed)),
        "simulated bifurcation, flips": bifurcate,
    }


def ours(X, y):
    return {
        "tabu": lambda seed: tabu_search(X, y, n_rounds=20, rng=seed).w,
        "annealing": lambda seed: annealing(X, y, n_sweeps=50, rng=seed).w,
        "box, flips": lambda seed: flip_descent(X, y, box_relaxation(X, y).w).w,
        "message passing, flips": lambda seed: flip_descent(X, y, message_passing(X, y).w).w,
    }


def best_within(seconds, solve, value):
    """The lowest value of the answers that begin within the seconds, and the seconds that they took."""
    started, least, seed = time.process_time(), np.inf, 0
    while seed == 0 or time.process_time() - started < seconds:
        least, seed = min(least, value(solve(seed))), seed + 1
    return least, time.process_time() - started


@pytest.mark.parametrize(("n", "seconds"), [(30, 0.05), (200, 0.2), (1000, 1.0)])
def test_tabu_ends_at_or_below_every_peer_at_equal_seconds(benchmark, n, seconds):
    tabu_search(np.eye(2), np.ones(2), rng=0)  # compiled
    gaps: dict[str, list[float]] = {}
    for seed in range(3 if n == 1000 else 5):
        X, y = instance(n, seed)
        value = partial(objective, X, y)
        found = {name: best_within(seconds, solve, value)[0] for name, solve in (theirs(X, y, seconds) | ours(X, y)).items()}
        least = exact(X, y).objective if n == 30 else min(found.values())
        for name, mine in found.items():
            gaps.setdefault(name, []).append(mine / least - 1)
    means = {name: float(np.mean(values)) for name, values in gaps.items()}
    benchmark.extra_info.update(n=n, seconds=seconds, **means)
    benchmark.pedantic(lambda: None, rounds=1)
    assert means["tabu"] <= min(means.values()) + 1e-9, means


def test_the_sphere_decoder_proves_optima_sooner_than_scip(benchmark):
    """Both prove the optimum at n = 30; SCIP minimises t over |Xw - y|^2 <= t, w = 2 b - 1."""
    pyscipopt = pytest.importorskip("pyscipopt")
    X, y = instance(30, 0)
    exact(X, y)
    started = time.process_time()
    answer = exact(X, y)
    mine = time.process_time() - started
    model = pyscipopt.Model()
    model.hideOutput()
    signs = [2 * model.addVar(vtype="B") - 1 for _ in range(30)]
    top = model.addVar(lb=0, ub=None)
    gram, moments = X.T @ X, X.T @ y
    pairs = ((i, j) for i in range(30) for j in range(30))
    quadratic = pyscipopt.quicksum(float(gram[i, j]) * signs[i] * signs[j] for i, j in pairs)
    linear = pyscipopt.quicksum(-2 * float(moment) * one for moment, one in zip(moments, signs, strict=True))
    model.addCons(quadratic + linear + float(y @ y) <= top)
    model.setObjective(top)
    model.setParam("limits/time", 60)
    started = time.process_time()
    model.optimize()
    scip = time.process_time() - started
    benchmark.extra_info.update(seconds=mine, scip_seconds=scip, ratio=scip / mine, scip_status=model.getStatus())
    benchmark.pedantic(exact, args=(X, y), rounds=3)
    assert answer.optimal
    assert model.getObjVal() >= answer.objective * (1 - 1e-6)
    assert scip >= 10 * mine
