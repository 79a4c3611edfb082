"""Per-sample gradients, as a plain matrix or in the factored form that a last layer gives."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np

from optathlon.baselines.coresets._checks import class_labels, real_array

_EXPONENT = 16  # of the largest number, either sign: then even a product of four, summed, has float32's full accuracy


class DenseGradients(NamedTuple):
    """One gradient a row.

    Attributes
    ----------
    rows : ndarray, shape (n, d)
        Gradient of each sample's loss.
    """

    rows: np.ndarray

    @property
    def n(self) -> int:
        """Number of samples."""
        return self.rows.shape[0]

    def take(self, indices: Any) -> DenseGradients:
        """Return the gradients of some samples."""
        return DenseGradients(self.rows[indices])

    def astype(self, dtype: Any) -> DenseGradients:
        """Return the gradients in another precision."""
        return DenseGradients(self.rows.astype(dtype, copy=False))

    def combine(self, weights: np.ndarray) -> np.ndarray:
        """Return the weighted sum of all gradients, shape (d,)."""
        return weights.astype(self.rows.dtype, copy=False) @ self.rows

    def correlate(self, direction: np.ndarray) -> np.ndarray:
        """Return the inner product of every gradient with `direction` (d,), shape (n,)."""
        return self.rows @ direction.astype(self.rows.dtype, copy=False)

    def gram(self, chosen: slice = slice(None)) -> np.ndarray:
        """Return the inner products of some gradients, m by default all, with all n, shape (m, n)."""
        return self.rows[chosen] @ self.rows.T

    def squared_norms(self) -> np.ndarray:
        """Return the squared Euclidean norm of each gradient, shape (n,)."""
        return np.einsum("ij,ij->i", self.rows, self.rows)

    def sums(self, groups: np.ndarray) -> DenseGradients:
        """Return one summed gradient per row of `groups` (m, size); an index of -1 stands for nothing."""
        return DenseGradients(np.stack([self.rows[group[group >= 0]].sum(axis=0) for group in groups]))


class FactoredGradients(NamedTuple):
    """Gradients of the cross entropy in a last linear layer: g_i = residual_i (outer product) feature_i, never formed.

    Every quantity a selector needs follows from the factors, with D the residuals and H the features:
    <g_i, g_j> = <D_i, D_j> <H_i, H_j>,   <g_i, R> = D_i^T R H_i,   sum_i w_i g_i = (w D)^T H.

    Attributes
    ----------
    residuals : ndarray, shape (n, C)
        Softmax minus one-hot label.
    features : ndarray, shape (n, d)
        What enters the last layer, a column of ones appended where it has a bias.
    """

    residuals: np.ndarray
    features: np.ndarray

    @property
    def n(self) -> int:
        """Number of samples."""
        return self.residuals.shape[0]

    def take(self, indices: Any) -> FactoredGradients:
        """Return the gradients of some samples."""
        return FactoredGradients(self.residuals[indices], self.features[indices])

    def astype(self, dtype: Any) -> FactoredGradients:
        """Return the gradients in another precision."""
        return FactoredGradients(self.residuals.astype(dtype, copy=False), self.features.astype(dtype, copy=False))

    def combine(self, weights: np.ndarray) -> np.ndarray:
        """Return the weighted sum of all gradients, shape (C, d)."""
        return (weights.astype(self.residuals.dtype, copy=False)[:, None] * self.residuals).T @ self.features

    def correlate(self, direction: np.ndarray) -> np.ndarray:
        """Return the inner product of every gradient with `direction` (C, d), shape (n,)."""
        direction = np.ascontiguousarray(direction.T, self.features.dtype)  # a third of the time of a strided product
        return np.einsum("ij,ij->i", self.features @ direction, self.residuals)

    def gram(self, chosen: slice = slice(None)) -> np.ndarray:
        """Return the inner products of some gradients, m by default all, with all n, shape (m, n)."""
        products = self.features[chosen] @ self.features.T
        products *= self.residuals[chosen] @ self.residuals.T
        return products

    def squared_norms(self) -> np.ndarray:
        """Return the squared Euclidean norm of each gradient, shape (n,)."""
        norms = np.einsum("ij,ij->i", self.residuals, self.residuals)
        return norms * np.einsum("ij,ij->i", self.features, self.features)

    def sums(self, groups: np.ndarray) -> DenseGradients:
        """Return one summed gradient per row of `groups` (m, size); an index of -1 stands for nothing."""
        residuals = self.residuals[groups] * (groups >= 0)[:, :, None]
        products = residuals.transpose(0, 2, 1) @ self.features[groups]  # (m, C, d)
        return DenseGradients(products.reshape(len(groups), -1))


Gradients: TypeAlias = DenseGradients | FactoredGradients
GradientsLike: TypeAlias = Gradients | np.ndarray | tuple[np.ndarray, np.ndarray]


def rescaled(gradients: Gradients) -> Gradients:
    """Return the gradients divided by a power of two, which is exact, so that no square of theirs overflows or vanishes."""
    return type(gradients)(*(balanced(factor)[0] for factor in gradients))


def balanced(array: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the array divided by a power of two where its largest number is extreme, and the exponent."""
    exponent = int(np.frexp(max(array.max(), -array.min()))[1])
    return (np.ldexp(array, -exponent), exponent) if abs(exponent) > _EXPONENT else (array, 0)


def as_gradients(gradients: GradientsLike) -> Gradients:
    """Return per-sample gradients in one of the two forms.

    Parameters
    ----------
    gradients : ndarray of shape (n, d), or pair of ndarrays of shapes (n, C) and (n, d)
        One gradient a row, or the factors of `FactoredGradients`. Integers become float64; float32 stays float32.

    Returns
    -------
    DenseGradients or FactoredGradients
        Views of the input where its type allows.

    Raises
    ------
    ValueError
        Where an array is empty, not two-dimensional, not finite, or the factors differ in their number of rows.
    """
    if isinstance(gradients, DenseGradients):
        gradients = gradients.rows
    if not isinstance(gradients, tuple):
        return DenseGradients(real_array("gradients", gradients, 2))
    if len(gradients) != 2:
        raise ValueError(f"gradients must be one array or a pair (residuals, features), got {len(gradients)} arrays")
    residuals = real_array("residuals", gradients[0], 2)
    features = real_array("features", gradients[1], 2)
    if len(residuals) != len(features):
        raise ValueError(f"residuals and features must have one row a sample, got {residuals.shape} and {features.shape}")
    common = np.result_type(residuals, features)
    return FactoredGradients(residuals, features).astype(common)


def factored_gradients(logits: np.ndarray, labels: np.ndarray, features: np.ndarray, *, bias: bool = True) -> FactoredGradients:
    """Gradients of the cross entropy with respect to the last layer, in closed form.

    For logits z = W h + b and the loss -log softmax(z)_y, the gradient is (softmax(z) - onehot(y)) (outer product) [h; 1].

    Parameters
    ----------
    logits : ndarray, shape (n, C)
        Outputs of the last layer.
    labels : ndarray of int, shape (n,)
        Classes, from 0 to C - 1. A class may be absent.
    features : ndarray, shape (n, d)
        Inputs of the last layer.
    bias : bool
        Whether the layer has a bias, whose gradient is then the last column.

    Returns
    -------
    FactoredGradients
        Residuals (n, C) and features (n, d + 1), or (n, d) without bias.

    Raises
    ------
    ValueError
        Where shapes disagree, a number is not finite, or a label lies outside 0 to C - 1.
    """
    logits, features = real_array("logits", logits, 2), real_array("features", features, 2)
    labels = class_labels(labels, len(logits))
    if len(features) != len(logits):
        raise ValueError(f"features must have one row per row of logits, {len(logits)}, got shape {features.shape}")
    if labels.min() < 0 or labels.max() >= logits.shape[1]:
        raise ValueError(f"labels must lie between 0 and {logits.shape[1] - 1}, got {labels.min()} to {labels.max()}")
    residuals = np.exp(logits - logits.max(axis=1, keepdims=True))
    residuals /= residuals.sum(axis=1, keepdims=True)
    residuals[np.arange(len(labels)), labels] -= 1
    if bias:
        features = np.concatenate([features, np.ones((len(features), 1), features.dtype)], axis=1)
    return FactoredGradients(residuals, features)
