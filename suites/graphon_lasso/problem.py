"""Signals on a graph whose Laplacian is to be found, and what is known beforehand of its eigenvalues."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from optathlon import data
from optathlon.baselines.graphon_lasso import (
    Graphon,
    degree_spectrum,
    graphon_lasso,
    graphon_spectrum,
    laplacian,
    sample_graph,
    sample_signals,
)
from optathlon.suites.graphon_lasso.graphs import grid, weights_of

Make = Callable[[np.random.Generator, str], "Estimation"]

BETA = 10.0
N_TEST = 2000  # samples for the held-out likelihood of a known graph


@dataclass(frozen=True)
class Estimation:
    """A covariance matrix, and the graph behind it where it is known.

    Attributes
    ----------
    X : ndarray, shape (n, p)
        Training signals, of mean 0.
    test : ndarray, shape (p, p)
        Covariance of signals kept apart.
    truth : ndarray, shape (p (p - 1) / 2,), or None
        Weights of the graph that the signals were drawn from.
    priors : mapping
        Name to eigenvalues, shape (p,), ascending: ``"graphon"``, ``"latent"`` (the graphon at the nodes' positions), ``"other"``
        (degrees of another graph from it), ``"constant"`` (all alike, of the same sum), ``"true"``.
    neighbours : ndarray, shape (p, p), or None
        Pixels beside one another.
    traced : bool
        Whether solvers are compared along their runs.
    """

    X: np.ndarray
    test: np.ndarray
    truth: np.ndarray | None
    priors: Mapping[str, np.ndarray]
    neighbours: np.ndarray | None = None
    traced: bool = False
    _bounds: dict[tuple[str, float, float], float] = field(default_factory=dict, repr=False, compare=False)

    @property
    def S(self) -> np.ndarray:
        """Sample covariance, shape (p, p)."""
        return self.X.T @ self.X / len(self.X)

    @property
    def n_nodes(self) -> int:
        """Number p of variables."""
        return self.X.shape[1]

    def bound(self, prior: str, mu: np.ndarray | None, alpha: float, gamma: float) -> float:
        """Return a lower bound on the objective with these settings, solved for once."""
        key = (prior, alpha, gamma)
        if key not in self._bounds:
            result = graphon_lasso(self.S, mu, alpha=alpha, beta=BETA, gamma=gamma, tol=1e-8 if gamma == 0 else 1e-6)
            self._bounds[key] = result.bound
        return self._bounds[key]


@dataclass(frozen=True)
class Operator:
    """The Laplacian operator of so many nodes."""

    n_nodes: int
    start: np.ndarray


def from_graphon(graphon: Graphon, n_nodes: int, n_samples: int, *, traced: bool = False) -> Make:
    """Return the generator of graphs from a graphon and signals on them; the seed draws both, and another graph."""

    def make(rng: np.random.Generator, device: str) -> Estimation:
        w, latent = sample_graph(graphon, n_nodes, rng)
        priors = {
            "graphon": graphon_spectrum(graphon, n_nodes),
            "latent": graphon_spectrum(graphon, n_nodes, latent=latent),
            "other": degree_spectrum(sample_graph(graphon, n_nodes, rng).w),
        }
        return replace(_on_graph(w, n_samples, priors, rng), traced=traced)

    return make


def on_real_graph(neighbours: str, n_samples: int) -> Make:
    """Return the generator of signals on a given graph; its own degrees stand for the graphon's."""

    def make(rng: np.random.Generator, device: str) -> Estimation:
        w = weights_of(neighbours)
        return _on_graph(w, n_samples, {"graphon": degree_spectrum(w)}, rng)

    return make


def digits_pixels(n_samples: int) -> Make:
    """Return the generator of random samples of scikit-learn's digits; variables are pixels, scaled to variance 1."""

    def make(rng: np.random.Generator, device: str) -> Estimation:
        pixels = data.load("digits")["X"].reshape(-1, 64)
        kept = pixels.std(axis=0) > 0.3  # the others hardly ever have ink
        pixels = pixels[rng.permutation(len(pixels))][:, kept]
        scaled = (pixels - pixels.mean(axis=0)) / pixels.std(axis=0)
        X, held_out = scaled[:n_samples], scaled[n_samples:]
        neighbours = grid(8)[np.ix_(kept, kept)]
        mu = np.sort(neighbours.sum(axis=1))
        mu[0] = 0.0
        return Estimation(X - X.mean(axis=0), held_out.T @ held_out / len(held_out), None, {"graphon": mu}, neighbours)

    return make


def operator(n_nodes: int) -> Make:
    """Return the generator of the operator with a random start for its largest singular value."""

    def make(rng: np.random.Generator, device: str) -> Operator:  # pyright: ignore[reportReturnType]
        return Operator(n_nodes, rng.standard_normal(n_nodes * (n_nodes - 1) // 2))

    return make  # pyright: ignore[reportReturnType]


def _on_graph(w: np.ndarray, n_samples: int, priors: dict[str, np.ndarray], rng: np.random.Generator) -> Estimation:
    L = laplacian(w)
    true = np.linalg.eigvalsh(L)
    true[0] = 0.0
    p = len(L)
    constant = np.full(p, priors["graphon"].sum() / (p - 1))
    constant[0] = 0.0
    X = sample_signals(w, n_samples, rng)
    held_out = sample_signals(w, N_TEST, rng)
    priors = priors | {"constant": constant, "true": np.sort(true)}
    return Estimation(X, held_out.T @ held_out / N_TEST, w, priors)
