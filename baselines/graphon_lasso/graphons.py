"""Graphons, graphs and signals drawn from them, and the eigenvalues that they let expect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import erf

from optathlon.baselines.graphon_lasso._checks import Array, check_array, check_count, check_number, check_rng, check_weights
from optathlon.baselines.graphon_lasso.laplacian import laplacian_of, matrix_of, vector_of

_QUADRATURE = 256  # points for the degrees of a graphon without a formula
_DISCONNECTED = 1e-9  # of the largest eigenvalue


@dataclass(frozen=True)
class Graphon:
    """A symmetric function W of [0, 1]^2 to [0, 1]: edge probabilities between latent positions.

    Attributes
    ----------
    name : str
        For people.
    values : callable
        ``values(x, y)``, elementwise on arrays.
    degrees : callable, optional
        ``degrees(x)``, the integral of W(x, y) over y; by default by quadrature.
    """

    name: str
    values: Callable[[Array, Array], Array]
    degrees: Callable[[Array], Array] | None = None

    def degree(self, x: ArrayLike) -> Array:
        """Return d(x), the integral of W(x, y) over y."""
        x = np.asarray(x, dtype=np.float64)
        if self.degrees is not None:
            return np.broadcast_to(self.degrees(x), x.shape).astype(np.float64)
        y = (np.arange(_QUADRATURE) + 0.5) / _QUADRATURE
        return np.broadcast_to(self.values(x[..., None], y), (*x.shape, _QUADRATURE)).mean(axis=-1)


class SampledGraph(NamedTuple):
    """Answer of `sample_graph`.

    Attributes
    ----------
    w : ndarray, shape (p (p - 1) / 2,)
        Weights 0 and 1, in the order of `laplacian`.
    latent : ndarray, shape (p,)
        Positions of the nodes in [0, 1], ascending.
    """

    w: Array
    latent: Array


def constant(probability: float) -> Graphon:
    """Return W(x, y) = probability: Erdos-Renyi graphs (paper, Fig. 1, left)."""
    q = _check_probability("probability", probability)
    return Graphon(
        f"constant {q:g}", lambda x, y: np.full(np.broadcast_shapes(x.shape, y.shape), q), lambda x: np.full(x.shape, q)
    )


def stochastic_block(probabilities: ArrayLike, shares: ArrayLike | None = None) -> Graphon:
    """Return a piecewise constant graphon: communities (paper, Fig. 1, middle).

    Parameters
    ----------
    probabilities : array_like, shape (k, k)
        Symmetric, between 0 and 1.
    shares : array_like, shape (k,), optional
        Share of each community, adding up to 1; by default equal.
    """
    P = check_array("probabilities", probabilities, 2)
    if P.shape[0] != P.shape[1] or not P.size or not np.array_equal(P, P.T) or P.min() < 0 or P.max() > 1:
        raise ValueError(f"probabilities must be a symmetric matrix of numbers between 0 and 1, got {P.tolist()}")
    sizes = np.full(len(P), 1 / len(P)) if shares is None else check_array("shares", shares, 1)
    if sizes.shape != (len(P),) or sizes.min() < 0 or abs(sizes.sum() - 1) > 1e-9:
        raise ValueError(f"shares must be {len(P)} non-negative numbers that add up to 1, got {sizes.tolist()}")
    ends = np.cumsum(sizes)[:-1]

    def block(x: Array) -> np.ndarray:
        return np.searchsorted(ends, x, side="right")

    return Graphon(f"{len(P)} blocks", lambda x, y: P[block(x), block(y)], lambda x: (P @ sizes)[block(x)])


def nearby(phi: float) -> Graphon:
    """Return W(x, y) = exp(-phi (x - y)^2): nearly regular graphs (paper, Fig. 1, right)."""
    phi = check_number("phi", phi, zero=True)
    root = np.sqrt(phi)

    def degrees(x: Array) -> Array:
        if phi < 1e-12:
            return np.ones(x.shape)
        return np.sqrt(np.pi) / (2 * root) * (erf(root * x) + erf(root * (1 - x)))

    return Graphon(f"exp(-{phi:g} (x - y)^2)", lambda x, y: np.exp(-phi * (x - y) ** 2), degrees)


def mean_of_squares() -> Graphon:
    """Return W(x, y) = (x^2 + y^2) / 2, that of the paper's experiments (Fig. 2)."""
    return Graphon("(x^2 + y^2) / 2", lambda x, y: (x**2 + y**2) / 2, lambda x: x**2 / 2 + 1 / 6)


def sample_graph(
    graphon: Graphon, n_nodes: int, rng: np.random.Generator | int | None = None, *, max_draws: int = 1000
) -> SampledGraph:
    """Draw a connected graph from a graphon, equations (2a) and (2b).

    Parameters
    ----------
    graphon : Graphon
        Edge probabilities.
    n_nodes : int
        At least 2.
    rng : numpy.random.Generator, int or None
        Source of the latent positions and the edges.
    max_draws : int
        Graphs to draw until one is connected; pairs of a node with itself are left out.

    Returns
    -------
    SampledGraph
        Weights 0 and 1, and latent positions; nodes are numbered by position.

    Raises
    ------
    ValueError
        If none of the graphs is connected, or the graphon is not symmetric with values in [0, 1].
    """
    n_nodes, max_draws, generator = check_count("n_nodes", n_nodes, least=2), check_count("max_draws", max_draws), check_rng(rng)
    _check_graphon(graphon)
    for _ in range(max_draws):
        latent = np.sort(generator.random(n_nodes))
        P = np.asarray(graphon.values(latent[:, None], latent[None, :]), dtype=np.float64)
        P = np.broadcast_to(P, (n_nodes, n_nodes))
        if not (np.allclose(P, P.T, rtol=0, atol=1e-9) and P.min() >= 0 and P.max() <= 1):
            raise ValueError(
                f"graphon must be symmetric with values in [0, 1], got {P.min():.3g} to {P.max():.3g} for {graphon.name}"
            )
        w = (generator.random(n_nodes * (n_nodes - 1) // 2) < vector_of(P)).astype(np.float64)
        if is_connected(w):
            return SampledGraph(w, latent)
    raise ValueError(
        f"graphon must give connected graphs of {n_nodes} nodes, got none in {max_draws} draws of {graphon.name}; "
        "take more nodes or larger probabilities"
    )


def is_connected(w: ArrayLike) -> bool:
    """Return whether the graph of the positive weights is connected."""
    from scipy.sparse.csgraph import connected_components

    return int(connected_components(matrix_of(check_weights("w", w)) > 0, directed=False, return_labels=False)) == 1


def sample_signals(w: ArrayLike, n_samples: int, rng: np.random.Generator | int | None = None) -> Array:
    """Draw Gaussian signals whose precision matrix is the Laplacian of a connected graph, N(0, (L w)^+).

    Parameters
    ----------
    w : array_like, shape (p (p - 1) / 2,)
        Weights, not negative.
    n_samples : int
        At least 1.
    rng : numpy.random.Generator, int or None
        Source of the signals.

    Returns
    -------
    ndarray, shape (n_samples, p)
        Signals; each sums to 0.

    Raises
    ------
    ValueError
        If the graph is not connected: the signals of its parts would have no common precision matrix.
    """
    weights, n_samples, generator = check_weights("w", w), check_count("n_samples", n_samples), check_rng(rng)
    if not is_connected(weights):
        raise ValueError("w must be the weights of a connected graph, got one in several parts")
    e, U = np.linalg.eigh(laplacian_of(matrix_of(weights)))
    if e[1] <= _DISCONNECTED * 1e-3 * e[-1]:
        raise ValueError(f"w must be the weights of a graph connected beyond rounding, got eigenvalues {e[1]:.3g} to {e[-1]:.3g}")
    return (generator.standard_normal((n_samples, len(e) - 1)) / np.sqrt(e[1:])) @ U[:, 1:].T


def graphon_spectrum(graphon: Graphon, n_nodes: int, *, latent: ArrayLike | None = None) -> Array:
    """Return the eigenvalues that a graphon lets expect of a Laplacian: p times its degrees, ascending, the first 0.

    Parameters
    ----------
    graphon : Graphon
        The prior.
    n_nodes : int
        At least 2.
    latent : array_like, shape (n_nodes,), optional
        Positions of the nodes; by default (i - 1/2) / p.

    Returns
    -------
    ndarray, shape (n_nodes,)
        The `mu` of `graphon_lasso`.

    Raises
    ------
    ValueError
        If latent positions are not n_nodes numbers in [0, 1].

    References
    ----------
    Vizuete, Garin, Frasca. *The Laplacian spectrum of large graphs sampled from graphons*. IEEE TNSE 8, 2021.
    """
    n_nodes = check_count("n_nodes", n_nodes, least=2)
    _check_graphon(graphon)
    x = (np.arange(n_nodes) + 0.5) / n_nodes if latent is None else check_array("latent", latent, 1)
    if x.shape != (n_nodes,) or x.min() < 0 or x.max() > 1:
        raise ValueError(f"latent must be {n_nodes} numbers in [0, 1], got shape {x.shape}, {x.min():.3g} to {x.max():.3g}")
    return _ascending(n_nodes * graphon.degree(x))


def degree_spectrum(w: ArrayLike) -> Array:
    """Return the degrees of another graph, ascending, the first 0: the `mu` of `graphon_lasso` where the graphon is unknown."""
    return _ascending(matrix_of(check_weights("w", w)).sum(axis=1))


def fitted_spectrum(w: ArrayLike, *, degree: int = 2) -> Array:
    """Return a polynomial fitted to the ascending degrees of an estimated graph, as the `mu` of a second estimate.

    Parameters
    ----------
    w : array_like, shape (p (p - 1) / 2,)
        Weights, for example those of `graphon_lasso` with gamma = 0.
    degree : int
        Of the polynomial in (i - 1/2) / p; below p.
    """
    degrees = np.sort(matrix_of(check_weights("w", w)).sum(axis=1))
    p = len(degrees)
    if check_count("degree", degree) >= p:
        raise ValueError(f"degree must be below the number of nodes, {p}, got {degree}")
    x = (np.arange(p) + 0.5) / p
    fitted = np.polynomial.Polynomial.fit(x, degrees, degree)(x)
    return _ascending(np.maximum(fitted, 0.0))


def _ascending(values: Array) -> Array:
    mu = np.sort(values)
    mu[0] = 0.0
    return mu


def _check_graphon(graphon: Graphon) -> None:
    if not isinstance(graphon, Graphon):
        raise ValueError(f"graphon must be a Graphon, got {graphon!r}")


def _check_probability(name: str, value: float) -> float:
    value = check_number(name, value, zero=True)
    if value > 1:
        raise ValueError(f"{name} must be at most 1, got {value!r}")
    return value
