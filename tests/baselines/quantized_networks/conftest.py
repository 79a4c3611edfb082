"""Instances of the tests, and a judge of relaxations that shares no code with the solver."""

from types import SimpleNamespace

import numpy as np
import pytest


def planted(n, d, seed, kind="noise", theta=0.1):
    """Ten planted sign neurons: "paper" exactly and with beta 1e-4, "noise" with 50 % noise, "hinge" their signs."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    rng.standard_normal((n, d))  # the test samples
    U, V = rng.choice([-1.0, 1.0], (d, 10)), rng.choice([-1.0, 1.0], (d, 10))
    f = ((X @ U) * (X @ V)) @ np.abs(rng.standard_normal(10))
    if kind == "paper":
        return X, f, 1e-4
    y = f / (f.std() or 1.0) + 0.5 * rng.standard_normal(n)
    if kind == "hinge":
        y = np.where(y >= 0, 1.0, -1.0)
    return X, y, beta_of(X, y, theta, "hinge" if kind == "hinge" else "squared")


def beta_of(X, y, theta, loss):
    """Return theta times the beta from which on no rank-one neuron of unit diagonal pays."""
    v = 2 * y if loss == "squared" else y
    size = np.linalg.norm(X.T @ (v[:, None] * X), 2)
    return theta * 2 * size if size > 0 else theta


def loss_of(fitted, y, loss):
    return np.sum((fitted - y) ** 2) if loss == "squared" else np.maximum(1 - y * fitted, 0).sum()


def check_answer(answer, X, y, beta):
    """Value the two points of an answer again from their definition, eigenvalues instead of Cholesky factors."""
    d = X.shape[1]
    price = {"bilinear": 2 * beta, "bilinear-printed": beta, "quadratic": beta}[answer.form] * d
    scale = max(float(np.abs(answer.P).max()), float(np.abs(answer.N).max()), 1e-300)
    assert min(np.linalg.eigvalsh(answer.P)[0], np.linalg.eigvalsh(answer.N)[0]) >= -1e-12 * scale
    if answer.form == "quadratic":
        for half in (answer.P, answer.N):
            np.testing.assert_allclose(np.diagonal(half), half[0, 0], rtol=0, atol=1e-10 * scale)
        cost = price * (answer.P[0, 0] + answer.N[0, 0])
        budget = beta * d
    else:
        np.testing.assert_allclose(np.diagonal(answer.P + answer.N), 2 * answer.rho, rtol=1e-12, atol=1e-12 * scale)
        cost = price * answer.rho
        budget = price / 2
    fitted = np.einsum("ij,jk,ik->i", X, answer.P - answer.N, X)
    np.testing.assert_allclose(loss_of(fitted, y, answer.loss) + cost, answer.objective, rtol=1e-9)
    v, S = answer.dual, np.einsum("i,ij,ik->jk", answer.dual, X, X)
    if answer.loss == "squared":
        value = v @ y - v @ v / 4
    else:
        a = v * y
        assert a.min() >= 0
        assert a.max() <= 1
        value = a.sum()
    np.testing.assert_allclose(value, answer.bound, rtol=1e-9, atol=1e-300)
    for mu, sign in ((answer.mu[:d], -1), (answer.mu[-d:], 1)):
        assert mu.sum() <= budget * (1 + 1e-12)
        assert np.linalg.eigvalsh(np.diag(mu) + sign * S)[0] >= -1e-12 * max(np.abs(mu).max(), np.abs(S).max())
    assert answer.bound <= answer.objective * (1 + 1e-12)


@pytest.fixture(scope="session")
def judge():
    return SimpleNamespace(planted=planted, beta_of=beta_of, loss_of=loss_of, check_answer=check_answer)
