"""How an estimate is scored: against the true graph, on signals kept apart, and as the answer of an optimisation problem."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from optathlon.baselines.graphon_lasso import certify, laplacian
from optathlon.spec import Metric
from optathlon.suites.graphon_lasso.methods import Estimate
from optathlon.suites.graphon_lasso.problem import BETA, Estimation, Operator

NOT_HERE = math.nan
THRESHOLD = 0.1  # smallest weight that counts as an edge; true weights are 1
FLOOR = 1e-3  # of the eigenvalues in the held-out loss; those of connected graphs here are hundreds of times larger
STRONGEST = 150  # pairs of pixels


def relative_error(problem: Estimation, answer: Estimate) -> float:
    """Return |estimate - Laplacian| / |Laplacian|, Frobenius norms."""
    if not isinstance(answer, Estimate) or problem.truth is None:
        return NOT_HERE
    true = laplacian(problem.truth)
    return float(np.linalg.norm(answer.precision - true) / np.linalg.norm(true))


def f_score(problem: Estimation, answer: Estimate) -> float:
    """Return the harmonic mean of precision and recall of the edges; 0 where there are none."""
    if not isinstance(answer, Estimate) or problem.truth is None:
        return NOT_HERE
    found, true = _weights(answer) > THRESHOLD, problem.truth > 0
    return float(2 * np.count_nonzero(found & true) / (np.count_nonzero(found) + np.count_nonzero(true)))


def n_edges(problem: Estimation, answer: Estimate) -> float:
    """Return the number of pairs above the threshold."""
    return float(np.count_nonzero(_weights(answer) > THRESHOLD)) if isinstance(answer, Estimate) else NOT_HERE


def trace_ratio(problem: Estimation, answer: Estimate) -> float:
    """Return the trace of the estimate over that of the Laplacian: twice the l1 norm of the weights, for Laplacians."""
    if not isinstance(answer, Estimate) or problem.truth is None:
        return NOT_HERE
    return float(np.trace(answer.precision) / (2 * problem.truth.sum()))


def held_out_loss(problem: Estimation, answer: Estimate) -> float:
    """Return the mean negative log-density of signals kept apart, on the complement of the constant signal.

    A graph in several parts has no density: every precision matrix is taken with `FLOOR` added to its eigenvalues there.
    """
    if not isinstance(answer, Estimate):
        return NOT_HERE
    p = problem.n_nodes
    basis = np.linalg.svd(np.ones((1, p)))[2][1:]
    precision, covariance = (basis @ matrix @ basis.T for matrix in (answer.precision, problem.test))
    precision += FLOOR * np.eye(p - 1)
    values = np.maximum(np.linalg.eigvalsh(precision), FLOOR)
    return float((precision * covariance).sum() - np.log(values).sum() + (p - 1) * math.log(2 * math.pi)) / 2


def certified_gap(problem: Estimation, answer: Estimate) -> float:
    """Return how far the objective is above a proved lower bound on the global minimum, relative to max(1, |objective|).

    Where solvers are compared the bound is the same for all; elsewhere it is the method's own, loose for the sweeps of the paper.
    """
    if not isinstance(answer, Estimate) or answer.w is None or answer.prior == "k":
        return NOT_HERE
    settings = {"alpha": answer.alpha, "gamma": answer.gamma}
    objective = certify(problem.S, answer.mu, answer.w, beta=BETA, **settings).objective
    own = None if problem.traced else answer.result
    bound = own.bound if own else problem.bound(answer.prior, answer.mu, **settings)
    return (objective - bound) / max(1.0, abs(objective))


def stationarity(problem: Estimation, answer: Estimate) -> float:
    """Return the largest violation of the conditions of section 5, in units of the flat start and the mean cost."""
    return answer.result.kkt if isinstance(answer, Estimate) and answer.result is not None else NOT_HERE


def eigendecompositions(problem: Estimation, answer: Estimate) -> float:
    """Return how many eigendecompositions the answer took, those of its certificate included."""
    return float(answer.result.n_eigh) if isinstance(answer, Estimate) and answer.result is not None else NOT_HERE


def largest_rise(problem: Estimation, answer: Estimate) -> float:
    """Return the largest rise of the objective from a sweep to the next, relative; of the sweeps kept, negative if it falls."""
    if not isinstance(answer, Estimate) or len(answer.sweeps) < 2 or answer.result is None or answer.prior == "k":
        return NOT_HERE
    settings = {"alpha": answer.alpha, "gamma": answer.gamma}
    values = [certify(problem.S, answer.mu, w, beta=BETA, **settings).objective for w in answer.sweeps]
    return max((later - earlier) / max(1.0, abs(earlier)) for earlier, later in pairwise(values))


def support_kept(problem: Estimation, answer: Estimate) -> float:
    """Return the share of the edges after the first sweep that are there at the end."""
    if not isinstance(answer, Estimate) or answer.prior != "k" or answer.w is None or not answer.sweeps:
        return NOT_HERE
    first = answer.sweeps[0] > 0
    return float(np.count_nonzero(first & (answer.w > 0)) / max(1, np.count_nonzero(first)))


def neighbour_share(problem: Estimation, answer: Estimate) -> float:
    """Return the share of the strongest pairs of pixels that are beside one another."""
    if not isinstance(answer, Estimate) or problem.neighbours is None:
        return NOT_HERE
    pairs = np.triu_indices(problem.n_nodes, 1)
    strongest = np.argsort(-_weights(answer), kind="stable")[:STRONGEST]
    return float(problem.neighbours[pairs][strongest].mean())


def operator_error(problem: Operator, answer: float) -> float:
    """Return how far the squared norm of the operator is from 2p, relative."""
    return abs(answer / (2 * problem.n_nodes) - 1) if isinstance(problem, Operator) else NOT_HERE


def _weights(answer: Estimate) -> np.ndarray:
    pairs = np.triu_indices(len(answer.precision), 1)
    return answer.w if answer.w is not None else -answer.precision[pairs]


METRICS = (
    Metric(name="relative-error", unit="fraction", better="lower", evaluate=relative_error),
    Metric(name="f-score", unit="fraction", better="higher", evaluate=f_score),
    Metric(name="held-out-loss", unit="nat", better="lower", evaluate=held_out_loss),
    Metric(name="certified-gap", unit="fraction", better="lower", evaluate=certified_gap, tolerance=1e-6, traced=True),
    Metric(name="stationarity", unit="fraction", better="lower", evaluate=stationarity),
    Metric(name="eigendecompositions", unit="count", better="lower", evaluate=eigendecompositions),
    Metric(name="edges", unit="count", better="lower", evaluate=n_edges),
    Metric(name="trace-ratio", unit="fraction", better="higher", evaluate=trace_ratio),
    Metric(name="largest-rise", unit="fraction", better="lower", evaluate=largest_rise),
    Metric(name="support-kept", unit="fraction", better="higher", evaluate=support_kept),
    Metric(name="neighbour-share", unit="fraction", better="higher", evaluate=neighbour_share),
    Metric(name="operator-error", unit="fraction", better="lower", evaluate=operator_error),
)
