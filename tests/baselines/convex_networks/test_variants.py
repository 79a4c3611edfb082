"""Back-propagation on the networks of the other convex programs: finite differences, and the certified optimum from below."""

import numpy as np
import pytest
from scipy.optimize import check_grad

from optathlon.baselines.convex_networks import (
    batch_norm_program,
    classification_objective,
    convolutional_program,
    relu_classification_program,
    train_batch_norm,
    train_classifier,
    train_convolutional,
    train_network,
)
from optathlon.baselines.convex_networks.variants import BatchNorm, Classifier, Convolution

DATA = np.random.default_rng(1)
X, PATCHES = DATA.standard_normal((8, 2)), DATA.standard_normal((6, 3, 2))
Y = DATA.standard_normal(8)
SIGNS = np.sign(Y)


@pytest.mark.parametrize(
    "objective",
    [
        Classifier(X, SIGNS[:, None], 0.3, 4),
        Classifier(X, SIGNS[:, None], 0.3, 4, loss="hinge"),
        Convolution(PATCHES, Y[:6, None], 0.3, 4),
        BatchNorm(X - X.mean(axis=0), Y, 0.3, 4),
    ],
)
def test_gradients_are_those_of_finite_differences(objective):
    theta = objective.start(np.random.default_rng(2), "gaussian")
    error = check_grad(lambda t: objective.value_and_gradient(t)[0], lambda t: objective.value_and_gradient(t)[1], theta)
    assert error < 1e-5 * max(1.0, np.linalg.norm(objective.value_and_gradient(theta)[1]))
    np.testing.assert_allclose(objective.gradient(theta, None), objective.value_and_gradient(theta)[1])


@pytest.mark.parametrize("objective", [Classifier(X, SIGNS[:, None], 0.3, 4), Convolution(PATCHES, Y[:6, None], 0.3, 4)])
def test_gradients_of_batches_are_unbiased(objective):
    theta, n = objective.start(np.random.default_rng(3), "gaussian"), objective.n_samples
    parts = [objective.gradient(theta, np.array([i, (i + 1) % n])) for i in range(n)]
    np.testing.assert_allclose(np.mean(parts, axis=0), objective.gradient(theta, None), atol=1e-12)


@pytest.mark.parametrize("loss", ["logistic", "hinge"])
def test_no_trained_classifier_is_below_the_certified_optimum_and_the_best_come_near(loss):
    optimum = relu_classification_program(X, SIGNS, 0.1, loss=loss)
    assert optimum.converged
    assert optimum.complete
    runs = [train_classifier(X, SIGNS, 0.1, n_neurons=30, loss=loss, optimizer="adam", rng=seed) for seed in range(3)]
    for run in runs:
        assert run.objective == pytest.approx(classification_objective(X, SIGNS, 0.1, *run.layers[:1], run.layers[1], loss=loss))
        assert run.objective >= optimum.bound - 1e-9
    assert min(run.objective for run in runs) <= 1.02 * optimum.bound


def test_no_trained_convolution_or_normalised_network_is_below_its_optimum_and_the_best_come_near():
    convolution = convolutional_program(PATCHES, Y[:6], 0.1)
    normalised = batch_norm_program(X, Y, 0.1)
    for bound, train in (
        (convolution.bound, lambda seed: train_convolutional(PATCHES, Y[:6], 0.1, n_neurons=30, optimizer="lbfgs", rng=seed)),
        (normalised.bound, lambda seed: train_batch_norm(X, Y, 0.1, n_neurons=30, optimizer="lbfgs", rng=seed)),
    ):
        found = [train(seed).objective for seed in range(4)]
        assert min(found) >= bound - 1e-9
        assert min(found) <= 1.02 * bound


def test_the_normalised_network_predicts_what_its_layers_say():
    solved = batch_norm_program(X, Y, 0.1)
    objective = BatchNorm(X - X.mean(axis=0), Y, 0.1, len(solved.w2))
    theta = np.concatenate([solved.W1.ravel(), solved.gamma, solved.alpha, solved.w2])
    assert objective.value_and_gradient(theta)[0] == pytest.approx(solved.objective, rel=1e-9)


@pytest.mark.parametrize("optimizer", ["adagrad", "rmsprop"])
def test_adaptive_steps_are_those_of_torch(optimizer):
    import torch

    seen = []
    train_network(
        X, Y, 0.2, n_neurons=3, optimizer=optimizer, n_steps=15, step=0.02, rng=0, callback=lambda t, net: seen.append(net)
    )
    first = []
    train_network(
        X, Y, 0.2, n_neurons=3, optimizer="sgd", n_steps=1, step=1e-30, rng=0, callback=lambda t, net: first.append(net)
    )
    W1, w2 = (torch.tensor(part, requires_grad=True) for part in (first[0].W1, first[0].w2))
    if optimizer == "adagrad":
        steps = torch.optim.Adagrad([W1, w2], lr=0.02, eps=1e-8)
    else:
        steps = torch.optim.RMSprop([W1, w2], lr=0.02, alpha=0.9, eps=1e-8)
    data, labels = torch.tensor(X), torch.tensor(Y)
    for t in range(15):
        loss = 0.5 * (torch.relu(data @ W1) @ w2 - labels).square().sum() + 0.1 * (W1.square().sum() + w2.square().sum())
        grads = torch.autograd.grad(loss / 8, [W1, w2])
        for tensor, grad in zip((W1, w2), grads, strict=True):
            tensor.grad = grad
            if optimizer == "rmsprop" and t == 0:  # the average starts at the first square instead of zero
                steps.state[tensor] = {"step": torch.zeros(()), "square_avg": grad.square()}
        if optimizer == "rmsprop":
            steps.param_groups[0]["lr"] = 0.02 * (0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * t / 15)))
        steps.step()
    np.testing.assert_allclose(seen[-1].W1, W1.detach(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(seen[-1].w2, w2.detach(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: train_classifier(X, Y, 0.1, n_neurons=2), "y must hold -1 and 1 only"),
        (lambda: train_classifier(X, SIGNS, 0.1, n_neurons=2, loss="l2"), "loss must be one of"),
        (lambda: train_classifier(X, SIGNS, 0.1, n_neurons=2, optimizer="newton"), "optimizer must be one of sgd"),
        (lambda: train_convolutional(X, Y, 0.1, n_neurons=2), "patches must"),
        (lambda: train_batch_norm(X, Y, 0.1, n_neurons=2, batch_size=4), "batch_size must be None"),
        (lambda: train_batch_norm(X, Y, -1.0, n_neurons=2), "beta must"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
