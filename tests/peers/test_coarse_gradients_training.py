"""The trainings of chapter 3 that fit two cores: LeNet-5 on MNIST, VGG-11 and ResNet-20 on the CIFAR-10 subset.

Some minutes each. Run with: OPTATHLON_DATA=... python -m pytest tests/peers/test_coarse_gradients_training.py -m slow -p no:xdist
"""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from torch import nn

from optathlon.baselines.coarse_gradients import accuracy, train, weight_norm
from optathlon.spec import NeedsData
from optathlon.suites.coarse_gradients.methods import run_float, run_quantized
from optathlon.suites.coarse_gradients.suite import SUITE

pytestmark = pytest.mark.slow


def solved(workload: str, seed: int, bits: int | None, estimator: str = "relu"):
    """Return the trained network, its accuracy on the test set and the CPU seconds of the training."""
    from optathlon.spec import Context

    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    try:
        problem = SUITE.workload(workload).make(rng, "cpu")
    except NeedsData as absent:
        pytest.skip(str(absent))
    start = time.process_time()
    context = Context(rng=rng)
    trained = run_quantized(problem, context, bits=bits, estimator=estimator) if bits else run_float(problem, context)
    return trained, accuracy(trained.model, problem.X_test, problem.y_test), time.process_time() - start


@pytest.mark.parametrize(("bits", "estimator", "least"), [(4, "relu", 0.99), (2, "relu", 0.987), (2, "log-tailed", 0.987)])
def test_lenet_on_mnist_in_three_epochs(bits, estimator, least):
    _, right, cpu = solved("mnist-3-epochs", 0, bits, estimator)
    print(f"{bits} bits, {estimator}: {100 * right:.2f} %, {cpu:.1f} CPU s")
    assert right >= least
    assert cpu <= 50


@pytest.mark.parametrize(("bits", "least"), [(None, 0.44), (4, 0.41)])
def test_vgg11_at_quarter_width(bits, least):
    trained, right, cpu = solved("vgg11-quarter", 0, bits)
    print(f"{bits or 32} bits: {100 * right:.2f} %, loss {trained.losses[-1]:.3f}, {cpu / 8:.1f} CPU s an epoch")
    assert right >= least
    assert cpu <= 12 * 8


def test_resnet20_is_bounded_with_the_clipped_estimator():
    trained, right, _ = solved("resnet20-4-epochs", 0, 4, "clipped-relu")
    print(f"{100 * right:.2f} %, |W| {[round(norm, 2) for norm in trained.norms]}")
    assert max(trained.norms) <= 25
    assert weight_norm(trained.model) == trained.norms[-1]


def test_the_whole_protocol_goes_to_the_device_it_is_given():
    """Where there is a GPU: two epochs of a small network end there as on the CPU."""
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    model, X, y = nn.Linear(3, 3).cuda(), torch.randn(64, 3).cuda(), (torch.arange(64) % 3).cuda()
    trained = train(model, X, y, n_epochs=2, rng=0)
    assert next(trained.model.parameters()).is_cuda
