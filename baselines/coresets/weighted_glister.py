"""Weighted GLISTER: facility location on inner products of gradients instead of distances."""

from __future__ import annotations

from typing import Literal

import numpy as np

from optathlon.baselines.coresets._checks import subset_size
from optathlon.baselines.coresets.coreset import Coreset
from optathlon.baselines.coresets.craig import Block, pairwise
from optathlon.baselines.coresets.facility_location import Strategy, facility_location
from optathlon.baselines.coresets.gradients import Gradients, GradientsLike, as_gradients

Similarity = Literal["inner-product", "cosine"]


def weighted_glister(
    gradients: GradientsLike, k: int, *, similarity: Similarity = "inner-product", strategy: Strategy = "lazy"
) -> Coreset:
    r"""Maximise :math:`\sum_i \max_{j \in S} \langle g_j, g_i \rangle` over subsets of k points, greedily.

    With inner products, the paper's form, the few longest gradients serve everybody and take all the weight. Cosines,
    which are not in the paper, remove the length.

    Parameters
    ----------
    gradients : ndarray of shape (n, d), or factored pair
        Per-sample gradients. All n^2 similarities are kept: 4 n^2 bytes for float32.
    k : int
        Points to choose, 1 to n.
    similarity : {"inner-product", "cosine"}
        The paper's form, or the inner product of normalised gradients (0 with a zero gradient).
    strategy : {"lazy", "batched", "naive"}
        How `facility_location` evaluates gains; the answer is the same.

    Returns
    -------
    Coreset
        k points in greedy order; the weight of a point is the number of points that it serves best, so weights sum to n
        and may be zero.

    Raises
    ------
    ValueError
        Where gradients are not finite, k is not between 1 and n, the similarity is unknown, or all pairs would exceed 4 GiB.

    References
    ----------
    .. [1] Yao, Ren and Zhang, "Coreset selection for data-efficient training", section 3.2.
    """
    gradients = as_gradients(gradients)
    subset_size(k, gradients.n)
    if similarity not in ("inner-product", "cosine"):
        raise ValueError(f"similarity must be 'inner-product' or 'cosine', got {similarity!r}")
    similarities = pairwise(gradients, _cosines if similarity == "cosine" else _inner_products)
    return facility_location(similarities, k, strategy=strategy)


def _inner_products(gradients: Gradients) -> Block:
    return gradients.gram


def _cosines(gradients: Gradients) -> Block:
    lengths = np.sqrt(gradients.squared_norms())
    lengths[lengths == 0] = 1

    def block(rows: slice) -> np.ndarray:
        products = gradients.gram(rows)
        products /= lengths
        products /= lengths[rows, None]
        return products

    return block
